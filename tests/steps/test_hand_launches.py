"""Each artifact launched alone, in each state of the lifecycle: it acts, shows its record again or refuses, as domain.run.part says."""

import pytest
from store_fixtures import inputs, walk
from world_fixtures import Engine

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, Mode, Part, State, part, selection

S = State
FORWARD = (
    S.WORKTREE_READY,
    S.IMPLEMENTING,
    S.TESTING,
    S.PR_READY,
    S.AWAITING_CI,
    S.JUDGING,
    S.MERGE_READY,
    S.MERGED,
    S.DEPLOYING,
)
PATHS: dict[State, tuple[State, ...]] = {
    **{state: FORWARD[: number + 1] for number, state in enumerate(FORWARD)},
    S.VERIFYING: (*FORWARD, S.VERIFYING),
    S.COMPLETED: (*FORWARD, S.VERIFYING, S.COMPLETED),
    S.ROLLING_BACK: (*FORWARD, S.ROLLING_BACK),
    S.ROLLED_BACK: (*FORWARD, S.ROLLING_BACK, S.ROLLED_BACK),
    S.NEEDS_ITERATION: (S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION),
    S.NEEDS_HUMAN: (S.WORKTREE_READY, S.NEEDS_HUMAN),
    S.CANCELLED: (S.CANCELLED,),
    S.SUPERSEDED: (S.SUPERSEDED,),
    S.QUEUED: (),
}
WALKED = [(state, artifact) for state in State for artifact in Artifact if part(artifact, state) is not Part.ACTS]
RESTING = (
    S.QUEUED,
    S.WORKTREE_READY,
    S.TESTING,
    S.PR_READY,
    S.AWAITING_CI,
    S.JUDGING,
    S.MERGE_READY,
    S.MERGED,
    S.VERIFYING,
)


@pytest.fixture
def by_hand(shared_world):
    services = open_services(shared_world.settings())
    yield Engine(services, "by-hand")
    services.close()


def _everything(engine: Engine, key: ChangeKey):
    store, attempt = engine.services.store, engine.attempt(key)
    return (attempt, store.writes.of(key), store.artifacts.records(attempt.id), len(store.facts.of(attempt.id)))


def _shown(engine: Engine, key: ChangeKey, artifact: Artifact) -> None:
    before = _everything(engine, key)
    outcome = engine.take(artifact, key)
    assert isinstance(outcome, Record), outcome
    assert outcome.what_happened.startswith("On record since ")
    after = _everything(engine, key)
    assert (after[0], after[1], after[3]) == (before[0], before[1], before[3])


def _refused(engine: Engine, key: ChangeKey, artifact: Artifact) -> None:
    before = _everything(engine, key)
    outcome = engine.take(artifact, key)
    assert isinstance(outcome, NotMyTurn), outcome
    assert outcome.reason
    after = _everything(engine, key)
    assert (after[0], after[2:]) == (before[0], before[2:])
    new = after[1][len(before[1]) :]
    assert {(write.action, write.outcome) for write in new} <= {("merge", "denied")}


def test_every_state_has_a_path():
    assert set(PATHS) == set(State)


@pytest.mark.parametrize("state", list(State))
def test_what_is_not_its_turn_shows_or_refuses_and_touches_nothing(by_hand, shared_world, state):
    services = by_hand.services
    key = ChangeKey.parse(f"acme/shop#{9000 + list(State).index(state)}")
    attempt = services.store.runs.create(
        key,
        number=1,
        kind=Kind.IMPLEMENT,
        mode=Mode.MERGE,
        inputs=inputs(issue=key.issue_number),
        policy="",
        cause="a test",
    )
    for artifact in Artifact:
        record = Record(artifact=artifact, what_happened=f"{artifact} was here.")
        services.store.artifacts.record(attempt.id, record, sha=None, dagster_run_id="earlier", seconds=1.0)
    walk(services.store, attempt, *PATHS[state])
    _ = services.github.login
    shared_world.forge.clear_requests()
    for artifact in Artifact:
        match part(artifact, state):
            case Part.SHOWS:
                _shown(by_hand, key, artifact)
            case Part.REFUSES if (state, artifact) not in _BEGINS_ANEW:
                _refused(by_hand, key, artifact)
    asked = [r for r in shared_world.forge.requests() if r["login"] == "oneshot"]
    assert asked == []


