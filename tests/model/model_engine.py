"""One engine, action by action: the frame around a step (steps.take), and the steps up to the judgement.
Between two actions anybody else may act, and the engine may die or stall. Merging and what follows is model_landing."""

from collections.abc import Callable

from model_claims import taken_back_rightly
from model_landing import LANDING_ENTERS, LANDING_STAGES, catch_up
from model_rules import (
    Stale,
    engine,
    fail,
    fenced,
    go_on,
    is_open_in_truth,
    leave_lane,
    read_gate,
    row_of,
    stop,
    take_lease,
    turn_moves,
    turn_sets,
)
from model_state import Defect, Model, Pull, World, change_with, engine_with, put, spend

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.gate import Opening
from oneshot_dagster.domain.run import BEFORE_MERGE, HEAD_IS_PUBLIC, Kind, Part, State, part

S, A = State, Artifact
Next = list[tuple[str, World]]
Action = Callable[[Model, World, int], Next]


def advance(m: Model, w: World, i: int) -> Next:
    e = engine(w, i)
    try:
        found = _enter(m, w, i) if e.at == "enter" else _STAGES[e.at](m, w, i)
    except Stale:
        m.cover.add(("stale", e.todo[0].value, e.at))
        return [(f"engine works for nobody any more, at {e.at} of {e.todo[0]}", fail(w, i))]
    return [(f"{e.todo[0]} of change {e.change}, {e.at}: {said}", after) for said, after in found]


def _enter(m: Model, w: World, i: int) -> Next:
    taken = take_lease(m, w, i)
    if taken is None:
        return [("somebody else has the lease", fail(w, i))]
    w = taken
    stopped = _cancel_where_asked(m, w, i)
    if stopped is not None:
        return [("stopped", stop(stopped, i))]
    row, artifact = row_of(w, i), engine(w, i).todo[0]
    does = part(artifact, row.state, row.kind)
    m.cover.add(("part", artifact.value, does.value))
    if does is Part.REFUSES:
        return [("refuses", stop(w, i))]
    if does is Part.SHOWS:
        return [("shows", go_on(w, i))]
    return _ENTERS[artifact](m, w, i)


def _cancel_where_asked(m: Model, w: World, i: int) -> World | None:
    """take.cancel_where_asked: an open intent, and a merge that was done, are past stopping."""
    e, row = engine(w, i), row_of(w, i)
    asked = w.changes[e.change].asked
    if row.state not in BEFORE_MERGE or row.kind is Kind.REVERT or "stop" not in asked:
        return None
    if not m.has(Defect.CANCEL_AFTER_INTENT):
        if row.merge is not None and row.merge[1] in {None, "done"}:
            return None
        if row.pull is not None and row.pull.merged is not None and row.state in HEAD_IS_PUBLIC:
            return None
    w = turn_moves(m, w, i, S.CANCELLED)
    return change_with(w, e.change, asked=tuple(a for a in asked if a != "stop"))


def then(w: World, i: int, target: State, **fields: object) -> World:
    """Turn.then: the last move, made once the record is on file."""
    return engine_with(w, i, at="commit", plan=(target, tuple(fields.items())))


def _commit(m: Model, w: World, i: int) -> Next:
    e = engine(w, i)
    target, fields = e.plan
    w = turn_moves(m, w, i, target, **dict(fields))
    if target is S.COMPLETED:
        w = leave_lane(m, w, (e.change, e.row))
    w = _cancel_where_asked(m, w, i) or w
    return [(f"now {target}", go_on(w, i))]


# The steps


def _worktree(m: Model, w: World, i: int) -> Next:
    if row_of(w, i).state is not S.QUEUED:
        return [("is there", go_on(w, i))]
    return [("made", then(w, i, S.WORKTREE_READY))]


