"""How far the model goes: a few small bounds for each test run, larger ones for `make model-check`, those that it sees in
part, and where each seeded defect is looked for."""

from dataclasses import replace

from model_state import Bound, Defect, Left

from oneshot_dagster.domain.run import State


def _bound(
    name: str, changes: int, engines: int, *, start: State = State.AWAITING_CI, attempts: int = 1, **left: int
) -> Bound:
    return Bound(name=name, changes=changes, engines=engines, left=Left(**left), start=start, attempts=attempts)


def _without_retries(bound: Bound) -> Bound:
    return replace(bound, infrastructure=0)


SMALL = (
    _bound("from intake", 1, 1, start=State.QUEUED, attempts=2, reds=1, crashes=1),
    _bound("people stop, retry and wait", 1, 1, cancels=1, retries=1, late=1, reds=1),
    _bound("people merge, launch and deploy past us", 1, 1, merges=1, hands=1, others=1),
    _bound("a revert, and the attempt after it", 1, 1, breaks=2, attempts=2),
    _bound("a stalled engine wakes", 1, 2, stalls=1, pushes=1),
    _bound("a stalled engine wakes after a failure", 1, 2, stalls=1, breaks=1),
    _bound("two changes", 2, 2, breaks=1),
    _without_retries(_bound("no retries are left", 1, 1, crashes=1, cancels=1, retries=1)),
    _without_retries(_bound("a slow look", 1, 1, crashes=1, hands=1, slow=1)),
)
LARGE = (
    _bound("two changes, two crashes", 2, 2, crashes=2),
    _bound("two changes, a cancel and a crash", 2, 2, crashes=1, cancels=1),
    _bound("two changes, a stalled engine", 2, 2, stalls=1),
    _bound("a slow look, a stop, a retry and a late wait", 1, 1, slow=1, cancels=1, retries=1, late=1, crashes=1),
    _without_retries(_bound("two changes, a slow look, a crash and a stop", 2, 2, slow=1, crashes=1, cancels=1)),
)
FURTHER = (  # seen as far as the states go that are allowed
    _bound("a stalled engine, a crash and two pushes", 1, 2, stalls=1, crashes=1, pushes=2),
    _bound("a stalled engine, a revert and a crash", 1, 2, stalls=1, breaks=1, crashes=1, attempts=2),
    _bound("two changes, a revert and two crashes", 2, 2, breaks=1, crashes=2),
    _bound("two changes, a revert, a crash and a cancel", 2, 2, breaks=1, crashes=1, cancels=1),
    _bound(
        "two changes, two pushes, two crashes, a revert, a stalled engine",
        2,
        2,
        pushes=2,
        crashes=2,
        breaks=1,
        stalls=1,
    ),
)
OVERTAKEN = _bound("a stop is heeded while the engine is stalled", 1, 2, stalls=1, cancels=1)

_STALL = _bound("stall", 1, 2, stalls=1, pushes=1, reds=1)
_STALL_BREAK = _bound("stall and break", 1, 2, stalls=1, breaks=1, attempts=2)
_BREAK = _bound("break", 1, 1, breaks=1, attempts=2)
_TWO = _bound("two", 2, 2, breaks=1)
_CRASH = _bound("crash", 1, 1, crashes=1, pushes=1, reds=1, cancels=1)
_SLOW = _without_retries(_bound("slow", 1, 1, crashes=1, hands=1, slow=1))
_SPENT = _without_retries(_bound("spent", 1, 1, crashes=1, cancels=1))
FOUND_IN: dict[Defect, Bound] = {
    Defect.DROP_SHA: _STALL,
    Defect.NO_REDECISION: _CRASH,
    Defect.GATE_IGNORES_HEAD: _CRASH,
    Defect.GATE_IGNORES_REVIEW: _CRASH,
    Defect.EARLY_COMPLETED: _bound("by hand", 1, 1, crashes=1, hands=1),
    Defect.SEALED_UNSEEN: _bound("others", 1, 1, others=1),
    Defect.NO_FENCE: _STALL,
    Defect.MOVE_UNFENCED: _STALL_BREAK,
    Defect.RESUMER_UNFENCED: _SLOW,
    Defect.NO_LEASE: _STALL_BREAK,
    Defect.NO_LANE: _TWO,
    Defect.NO_LANE_EPOCH: _STALL_BREAK,
    Defect.LANE_NOT_RAISED: _STALL_BREAK,
    Defect.LANE_LEFT_EARLY: _TWO,
    Defect.REVERT_QUEUES: _BREAK,
    Defect.EFFECT_BEFORE_INTENT: _CRASH,
    Defect.CANCEL_AFTER_INTENT: _CRASH,
    Defect.SETTLED_UNSEEN: _SPENT,
    Defect.NO_COMPARE_AND_SET: _SLOW,
    Defect.NOT_RESTORED: _BREAK,
    Defect.REVERT_UNVERIFIED: _BREAK,
    Defect.RUN_NEVER_FAILED: _CRASH,
}
