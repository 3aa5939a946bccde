"""An agent never outlives its run: not a run that was killed, not one that lost its lease, and two never share a worktree."""

import os
import signal
import sys
import time
from pathlib import Path

import psycopg
import pytest
from process_launcher import ProcessLauncher, sealed, until
from world_facts import assert_done_once, merges, pulls, strays, tip

from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo import plant
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.system.process import start_time

WRAPPER = Path(__file__).with_name("waiting_agent.py")


class Waiting:
    """A change whose agent is at work and will not end by itself; `pids` of the agent and of a helper that it started."""

    def __init__(self, resumed, **limits) -> None:
        world = resumed.world
        self.room = world.home / "agent-room"
        self.room.mkdir(exist_ok=True)
        (self.room / "wait").touch()
        (self.room / "working").unlink(missing_ok=True)
        command = (sys.executable, "-I", str(WRAPPER), str(self.room), str(plant.AGENT))
        settings = world.settings(agent={"command": command}, sandbox={"kind": "none"})  # it is seen from outside
        self.launcher = ProcessLauncher(settings=settings, logs=world.home / "runs", limits=limits)
        self.since = tip(world)
        self.key, self.issue = world.plant()
        self.services = resumed.services
        take_in(self.services, self.key, base=None, prompt="", by="ada")
        until(self.services, self.launcher, self.key, lambda _: (self.room / "working").exists())
        self.pids = [int(pid) for pid in (self.room / "working").read_text().split()]
        assert all(start_time(pid) for pid in self.pids)

    def lets_go(self) -> None:
        (self.room / "wait").unlink()

    def are_gone(self) -> bool:
        for _ in range(100):
            if not any(start_time(pid) for pid in self.pids):
                return True
            time.sleep(0.1)
        return False


@pytest.fixture
def waiting(resumed):
    made: list[Waiting] = []

    def make(**limits) -> Waiting:
        made.append(Waiting(resumed, **limits))
        return made[-1]

    yield make
    for one in made:
        one.launcher.close()


def test_an_agent_dies_with_its_run_and_the_next_one_starts_clean(resumed, waiting):
    one = waiting()
    next(iter(one.launcher.runs.values())).kill()
    assert one.are_gone()
    one.lets_go()
    until(one.services, one.launcher, one.key, sealed)
    assert_done_once(resumed.world, one.services, one.key, since=one.since)
    files = one.services.store.artifacts.files(one.services.store.runs.latest(one.key).id)
    assert "worktree-kept" in {file.name for file in files}
    patch = one.services.blobs.get(next(f.sha256 for f in files if f.name == "implementation-patch"))
    assert b"half-done" not in patch


def test_an_agent_that_is_killed_itself_has_failed_and_the_next_attempt_completes(resumed, waiting):
    one = waiting()
    os.kill(one.pids[0], signal.SIGKILL)
    assert one.are_gone()
    one.lets_go()
    until(one.services, one.launcher, one.key, lambda a: sealed(a) and a.state is not State.NEEDS_ITERATION)
    first, second = one.services.store.runs.all_of(one.key)
    assert (first.state, second.state) == (State.NEEDS_ITERATION, State.COMPLETED), second.reason
    assert "did not finish" in first.reason
    assert merges(resumed.world, one.since) == [second.merge_sha]
    assert [pull["number"] for pull in pulls(resumed.world, one.key)] == [second.pr_number]
    assert one.issue.check(resumed.world.shop_url).ok


def test_who_loses_the_lease_kills_its_children_and_writes_nothing_more(resumed, waiting):
    one = waiting(lease_seconds=6.0)
    run = next(iter(one.launcher.runs.values()))
    attempt = one.services.store.runs.latest(one.key)
    with psycopg.connect(resumed.world.store_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "update codex_judge.leases set holder = 'another engine', epoch = epoch + 1,"
            " expires_at = clock_timestamp() + interval '1 minute' where name = %s",
            (f"change:{one.key}",),
        )
        before = _rows(one.services, attempt)
        assert one.are_gone()
        run.join(20)
        assert run.exitcode == 0
        assert "no-op" in one.launcher.said(one.key)
        assert _rows(one.services, attempt) == before
        assert strays(resumed.world) == []
        connection.execute(
            "update codex_judge.leases set expires_at = clock_timestamp() where name = %s", (f"change:{one.key}",)
        )
    one.lets_go()
    until(one.services, one.launcher, one.key, sealed)
    assert_done_once(resumed.world, one.services, one.key, since=one.since)


def test_a_second_engine_on_a_change_does_nothing_and_says_who_works(resumed, waiting):
    one = waiting()
    attempt = one.services.store.runs.latest(one.key)
    before = _rows(one.services, attempt)
    second = one.launcher.by_hand(one.key, "a-second-launch")
    second.join(30)
    assert second.exitcode == 0
    assert f"no-op: {one.key} is being worked on by run " in one.launcher.said(one.key)
    assert _rows(one.services, attempt) == before
    one.lets_go()
    until(one.services, one.launcher, one.key, sealed)
    assert_done_once(resumed.world, one.services, one.key, since=one.since)


def test_a_stop_ends_the_agent_and_cancels_with_nothing_pushed(resumed, waiting):
    one = waiting()
    one.services.store.requests.add(one.services.store.runs.latest(one.key).id, kind="stop", by="ada")
    attempt = until(one.services, one.launcher, one.key, sealed)
    assert attempt.state is State.CANCELLED
    assert one.are_gone()
    assert {write.action for write in one.services.store.writes.of(one.key)} <= {"comment"}  # that it is stopped
    assert tip(resumed.world) == one.since


def _rows(services, attempt):
    store = services.store
    return (
        store.runs.by_id(attempt.id),
        len(store.facts.of(attempt.id)),
        len(store.artifacts.files(attempt.id)),
        len(store.writes.of(attempt.key)),
        # What the agent says is kept some seconds after it was said.
        [message for message in store.notes.messages(attempt.id) if message["content"] != "at work"],
    )
