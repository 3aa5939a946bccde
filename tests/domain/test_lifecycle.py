from itertools import product

import pytest

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import (
    BEFORE_MERGE,
    HEAD_IS_PUBLIC,
    LIVE,
    STOPPED,
    Kind,
    Mode,
    Part,
    State,
    allowed,
    part,
    selection,
)

ORDER = tuple(Artifact)
BEFORE = "queued worktree_ready implementing testing pr_ready awaiting_ci judging merge_ready"  # of the intent to merge, and of the merge
AFTER = "merged deploying verifying rolling_back rolled_back"
TABLE = {
    "queued": "worktree_ready",
    "worktree_ready": "implementing",
    "implementing": "testing needs_iteration",
    "testing": "pr_ready",
    "pr_ready": "awaiting_ci",
    "awaiting_ci": "judging implementing needs_iteration",
    "judging": "merge_ready awaiting_ci needs_iteration",
    "merge_ready": "merged awaiting_ci",
    "merged": "deploying",
    "deploying": "verifying rolling_back",
    "verifying": "completed rolling_back",
    "rolling_back": "rolled_back",
    "rolled_back": "needs_iteration",
    "needs_iteration": "",
    "needs_human": f"{BEFORE} {AFTER} needs_iteration cancelled superseded",
    "completed": "",
    "cancelled": "",
    "superseded": "",
}


def expected(source, target):
    if target == "needs_human":
        return source not in {"completed", "needs_human"}
    if target in {"cancelled", "superseded"} and source in BEFORE.split():
        return True
    return target in TABLE[source].split()


@pytest.mark.parametrize(("source", "target"), list(product(State, State)))
def test_the_lifecycle_allows_exactly_the_steps_of_the_table(source, target):
    assert allowed(source, target) is expected(source.value, target.value)


def test_every_state_is_live_or_stopped_and_the_words_are_the_stored_ones():
    assert set(State) == LIVE | STOPPED
    assert not LIVE & STOPPED
    assert set(BEFORE.split()) == BEFORE_MERGE
    assert set(TABLE) == set(State)
    assert HEAD_IS_PUBLIC < BEFORE_MERGE < LIVE


def test_no_state_leads_to_itself_and_completed_leads_nowhere():
    assert not any(allowed(state, state) for state in State)
    assert not any(allowed(State.COMPLETED, state) for state in State)


def test_completed_is_reached_only_through_verification():
    assert {s for s in State if allowed(s, State.COMPLETED)} == {State.VERIFYING}
    assert {s for s in State if allowed(s, State.MERGED)} == {State.MERGE_READY, State.NEEDS_HUMAN}


def test_every_live_state_can_reach_an_end_without_a_person():
    reached = set(STOPPED) - {State.NEEDS_HUMAN, State.CANCELLED, State.SUPERSEDED}
    while more := {s for s in LIVE - reached if any(allowed(s, t) for t in reached)}:
        reached |= more
    assert reached >= LIVE


FIRST = {
    "queued": "worktree",
    "worktree_ready": "patch",
    "implementing": "patch",
    "testing": "local_test_report",
    "pr_ready": "pull_request",
    "awaiting_ci": "check_state",
    "judging": "evaluation",
    "merge_ready": "merge",
    "merged": "deployment",
    "deploying": "deployment",
    "verifying": "verification_report",
}


@pytest.mark.parametrize(("state", "head_moved"), list(product(State, [True, False])))
def test_a_continuation_runs_from_its_state_to_the_end(state, head_moved):
    chosen = selection(state, head_moved=head_moved)
    if state in STOPPED:
        assert chosen == ("evidence",)
    elif state in {State.ROLLING_BACK, State.ROLLED_BACK}:
        assert chosen == ()
    elif head_moved and state in HEAD_IS_PUBLIC:
        assert chosen == ("local_test_report", *ORDER[ORDER.index(Artifact.FILE_SNAPSHOT) :])
    else:
        assert chosen == ORDER[ORDER.index(Artifact(FIRST[state])) :]


@pytest.mark.parametrize(("state", "head_moved"), list(product(State, [True, False])))
def test_a_continuation_keeps_the_order_and_ends_with_evidence(state, head_moved):
    chosen = selection(state, head_moved=head_moved)
    assert list(chosen) == sorted(set(chosen), key=ORDER.index)
    assert not chosen or chosen[-1] is Artifact.EVIDENCE
    assert state in BEFORE_MERGE or Artifact.MERGE not in chosen


def test_the_artifacts_are_eleven_in_the_order_of_the_run():
    assert [a.value for a in Artifact] == [
        "worktree", "patch", "local_test_report", "pull_request", "file_snapshot", "check_state", "evaluation", "merge",
        "deployment", "verification_report", "evidence",
    ]  # fmt: skip


def test_modes_go_from_least_to_most_trust():
    assert [m.value for m in Mode] == ["observe", "propose", "merge"]


@pytest.mark.parametrize("state", list(State))
def test_of_a_revert_an_agents_part_refuses_and_its_pull_request_acts_from_the_beginning(state):
    for artifact in (Artifact.WORKTREE, Artifact.PATCH):
        assert part(artifact, state, Kind.REVERT) is Part.REFUSES
    unproposed = {State.QUEUED, State.WORKTREE_READY, State.IMPLEMENTING, State.TESTING}
    if state in unproposed:
        assert part(Artifact.PULL_REQUEST, state, Kind.REVERT) is Part.ACTS
        assert selection(state, head_moved=False, kind=Kind.REVERT)[0] is Artifact.PULL_REQUEST
    else:
        assert part(Artifact.PULL_REQUEST, state, Kind.REVERT) is part(Artifact.PULL_REQUEST, state)
        assert selection(state, head_moved=False, kind=Kind.REVERT) == selection(state, head_moved=False)
