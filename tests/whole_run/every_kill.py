"""Postgres and the daemon killed at many moments of a change on its way; the change completes, and everything outside happens once.
Not among the tests that run by themselves, because it takes long: `make crash-matrix`."""

import os
import signal
from collections.abc import Callable

import pytest
from stack_world import StackWorld
from test_crash_whole_run import assert_done_once, wait_completed

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.issues import Kind

pytestmark = pytest.mark.whole_run
MOMENTS = (
    State.WORKTREE_READY,
    State.IMPLEMENTING,
    State.TESTING,
    State.PR_READY,
    State.AWAITING_CI,
    State.JUDGING,
    State.MERGE_READY,
    State.MERGED,
    State.DEPLOYING,
    State.VERIFYING,
)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A stack with a Postgres of its own."""
    world = StackWorld(tmp_path_factory.mktemp("mortal") / "home")
    try:
        world.start()
        yield world
    finally:
        world.end()
    world.check_forge()


def _postgres(world: StackWorld) -> None:
    """Nothing starts it again but a new start of the stack."""
    world.kill_postgres()
    world.kill()
    world.wait_until(lambda: not world.left_running(), "nothing of the stack is left")
    world.start()


def _daemon(world: StackWorld) -> None:
    before = world.part("daemon")
    os.kill(before, signal.SIGKILL)
    world.wait_mended("daemon", before)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kill", [_postgres, _daemon], ids=["Postgres", "the daemon"])
def test_what_is_killed_there_keeps_no_change_from_its_end(
    mortal: StackWorld, kill: Callable[[StackWorld], None], moment: State
) -> None:
    key, issue = mortal.issue(Kind.HAPPY)
    assert mortal.launch(key).code == 0
    mortal.wait_until(lambda: _has_been(mortal, key, moment), f"it is {moment}")
    kill(mortal)
    wait_completed(mortal, key)
    assert_done_once(mortal, key)
    assert issue.check(mortal.service_url).ok


def _has_been(world: StackWorld, key: ChangeKey, state: State) -> bool:
    attempts = world.attempts(key)
    return bool(attempts) and state in {step.target for step in world.store.runs.transitions(attempts[-1].id)}
