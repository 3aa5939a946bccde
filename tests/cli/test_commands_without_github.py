"""The commands of comments, typed on the machine while GitHub answers nobody: recorded all the same."""

import pytest
from store_fixtures import intake, walk

from oneshot_dagster.domain.run import State

KEY = "acme/shop#2"
TO_A_HEAD = (State.WORKTREE_READY, State.IMPLEMENTING, State.TESTING)


@pytest.fixture
def without_github(environment):
    """Nobody listens on that port."""
    environment.update(ONESHOT_GITHUB__API_URL="http://127.0.0.1:9/api/v3", ONESHOT_GITHUB__TOKEN="unused")


@pytest.mark.parametrize("command", ["stop", "hold", "approve"])
def test_what_a_change_on_its_way_is_told_is_recorded(oneshot, store, without_github, command):
    attempt = walk(store, intake(store, KEY), *TO_A_HEAD)
    store.runs.update(attempt.id, {"head_sha": "a" * 40})
    said = oneshot(command, KEY)
    assert said.code == 0, said
    assert [(r.kind, r.by) for r in store.requests.open(attempt.id)] == [(command, "grace")]


@pytest.mark.parametrize("command", [("resume",), ("retry",), ("answer", "Round up.")])
def test_what_a_change_that_waits_for_a_person_is_told_is_recorded(oneshot, store, without_github, command):
    attempt = walk(store, intake(store, KEY), *TO_A_HEAD)
    fields = {"human_from": State.TESTING, "human_reason": "no_progress"}
    store.runs.transition(attempt, State.NEEDS_HUMAN, reason="asks", cause="a test", fields=fields)
    said = oneshot(command[0], KEY, *command[1:])
    assert said.code == 0, said
    assert [(r.kind, r.by) for r in store.requests.open(attempt.id)] == [(command[0], "grace")]
