"""Ticks of the three sensors as the daemon makes them, while something is wrong: each says why in words, no one change stops
the others, and a tick after that does the work."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import dagster as dg
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local.demo.plant import REPOSITORY
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.orchestration.build import build
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.steps.intake import take_in

TO_THE_GATE = tuple(Artifact)[: tuple(Artifact).index(Artifact.CHECK_STATE) + 1]
QUEUE = {"run_coordinator": {"module": "dagster._core.run_coordinator", "class": "QueuedRunCoordinator"}}
NOTHING = {
    "issue_intake": "nobody asked for anything",
    "change_continue": "no change needs anything",
    "github_reconcile": "no change waits for GitHub, or all were glanced at just now",
}


class Ticking:
    """`prepare` leaves the work of one sensor to do, on a change; `done` is what its tick says of that."""

    def __init__(self, world, engine, instance) -> None:
        self.world, self.engine, self.instance = world, engine, instance
        services = engine(repositories=[REPOSITORY], hold_seconds=0.0).services
        self.services = replace(services, limits=replace(services.limits, glance_seconds=0.0))
        self.definitions = build(lambda: self.services)

    def tick(self, name: str) -> str:
        sensor = self.definitions.resolve_sensor_def(name)
        repository = self.definitions.get_repository_def()
        with dg.build_sensor_context(instance=self.instance, repository_def=repository) as context:
            data = sensor.evaluate_tick(context)
        assert data.run_requests == []
        return data.skip_message or ""

    def until(self, name: str, said: str) -> str:
        """What was not found out stands back for some seconds."""
        deadline = time.monotonic() + 30
        while said not in (told := self.tick(name)):
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
        return told

    def prepare(self, name: str) -> ChangeKey:
        key, _ = self.world.plant()
        if name == "issue_intake":
            self.world.forge.label(REPOSITORY, key.issue_number, "oneshot")
        else:
            take_in(self.services, key, base=None, prompt="", by="ada")
        if name == "github_reconcile":
            self.park(key)
        return key

    def park(self, key: ChangeKey) -> None:
        """It waits for a check that nobody reports, and its run is over."""
        self.world.forge.set_protection(REPOSITORY, "main", contexts=["ci", "later"])
        run_id = str(uuid.uuid4())
        self.engine(run_id, hold_seconds=0.0).run(key, *TO_THE_GATE)
        self.instance.add_run(dg.DagsterRun(job_name="one_shot", run_id=run_id, status=dg.DagsterRunStatus.SUCCESS))

    def queued(self) -> list[str]:
        runs = self.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]))
        return [run.tags["dagster/partition"] for run in runs]


def done(name: str, key: ChangeKey) -> str:
    return {
        "issue_intake": f"{key} was taken in as attempt 1",
        "change_continue": f"{key}: it was taken in and nothing ran yet",
        "github_reconcile": f"with something new: {key}",
    }[name]


@pytest.fixture
def ticking(world, engine) -> Iterator[Ticking]:
    with dg.instance_for_test(overrides=QUEUE) as instance:
        yield Ticking(world, engine, instance)
    world.forge.clear_faults()


@contextlib.contextmanager
def database_away(url: str) -> Iterator[None]:
    """Its connections are cut and no new ones are let in."""
    name = make_url(url).database or ""
    other = make_url(url).set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    lets_in = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(other, autocommit=True) as server:
        server.execute(lets_in.format(sql.Identifier(name), sql.SQL("false")))
        try:
            server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            yield
        finally:
            server.execute(lets_in.format(sql.Identifier(name), sql.SQL("true")))


@pytest.mark.parametrize("name", NOTHING)
def test_a_tick_that_finds_nothing_to_do_says_so(ticking, name):
    assert ticking.tick(name) == NOTHING[name]


@pytest.mark.parametrize("name", NOTHING)
def test_without_the_database_a_tick_says_so_and_the_next_one_does_the_work(ticking, name):
    key = ticking.prepare(name)
    with database_away(ticking.world.store_url):
        assert "the database did not answer" in ticking.tick(name)
    assert done(name, key) in ticking.tick(name)


@pytest.mark.parametrize("name", ["issue_intake", "github_reconcile"])
def test_without_github_a_tick_says_so_and_a_later_one_does_the_work(ticking, name):
    key = ticking.prepare(name)
    ticking.world.forge.arm("502_before", login="oneshot", times=0)
    assert ticking.tick(name).startswith("could not ")
    ticking.world.forge.clear_faults()
    assert done(name, key) in ticking.until(name, str(key))


def test_without_github_a_change_that_waits_for_it_is_said_to_and_goes_on_when_it_is_back(ticking):
    key = ticking.prepare("github_reconcile")
    report(ticking.world, ticking.services.store.runs.latest(key).head_sha)
    ticking.world.forge.arm("502_before", login="oneshot", times=0)
    assert f"{key}: waits for ci, which cannot be read" in ticking.tick("change_continue")
    ticking.world.forge.clear_faults()
    ticking.until("github_reconcile", f"with something new: {key}")
    assert f"{key}: the gate opened" in ticking.until("change_continue", "gate opened")
    assert ticking.queued() == [str(key)]


def report(world, sha: str) -> None:
    """The check that was waited for, and the forge's own CI, which may take a moment."""
    app = world.forge.create_app("later-ci", "acme", {"checks": "write"})
    ci = ForgeClient(world.forge.url, app["token"])
    body = {"name": "later", "head_sha": sha, "status": "completed", "conclusion": "success"}
    ci.api("POST", REPOSITORY, "/check-runs", body)
    ci.close()
    deadline = time.monotonic() + 30
    while any(run["status"] != "completed" for run in world.forge.check_runs(REPOSITORY, sha) if run["name"] == "ci"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("poison", ["a policy that is none", "a fact that says nothing"])
def test_a_change_whose_rows_cannot_be_read_stops_no_other(ticking, poison):
    bad, good = ticking.prepare("change_continue"), ticking.prepare("change_continue")
    attempt = ticking.services.store.runs.latest(bad)
    if poison.startswith("a policy"):
        with psycopg.connect(libpq_url(ticking.world.store_url)) as database:
            database.execute("update codex_judge.runs set policy = 'mode = [' where id = %s", [attempt.id])
    else:
        ticking.services.store.facts.append(attempt.id, source="engine", kind="fault", sha=None, data={})
    said = ticking.tick("change_continue")
    assert f"{bad}: " in said
    assert done("change_continue", good) in said
    assert ticking.queued() == [str(good)]


def test_a_pull_request_that_is_not_there_hides_no_other_from_a_glance(ticking):
    bad, good = ticking.prepare("github_reconcile"), ticking.prepare("github_reconcile")
    with psycopg.connect(libpq_url(ticking.world.store_url)) as database:
        where = [bad.issue_number]
        database.execute("update codex_judge.runs set pr_number = 999999 where issue_number = %s", where)
    said = ticking.tick("github_reconcile")
    assert "glanced at 2 waiting changes" in said
    assert f"{good}" in said
    assert f"{bad}" in said  # once: the resumer can say why


@pytest.mark.parametrize("name", NOTHING)
def test_each_runs_without_being_switched_on_every_five_seconds(ticking, name):
    sensor = ticking.definitions.resolve_sensor_def(name)
    assert (sensor.default_status, sensor.minimum_interval_seconds) == (dg.DefaultSensorStatus.RUNNING, 5)