def _patch(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    if row.state is S.WORKTREE_READY:
        w = turn_moves(m, w, i, S.IMPLEMENTING)
    head = row.head or f"h{e.change}.{e.row}.0@{len(w.base)}"
    found = [("committed", then(w, i, S.TESTING, head=head))]
    if w.left.reds:
        found.append(("came to nothing", then(spend(w, reds=1), i, S.NEEDS_ITERATION)))
    return found


def _local_test_report(m: Model, w: World, i: int) -> Next:
    row = row_of(w, i)
    if row.state in HEAD_IS_PUBLIC:
        called = row.awaited == "lane"
        caught_up = catch_up(m, w, i) if called else []
        if caught_up:
            return caught_up
        if row.pull is None or row.pull.head == row.head:
            return [("the head is on record", go_on(w, i) if called else stop(w, i))]
        return _take_over(m, w, i)
    return [("tests", engine_with(w, i, at="tests"))]


def _take_over(m: Model, w: World, i: int) -> Next:
    row = row_of(w, i)
    assert row.pull is not None
    if row.state is not S.AWAITING_CI:
        w = turn_moves(m, w, i, S.AWAITING_CI, judged=None)
    w = turn_moves(m, w, i, S.IMPLEMENTING, judged=None, head=row.pull.head)
    return [("tests", engine_with(w, i, at="tests"))]


def _tests(m: Model, w: World, i: int) -> Next:
    if row_of(w, i).state is S.IMPLEMENTING:
        w = turn_moves(m, w, i, S.TESTING)
    return [("pass", then(w, i, S.PR_READY, tested=row_of(w, i).head))]


def _pull_request(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    if row.kind is Kind.REVERT and row.state is not S.PR_READY:
        if row.head is None:
            w = put(w, e.change, e.row, head=f"r{e.change}.{e.row}.0@{len(w.base)}")
        walk = (S.QUEUED, S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING, S.PR_READY)
        for state in walk[walk.index(row.state) + 1 :]:
            w = turn_moves(m, w, i, state)
    return [("pushes", engine_with(w, i, at="push"))]


def _push(m: Model, w: World, i: int) -> Next:
    """Compare-and-set, never rewinding: what a person pushed meanwhile is not overwritten."""
    fenced(m, w, i, lane=False)
    e, row = engine(w, i), row_of(w, i)
    if row.pull is None:
        return [("open", go_on(put(w, e.change, e.row, pull=Pull(head=row.head or "")), i))]
    if row.pull.head == row.head:
        return [("is there", go_on(w, i))]
    return [("diverged", stop(turn_moves(m, w, i, S.NEEDS_HUMAN, why="branch_diverged"), i))]


def _file_snapshot(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    if row.pull is None:
        return [("there is no pull request", stop(w, i))]
    if row.state is S.PR_READY:
        return [("read", then(w, i, S.AWAITING_CI, snapshot=row.head))]
    return [("read", go_on(put(w, e.change, e.row, snapshot=row.head), i))]


def _check_state(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    gate = read_gate(m, row)
    assert gate is not None
    w = put(w, e.change, e.row, gate=(gate.sha, gate.opening.value))
    if gate.opening in {Opening.PASSED, Opening.CLOSED}:
        return [("passed", then(w, i, S.JUDGING))]
    if gate.opening is Opening.FAILED:
        return [("failed", then(w, i, S.NEEDS_ITERATION))]
    return [("parks", stop(turn_sets(m, w, i, awaited="ci"), i))]


def _evaluation(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    gate = read_gate(m, row)
    assert gate is not None
    assert row.pull is not None
    if row.pull.merged is not None:
        return [("a person merged it", stop(turn_moves(m, w, i, S.MERGE_READY), i))]
    if gate.opening is not Opening.PASSED or row.snapshot != gate.sha:
        return [("not open any more", stop(turn_moves(m, w, i, S.AWAITING_CI), i))]
    judged = w
    if is_open_in_truth(row._replace(judged=gate.sha)) and gate.sha not in w.proven:
        judged = w._replace(proven=tuple(sorted((*w.proven, gate.sha))))
    judged = put(judged, e.change, e.row, judgement=gate.sha)
    found = [("pass", then(judged, i, S.MERGE_READY, judged=gate.sha))]
    if w.left.reds and row.kind is Kind.IMPLEMENT:
        found.append(("not yet", then(spend(w, reds=1), i, S.NEEDS_ITERATION)))
    return found


def _went_wrong(m: Model, w: World, i: int) -> Next:
    """rollback._end after the restore: the attempt is to be taken back; of a revert, a person looks."""
    row = row_of(w, i)
    if row.kind is Kind.REVERT:
        return [("a person", stop(turn_moves(m, w, i, S.NEEDS_HUMAN, why="revert_failed"), i))]
    w = turn_moves(m, w, i, S.ROLLING_BACK)
    taken_back_rightly(w, row)
    return [("to be taken back", stop(w, i))]


_ENTERS: dict[Artifact, Action] = {
    A.WORKTREE: _worktree,
    A.PATCH: _patch,
    A.LOCAL_TEST_REPORT: _local_test_report,
    A.PULL_REQUEST: _pull_request,
    A.FILE_SNAPSHOT: _file_snapshot,
    A.CHECK_STATE: _check_state,
    A.EVALUATION: _evaluation,
    **LANDING_ENTERS,
}
_STAGES: dict[str, Action] = {
    "commit": _commit,
    "take_over": _take_over,
    "tests": _tests,
    "push": _push,
    "undone": _went_wrong,
    **LANDING_STAGES,
}
