"""Merge, deployment, verification, restore and evidence, action by action: intent, effect, result, move.
The order is that of steps.merge, steps.deployment, steps.verification_report, steps.rollback and steps.evidence."""

from collections.abc import Callable

from model_claims import intended_rightly, merged_rightly, restored_rightly, sealed_rightly, started_rightly
from model_domain import delivered
from model_rules import (
    Stale,
    engine,
    enter_lane,
    fenced,
    go_on,
    holds_lease,
    is_open_in_truth,
    lane_is_ours,
    last_verified,
    leave_lane,
    raise_lane,
    read_gate,
    row_of,
    stop,
    turn_moves,
    turn_sets,
)
from model_state import Defect, Model, World, engine_with, onto, put, spend

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.gate import Opening
from oneshot_dagster.domain.run import Kind, State

S = State
Next = list[tuple[str, World]]
Action = Callable[[Model, World, int], Next]
MOST_UPDATES = 2
_MOST_REFUSALS = 3


def _set(w: World, i: int, **fields: object) -> World:
    e = engine(w, i)
    return put(w, e.change, e.row, **fields)


def _then(w: World, i: int, target: State, **fields: object) -> World:
    return engine_with(w, i, at="commit", plan=(target, tuple(fields.items())))


def _in_lane(m: Model, w: World, i: int) -> tuple[World, bool]:
    e = engine(w, i)
    if not holds_lease(w, i) and not m.has(Defect.NO_FENCE):
        raise Stale
    w, ours = enter_lane(m, w, (e.change, e.row))
    return (engine_with(w, i, lane=True), True) if ours else (turn_sets(m, w, i, awaited="lane"), False)


# steps.merge


