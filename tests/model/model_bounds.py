"""How far the model goes: a few small bounds for each test run, larger ones for `make model-check`, and where each seeded defect is
looked for. All that may happen to two changes at once is the modular search's last bound."""

from dataclasses import replace

from model_state import ENDLESS, Bound, Defect, Left

from oneshot_dagster.domain.run import State


def bounded(
    name: str, changes: int, engines: int, *, start: State = State.AWAITING_CI, attempts: int = 1, **left: int
) -> Bound:
    return Bound(name=name, changes=changes, engines=engines, left=Left(**left), start=start, attempts=attempts)


def _without_retries(bound: Bound) -> Bound:
    return replace(bound, infrastructure=0)


def with_endless_retries(bound: Bound) -> Bound:
    """As of the product's five two crashes and a stalled engine spend no more than three."""
    return replace(bound, infrastructure=ENDLESS)


SMALL = (
    bounded("from intake", 1, 1, start=State.QUEUED, attempts=2, reds=1, crashes=1),
    bounded("people stop, retry and wait", 1, 1, cancels=1, retries=1, late=1, reds=1),
    bounded("people merge, launch and deploy past us", 1, 1, merges=1, hands=1, others=1),
    bounded("a revert, and the attempt after it", 1, 1, breaks=2, attempts=2),
    bounded("a stalled engine wakes", 1, 2, stalls=1, pushes=1),
    bounded("a stalled engine wakes after a failure", 1, 2, stalls=1, breaks=1),
    bounded("two changes", 2, 2, breaks=1),
    _without_retries(bounded("no retries are left", 1, 1, crashes=1, cancels=1, retries=1)),
    _without_retries(bounded("a stalled engine wakes after a stop", 1, 2, stalls=1, cancels=1)),
    _without_retries(bounded("a slow look", 1, 1, crashes=1, hands=1, slow=1)),
)
LARGE = (
    bounded("two changes, two crashes", 2, 2, crashes=2),
    bounded("two changes, a cancel and a crash", 2, 2, crashes=1, cancels=1),
    bounded("two changes, a stalled engine", 2, 2, stalls=1),
    bounded("a slow look, a stop, a retry and a late wait", 1, 1, slow=1, cancels=1, retries=1, late=1, crashes=1),
    _without_retries(bounded("two changes, a slow look, a crash and a stop", 2, 2, slow=1, crashes=1, cancels=1)),
)
MODULAR = (  # each change has all of it
    bounded("two changes, a revert and two crashes", 2, 2, breaks=1, crashes=2),
    bounded("two changes, two pushes and a revert", 2, 2, pushes=2, breaks=1),
    bounded("two changes, a stalled engine and a revert", 2, 2, stalls=1, breaks=1),
    bounded("two changes, a push, a revert and a crash", 2, 2, pushes=1, breaks=1, crashes=1),
    bounded("two changes, a stalled engine, a crash and a cancel", 2, 2, stalls=1, crashes=1, cancels=1),
    bounded(
        "two changes, a stalled engine, a revert, a crash and a cancel", 2, 2, stalls=1, breaks=1, crashes=1, cancels=1
    ),
    with_endless_retries(
        bounded(
            "two changes, two pushes, two crashes, a revert, a stalled engine, a cancel",
            2,
            2,
            pushes=2,
            crashes=2,
            breaks=1,
            stalls=1,
            cancels=1,
        )
    ),
)
OVERTAKEN = bounded("a stop is heeded while the engine is stalled", 1, 2, stalls=1, cancels=1)

_STALL = bounded("stall", 1, 2, stalls=1, pushes=1, reds=1)
_STALL_BREAK = bounded("stall and break", 1, 2, stalls=1, breaks=1, attempts=2)
_BREAK = bounded("break", 1, 1, breaks=1, attempts=2)
_TWO = bounded("two", 2, 2, breaks=1)
_CRASH = bounded("crash", 1, 1, crashes=1, pushes=1, reds=1, cancels=1)
_SLOW = _without_retries(bounded("slow", 1, 1, crashes=1, hands=1, slow=1))
_SPENT = _without_retries(bounded("spent", 1, 1, crashes=1, cancels=1))
_STALL_STOP = _without_retries(bounded("stall and stop", 1, 2, stalls=1, cancels=1))
FOUND_IN: dict[Defect, Bound] = {
    Defect.DROP_SHA: _STALL,
    Defect.NO_REDECISION: _CRASH,
    Defect.GATE_IGNORES_HEAD: _CRASH,
    Defect.GATE_IGNORES_REVIEW: _CRASH,
    Defect.EARLY_COMPLETED: bounded("by hand", 1, 1, crashes=1, hands=1),
    Defect.SEALED_UNSEEN: bounded("others", 1, 1, others=1),
    Defect.NO_FENCE: _STALL,
    Defect.MERGE_UNFENCED: _STALL_STOP,
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
_ENOUGH = {  # of two changes
    Defect.NO_REDECISION: bounded("push", 2, 2, pushes=1),
    Defect.GATE_IGNORES_HEAD: bounded("push", 2, 2, pushes=1),
    Defect.GATE_IGNORES_REVIEW: bounded("red", 2, 2, reds=1),
    Defect.NO_FENCE: bounded("stall and push", 2, 2, stalls=1, pushes=1),
    Defect.EFFECT_BEFORE_INTENT: bounded("crash", 2, 2, crashes=1),
    Defect.CANCEL_AFTER_INTENT: _without_retries(bounded("crash and stop", 2, 2, crashes=1, cancels=1)),
    Defect.RUN_NEVER_FAILED: bounded("crash", 2, 2, crashes=1),
}
FOUND_MODULAR_IN = {
    defect: _ENOUGH.get(defect, replace(bound, changes=2, engines=2)) for defect, bound in FOUND_IN.items()
}