# Intake takes the issue in once more.
_BEGINS_ANEW = {
    (S.CANCELLED, Artifact.WORKTREE),
    (S.SUPERSEDED, Artifact.WORKTREE),
}


def test_a_step_of_which_nothing_is_on_record_shows_nothing(by_hand):
    key = ChangeKey.parse("acme/shop#9100")
    attempt = by_hand.services.store.runs.create(
        key, number=1, kind=Kind.IMPLEMENT, mode=Mode.MERGE, inputs=inputs(issue=9100), policy="", cause="a test"
    )
    walk(by_hand.services.store, attempt, *PATHS[S.MERGED])
    outcome = by_hand.take(Artifact.PATCH, key)
    assert isinstance(outcome, NotMyTurn)
    assert "left no record" in outcome.reason


def test_one_change_by_hand_each_state_with_every_artifact(by_hand, shared_world):
    """Real steps: what acts beside the step whose turn it is neither moves the change nor writes outside."""
    key, issue = shared_world.plant(seed=77)
    by_hand.take(Artifact.WORKTREE, key)
    for state in RESTING[1:]:
        assert by_hand.attempt(key).state is state
        turn = selection(state, head_moved=False)[0]
        for artifact in Artifact:
            if artifact is turn:
                continue
            match part(artifact, state):
                case Part.SHOWS:
                    _shown(by_hand, key, artifact)
                case Part.REFUSES:
                    _refused(by_hand, key, artifact)
                case Part.ACTS:
                    if state is S.PR_READY and artifact is Artifact.FILE_SNAPSHOT:
                        continue
                    if state is S.VERIFYING and artifact is Artifact.EVIDENCE:
                        _refuses_to_seal(by_hand, key)
                        continue
                    before = by_hand.attempt(key), by_hand.services.store.writes.of(key)
                    by_hand.take(artifact, key)
                    assert (by_hand.attempt(key), by_hand.services.store.writes.of(key)) == before, artifact
        outcome = by_hand.take(turn, key)
        assert isinstance(outcome, Record), outcome
        if turn is Artifact.PULL_REQUEST:
            assert isinstance(by_hand.take(Artifact.FILE_SNAPSHOT, key), Record)
    assert isinstance(by_hand.take(Artifact.EVIDENCE, key), Record)
    assert by_hand.attempt(key).state is S.COMPLETED
    assert issue.check(shared_world.shop_url).ok


def _refuses_to_seal(engine: Engine, key: ChangeKey) -> None:
    outcome = engine.take(Artifact.EVIDENCE, key)
    assert isinstance(outcome, NotMyTurn)
    assert engine.attempt(key).state is S.VERIFYING


def test_a_merge_without_an_evaluation_refuses_and_is_on_record(by_hand, shared_world):
    key, _ = shared_world.plant(seed=78)
    for artifact in tuple(Artifact)[: tuple(Artifact).index(Artifact.EVALUATION)]:
        assert isinstance(by_hand.take(artifact, key), Record)
    assert by_hand.attempt(key).state is S.JUDGING
    outcome = by_hand.take(Artifact.MERGE, key)
    assert isinstance(outcome, NotMyTurn)
    assert "judging" in outcome.reason
    denied = [w for w in by_hand.services.store.writes.of(key) if w.action == "merge"]
    assert [w.outcome for w in denied] == ["denied"]
    assert not shared_world.forge.pull("acme/shop", by_hand.attempt(key).pr_number or 0)["merged"]


def test_any_artifact_of_a_change_that_was_never_taken_in_refuses(by_hand, shared_world):
    key, _ = shared_world.plant(seed=79)
    for artifact in tuple(Artifact)[1:]:
        outcome = by_hand.take(artifact, key)
        assert isinstance(outcome, NotMyTurn)
        assert "never taken in" in outcome.reason
    assert by_hand.services.store.runs.latest(key) is None
