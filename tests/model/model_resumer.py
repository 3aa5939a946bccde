"""The resumer over the model: the facts of each unfinished attempt, domain.resume's one decision, and doing just that.
One look is one action here, but for a slow one, which moves an attempt by what it read before others did what they did.
That two of them at once start nothing twice is the launch row's."""

from model_domain import attempt, resume
from model_landing import settle_open
from model_rules import Stale, enter_lane, move, read_gate
from model_state import Change, Defect, Model, Row, Slow, World, change_with, latest, put, spend

from oneshot_dagster.domain.action import (
    Action,
    FailRun,
    MoveTo,
    Nothing,
    Settle,
    SettleIntents,
    StartAttempt,
    StartRun,
    WaitUntil,
)
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.resume import EVIDENCE_TRIES
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, LIVE, Kind, State

_OVER = frozenset({"success", "failure", "canceled"})


def look(m: Model, w: World, change: int, n: int) -> tuple[str, World] | None:
    """What the resumer does of one attempt, or None where it only waits."""
    c = w.changes[change]
    if not _is_unfinished(c, n):
        return None
    action, w = _decided(m, w, change, n)
    m.cover.add(("action", type(action).__name__, _what(action)))
    if isinstance(action, WaitUntil | Nothing) or (isinstance(action, FailRun) and m.has(Defect.RUN_NEVER_FAILED)):
        return None
    try:
        done = _act(m, w, (change, n), action)
    except Stale:
        return None
    return f"resumer, change {change}, attempt {n + 1}: {type(action).__name__}: {action.reason}", done


def look_slowly(m: Model, w: World, change: int, n: int) -> tuple[str, World] | None:
    """A look whose move comes later. What starts something is the launch row's, and left out."""
    if not w.left.slow or w.slow is not None or not _is_unfinished(w.changes[change], n):
        return None
    action, w = _decided(m, w, change, n)
    if not isinstance(action, MoveTo):
        return None
    c = w.changes[change]
    asked = tuple(a for k, a in enumerate(c.asked) if k in action.handle)
    slow = Slow(change=change, row=n, known=c.rows[n].state, action=action, asked=asked)
    return f"slow resumer, change {change}, attempt {n + 1}: {action.reason}", spend(w, slow=1)._replace(slow=slow)


def act_at_last(m: Model, w: World) -> tuple[str, World] | None:
    """runs.transition under Untaken: the lease's epoch and the row are as they were read."""
    slow = w.slow
    if slow is None:
        return None
    w = w._replace(slow=None)
    here = f"slow resumer, change {slow.change}, attempt {slow.row + 1}"
    if not (slow.untaken or m.has(Defect.RESUMER_UNFENCED)) or not (slow.unmoved or m.has(Defect.NO_COMPARE_AND_SET)):
        m.cover.add(("slow", "stale"))
        return f"{here}: it is not as it was", w
    at = (slow.change, slow.row)
    try:
        w = _moved(m, w, at, slow.known, slow.action)
    except Stale:
        return f"{here}: it does not stand there any more", w
    m.cover.add(("slow", "moves"))
    asked = list(w.changes[slow.change].asked)
    for a in slow.asked:
        if a in asked:
            asked.remove(a)
    return f"{here}: {slow.action.target}", change_with(w, slow.change, asked=tuple(asked))


def _what(action: Action) -> str:
    match action:
        case MoveTo():
            return f"{action.target} {action.human_reason or ''}".strip()
        case StartRun():
            return f"from {action.selection[0]}, {'costs' if action.costs_retry else 'free'}"
        case StartAttempt():
            return action.kind.value
        case _:
            return ""


def _is_unfinished(c: Change, n: int) -> bool:
    """runs.unfinished."""
    row = c.rows[n]
    if row.state in LIVE or not row.sealed:
        return True
    if row.state is State.NEEDS_ITERATION:
        return not any(r.kind is Kind.IMPLEMENT for r in c.rows[n + 1 :])
    return row.state is State.NEEDS_HUMAN and bool(c.asked)


