"""A run that is killed at any boundary is continued by the resumer, and everything outside happened once. The boundaries are those
of a clean run, recorded; here it dies at some of each step, one after the other, and `make crash-matrix` dies at every one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from boundaries import attributed, seen_outside, unwatch_rows, watch_rows
from kill_matrix import HAPPY, Recording, chains, killed, record
from world_facts import tip
from world_fixtures import ENGINE_TOKEN, World, running_world

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.steps.probes import PROBES, Action

CHAINS = 3


@dataclass(frozen=True)
class Recorded:
    world: World
    happy: Recording


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory, make_lasting_database: Callable[..., str], store_template: str
) -> Iterator[Recorded]:
    folder: Path = tmp_path_factory.mktemp("killed")
    with running_world(folder / "home", make_lasting_database(store_template), "--null-ci") as world:
        yield Recorded(world, record(world, HAPPY, folder / "happy"))


def test_every_action_has_a_probe():
    assert set(PROBES) == set(Action)


def test_nothing_is_written_outside_but_within_a_call_that_is_a_boundary(recorded, record_property):
    happy = recorded.happy
    record_property("boundaries", 2 * len(happy.calls))
    record_property("at which a run is killed", len(happy.points))
    assert list(happy.beyond) == []
    seen = [effect.what for call in happy.calls for effect in call.effects]
    assert "POST /acme/shop.git/git-receive-pack" in seen
    assert "insert jangar_github.write_actions" in seen
    assert "PUT /repos/acme/shop/pulls/{n}/merge-async" in seen


def test_a_write_past_the_services_is_seen_as_beyond_every_boundary(recorded):
    world = recorded.world
    watch_rows(world)
    world.forge.clear_requests()
    with psycopg.connect(libpq_url(world.store_url), autocommit=True) as database:
        database.execute("update codex_judge.runs set reason = reason")
    httpx.post(
        f"{world.url}/api/v3/repos/acme/shop/statuses/{tip(world)}",
        headers={"authorization": f"Bearer {ENGINE_TOKEN}"},
        json={"state": "success"},
    )
    effects = seen_outside(world)
    unwatch_rows(world)
    _, beyond = attributed(recorded.happy.calls, effects)
    assert [e.what for e in beyond] == ["update codex_judge.runs", "POST /repos/acme/shop/statuses/{n}"]


def test_every_step_has_boundaries_at_which_it_may_die(recorded):
    of_the_run = {point.step for point in recorded.happy.points if point.run == 1}
    assert of_the_run == set(range(1, len(Artifact) + 1))


@pytest.mark.parametrize("nth", range(CHAINS))
def test_a_run_killed_in_every_step_is_continued_each_time_and_all_happens_once(recorded, nth):
    deaths = chains(recorded.happy.points, CHAINS)[nth]
    outcome = killed(recorded.world, HAPPY, deaths)
    assert outcome.problems == (), "\n".join(point.name for point in deaths.values())
    assert outcome.launches >= len(deaths)  # who dies at the very end left nothing to do