def _merge(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    pull, gate = row.pull, read_gate(m, row)
    assert pull is not None
    assert gate is not None
    w = engine_with(w, i, open_before=is_open_in_truth(row), sha=pull.head)
    if pull.merged is not None:
        return _merged_already(m, w, i)
    if not m.has(Defect.NO_REDECISION):
        same = pull.head == row.judged or m.has(Defect.GATE_IGNORES_HEAD)
        if not same or gate.opening is not Opening.PASSED:
            return [("shut again", stop(turn_moves(m, w, i, S.AWAITING_CI, judged=None), i))]
    w, ours = _in_lane(m, w, i)
    if not ours:
        return [("behind another", stop(w, i))]
    if onto(pull.head) < len(w.base):
        return _behind(m, w, i)
    if "stop" in w.changes[e.change].asked and row.kind is Kind.IMPLEMENT:
        return [("stops", stop(leave_lane(m, w, (e.change, e.row)), i))]
    at = "merge_act" if m.has(Defect.EFFECT_BEFORE_INTENT) else "merge_intend"
    return [("in the lane", engine_with(w, i, at=at))]


def _merged_already(m: Model, w: World, i: int) -> Next:
    w, ours = _in_lane(m, w, i)
    if not ours:
        return [("merged, behind another", stop(w, i))]
    row = row_of(w, i)
    if row.merge is not None and row.merge[1] is None:
        w = _set(w, i, merge=(row.merge[0], "done"))
    return [("merged already", engine_with(w, i, at="landed"))]


def _behind(m: Model, w: World, i: int) -> Next:
    asked = _brought_up_to_date(m, w, i)
    return _never_rests(m, w, i) if asked is None else [("brought up to date", stop(asked, i))]


def _brought_up_to_date(m: Model, w: World, i: int) -> World | None:
    """up_to_date.fall_back: the lane is kept meanwhile. None where a person has to look."""
    row = row_of(w, i)
    if row.updates >= MOST_UPDATES:
        return None
    w = turn_moves(m, w, i, S.AWAITING_CI, judged=None) if row.state is not S.AWAITING_CI else w
    pull = row.pull
    assert pull is not None
    head = f"{pull.head.partition('@')[0]}u@{len(w.base)}"
    pull = pull._replace(head=head, ci="pending", against=False)
    return turn_sets(m, w, i, pull=pull, updates=row.updates + 1, awaited="head_moved")


def _never_rests(m: Model, w: World, i: int) -> Next:
    w = turn_moves(m, w, i, S.AWAITING_CI, judged=None) if row_of(w, i).state is not S.AWAITING_CI else w
    return [("never rests", stop(turn_moves(m, w, i, S.NEEDS_HUMAN, why="base_keeps_moving"), i))]


def catch_up(m: Model, w: World, i: int) -> Next:
    """up_to_date.catch_up, of one that was called into the lane. Nothing where there is nothing to do first."""
    row, gate = row_of(w, i), read_gate(m, row_of(w, i))
    pull = row.pull
    if row.kind is Kind.REVERT or pull is None or pull.merged is not None or pull.head != row.head:
        return []
    if gate is None or gate.opening is not Opening.PASSED:
        return []
    w, ours = _in_lane(m, w, i)
    if not ours:
        return [("behind another", stop(w, i))]
    if onto(pull.head) >= len(w.base):
        return []
    asked = _brought_up_to_date(m, w, i)
    if asked is None:
        return _never_rests(m, w, i)
    return [("catches up", engine_with(asked, i, at="take_over")), ("asked to catch up", stop(asked, i))]


def _merge_intend(m: Model, w: World, i: int) -> Next:
    """writes.intend, and what write_action.perform does of an intent that was there before."""
    fenced(m, w, i, lane=True)
    e, row = engine(w, i), row_of(w, i)
    pull = row.pull
    assert pull is not None
    if row.merge == (e.sha, "done"):
        return [("was done", engine_with(w, i, at="landed"))]
    if row.merge == (e.sha, None) and pull.merged is not None:
        return [("found done", engine_with(_set(w, i, merge=(e.sha, "done")), i, at="landed"))]
    intended_rightly(row)
    at = "merge_settle" if m.has(Defect.EFFECT_BEFORE_INTENT) else "merge_act"
    return [("intended", engine_with(_set(w, i, merge=(e.sha, None)), i, at=at, mine=True))]


def _merge_act(m: Model, w: World, i: int) -> Next:
    """The lane is looked at as the last act before the request. Then GitHub's part: at that sha or not at all, and once."""
    if not lane_is_ours(m, w, i) and not m.has(Defect.MERGE_UNFENCED):
        raise Stale
    e, row = engine(w, i), row_of(w, i)
    pull = row.pull
    assert pull is not None
    at = "merge_intend" if m.has(Defect.EFFECT_BEFORE_INTENT) else "merge_settle"
    if pull.merged is not None or (pull.head != e.sha and not m.has(Defect.DROP_SHA)):
        return [("refused", engine_with(w, i, at=at, plan=("refused",)))]
    merged_rightly(w, e, pull.head, intended=row.merge is not None)
    sha = f"m{pull.head}"
    w = _set(w._replace(base=(*w.base, sha)), i, pull=pull._replace(merged=sha))
    return [("merged", engine_with(w, i, at=at, plan=("merged",)))]


def _merge_settle(m: Model, w: World, i: int) -> Next:
    """The result, after merge_request's reading back of a refusal; then merge._again where it stays one."""
    e, row = engine(w, i), row_of(w, i)
    assert row.pull is not None
    seen = row.pull.merged is not None
    if e.plan == ("merged",) or seen:
        return [("done", engine_with(_set(w, i, merge=(e.sha, "done")), i, at="landed", plan=()))]
    w = _set(w, i, merge=(e.sha, "refused"), refusals=row.refusals + 1)
    if row.refusals + 1 >= _MOST_REFUSALS:
        w = turn_moves(m, w, i, S.NEEDS_HUMAN, why="merge_refused")
    else:
        w = turn_moves(m, w, i, S.AWAITING_CI, judged=None)
    return [("refused", stop(leave_lane(m, w, (e.change, e.row)), i))]


def _landed(m: Model, w: World, i: int) -> Next:
    e, pull = engine(w, i), row_of(w, i).pull
    assert pull is not None
    if m.has(Defect.LANE_LEFT_EARLY):
        w = leave_lane(m, w, (e.change, e.row))
    return [("landed", _then(w, i, S.MERGED, merge_sha=pull.merged, landed=True))]


# steps.deployment


def _deployment(m: Model, w: World, i: int) -> Next:
    w, ours = _in_lane(m, w, i)
    if not ours:
        return [("behind another", stop(w, i))]
    row = row_of(w, i)
    if row.failed:
        return [("goes on taking back", engine_with(w, i, at="undo"))]
    if row.state is S.MERGED:
        w = turn_moves(m, w, i, S.DEPLOYING)
    w = _set(w, i, before=row.before or w.live)
    return [("begins", engine_with(w, i, at="start_intend"))]


def _start_intend(m: Model, w: World, i: int) -> Next:
    fenced(m, w, i, lane=True)
    row = row_of(w, i)
    if row.start == "done" or (row.start == "open" and w.live == row.merge_sha):
        return [("was started", engine_with(_set(w, i, start="done"), i, at="observe"))]
    return [("intended", engine_with(_set(w, i, start="open"), i, at="start_act"))]


def _start_act(m: Model, w: World, i: int) -> Next:
    """The lane is looked at as the last act before the start."""
    e, row = engine(w, i), row_of(w, i)
    if not lane_is_ours(m, w, i):
        raise Stale
    sha = row.merge_sha or ""
    place = started_rightly(w, e, sha)
    w = _set(w._replace(live=sha, started=place), i, start="done")
    found = [("started", engine_with(w, i, at="observe"))]
    if w.left.breaks:
        found.append(("degraded", engine_with(spend(w, breaks=1), i, at="fail")))
    return found


def _observe(m: Model, w: World, i: int) -> Next:
    if w.live == row_of(w, i).merge_sha:
        return [("ready", _then(w, i, S.VERIFYING))]
    parked = stop(turn_sets(m, w, i, awaited="deployment"), i)
    return [("parks", parked), ("in vain", engine_with(w, i, at="fail"))]


# steps.verification_report, steps.rollback, steps.restoring


def _verification(m: Model, w: World, i: int) -> Next:
    row = row_of(w, i)
    if row.failed:
        return [("goes on taking back", engine_with(w, i, at="undo"))]
    sha = row.merge_sha or ""
    found = [("passed", go_on(turn_sets(m, w, i, report=(sha, True), verified=sha), i))]
    if w.left.breaks:
        found.append(("failed", engine_with(_set(spend(w, breaks=1), i, report=(sha, False)), i, at="fail")))
    return found


def _fail(m: Model, w: World, i: int) -> Next:
    """rollback.fail_after_merge: the row of evaluations before anything else."""
    e = engine(w, i)
    before = any(r.state in {S.NEEDS_ITERATION, S.ROLLED_BACK} for r in w.changes[e.change].rows[: e.row])
    return [("on record", engine_with(_set(w, i, failed=True, goes_on=not before), i, at="undo"))]


def _undo(m: Model, w: World, i: int) -> Next:
    e, row = engine(w, i), row_of(w, i)
    w = raise_lane(m, w, i)
    target = last_verified(w)
    if target is None or target == row.merge_sha:
        target = row.before
    if target is None or target == row.merge_sha or m.has(Defect.NOT_RESTORED):
        return [("nothing to restore", engine_with(w, i, at="undone"))]
    fenced(m, w, i, lane=True)
    restored_rightly(w, e)
    return [("restored", engine_with(w._replace(live=target), i, at="undone"))]


# steps.evidence


def _evidence(m: Model, w: World, i: int) -> Next:
    row = row_of(w, i)
    if row.state is not S.VERIFYING:
        return [("sealed already", stop(w, i))] if row.sealed else [("seals", engine_with(w, i, at="seal"))]
    if row.verified is None and not m.has(Defect.EARLY_COMPLETED):
        return [("not verified", stop(w, i))]
    live = row.merge_sha if m.has(Defect.SEALED_UNSEEN) else w.live
    head = (row.merge_sha or "m")[1:]
    ok = delivered(head, row.snapshot, row.gate, row.judgement, row.merge_sha, row.landed, live, row.report)
    m.cover.add(("delivered", str(ok)))
    if ok or m.has(Defect.EARLY_COMPLETED):
        sealed_rightly(w, row)
        return [("complete", _then(w, i, S.COMPLETED, sealed=True))]
    return [("not complete", stop(turn_moves(m, w, i, S.NEEDS_HUMAN, why="not_complete"), i))]


def _seal(m: Model, w: World, i: int) -> Next:
    settled = settle_open(m, w, engine(w, i).change, engine(w, i).row)
    return [("sealed", go_on(turn_sets(m, settled, i, sealed=True), i))]


def settle_open(m: Model, w: World, change: int, n: int) -> World:
    """write_action.settle_open: the world is asked about each intent without an outcome."""
    row = w.changes[change].rows[n]
    if row.merge is None or row.merge[1] is not None:
        return w
    there = row.pull is not None and row.pull.merged is not None and not m.has(Defect.SETTLED_UNSEEN)
    return put(w, change, n, merge=(row.merge[0], "done" if there else "failed"))


LANDING_ENTERS: dict[Artifact, Action] = {
    Artifact.MERGE: _merge,
    Artifact.DEPLOYMENT: _deployment,
    Artifact.VERIFICATION_REPORT: _verification,
    Artifact.EVIDENCE: _evidence,
}
LANDING_STAGES: dict[str, Action] = {
    "merge_intend": _merge_intend,
    "merge_act": _merge_act,
    "merge_settle": _merge_settle,
    "landed": _landed,
    "start_intend": _start_intend,
    "start_act": _start_act,
    "observe": _observe,
    "fail": _fail,
    "undo": _undo,
    "seal": _seal,
}