def _decided(m: Model, w: World, change: int, n: int) -> tuple[Action, World]:
    c = w.changes[change]
    row = c.rows[n]
    lane_free = False
    if row.awaited is not None and row.awaited.startswith("lane"):
        w, lane_free = enter_lane(m, w, (change, n))
    pull = row.pull if row.state in HEAD_IS_PUBLIC and row.launch and row.run in _OVER else None
    gate = read_gate(m, row) if pull is not None and pull.merged is None else None
    intent = row.merge is not None and row.merge[1] is None
    intended = row.merge_sha is not None or (row.merge is not None and row.merge[1] in {None, "done"})
    merged = pull is not None and pull.merged is not None
    if m.has(Defect.CANCEL_AFTER_INTENT):
        intent = intended = False
    news = "the deployment is ready" if row.awaited == "deployment" and w.live == row.merge_sha else None
    facts: dict[str, object] = {
        "merged_outside": merged,
        "head_moved": pull is not None and not merged and pull.head != row.head,
        "lane_free": lane_free,
        "catches_up": lane_free and row.kind is Kind.IMPLEMENT and pull is not None and pull.merged is None,
        "merge_free": pull is not None,
        "deployment_news": news,
        "open_intent": intent,
        "merge_intended": intended or merged,
        "evidence_sealed": row.sealed,
        "attempts_made": sum(r.kind is Kind.IMPLEMENT for r in c.rows),
        "attempts_allowed": m.bound.attempts,
        "infrastructure_allowed": m.bound.infrastructure,
        "goes_on": row.goes_on,
    }
    at_work = any(e is not None and not e.failed and (e.change, e.owner) == (change, n) for e in w.engines)
    silent = c.silent or (row.run == "started" and not at_work)
    alive = c.leased or (row.run == "started" and not silent)
    action = resume(
        _attempt(row, n),
        row.launch,
        row.seals,
        row.run,
        row.moved,
        (alive, silent and not c.leased),
        c.asked if n == latest(c) else (),
        gate,
        tuple(facts.items()),
        _revert(m, c, n),
    )
    return action, w


def _attempt(row: Row, n: int) -> Attempt:
    late = row.awaited is not None and row.awaited.endswith("!")
    return attempt(
        row.state,
        row.kind,
        row.head,
        row.merge_sha,
        row.human_from,
        row.why,
        row.awaited.rstrip("!") if row.awaited else None,
        late,
        row.retries,
        row.pull is not None,
        n + 1,
        row.seals == 0,
    )


def _revert(m: Model, c: Change, n: int) -> Attempt | None:
    """rollback.revert_of: the newest one that takes this attempt back."""
    found = [k for k in range(n + 1, len(c.rows)) if c.rows[k].kind is Kind.REVERT]
    if c.rows[n].state is not State.ROLLING_BACK or not found:
        return None
    row = c.rows[found[-1]]
    if m.has(Defect.REVERT_UNVERIFIED) and row.merge_sha is not None:
        row = row._replace(state=State.COMPLETED)
    return _attempt(row, found[-1])


def _act(m: Model, w: World, at: tuple[int, int], action: Action) -> World:
    row = w.changes[at[0]].rows[at[1]]
    match action:
        case StartRun():
            alone = action.selection == (Artifact.EVIDENCE,)
            return put(
                w,
                *at,
                launch=action.selection,
                run="queued",
                moved=False,
                seals=min(row.seals + 1, EVIDENCE_TRIES) if alone else 0,
                retries=row.retries + action.costs_retry,
                awaited=row.awaited.rstrip("!") if row.awaited else None,
            )
        case FailRun():
            return _failed(w, at)
        case StartAttempt(kind=Kind.REVERT):
            rows = w.changes[at[0]].rows
            return change_with(w, at[0], rows=(*rows, Row(kind=Kind.REVERT)))
        case StartAttempt():
            if row.state is State.NEEDS_HUMAN:
                w = move(m, w, at, row.state, State.NEEDS_ITERATION)
            w = change_with(w, at[0], rows=(*w.changes[at[0]].rows, Row()))
            return _handled(w, at[0], action.handle)
        case MoveTo():
            return _handled(_moved(m, w, at, row.state, action), at[0], action.handle)
        case Settle():
            return _handled(w, at[0], action.handle)
        case SettleIntents():
            return settle_open(m, w, *at)
        case _:
            raise AssertionError(action)


def _moved(m: Model, w: World, at: tuple[int, int], known: State, action: MoveTo) -> World:
    row = w.changes[at[0]].rows[at[1]]
    fresh = {"retries": 0} if known is State.NEEDS_HUMAN else {}
    return move(m, w, at, known, action.target, sealed=False, why=action.human_reason, moved=row.moved, **fresh)


def _failed(w: World, at: tuple[int, int]) -> World:
    """The run is reported as failed. Its process may only be stalled, and goes on when it wakes."""
    engines = tuple(
        e._replace(failed=True) if e is not None and not e.failed and (e.change, e.owner) == at else e
        for e in w.engines
    )
    return put(w._replace(engines=engines), *at, run="failure")


def _handled(w: World, change: int, handle: tuple[int, ...]) -> World:
    asked = tuple(a for n, a in enumerate(w.changes[change].asked) if n not in handle)
    return change_with(w, change, asked=asked)
