"""What the store and the frame around steps hold: the lease, the lane, moves, and how a turn ends.
Each rule names the product's function that it stands for."""

from model_claims import completed_rightly, rolled_back_rightly
from model_domain import gate as decided
from model_state import Defect, Engine, Lane, Model, Row, Violation, World, change_with, engine_with, latest, put

from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.run import BEFORE_MERGE, STOPPED, Kind, State, allowed

S = State
IN_THE_LANE = frozenset({S.MERGE_READY, S.MERGED, S.DEPLOYING, S.VERIFYING, S.ROLLING_BACK})
_ENDED = frozenset({S.COMPLETED, S.CANCELLED, S.SUPERSEDED})


_FRESH: dict[str, object] = {
    "current": False,
    "at": "enter",
    "lane": False,
    "mine": False,
    "sha": "",
    "plan": (),
    "open_before": True,
    "row": 0,
    "known": S.QUEUED,
}


class Stale(Exception):
    """StaleState, or LeaseLost: this run ends here."""


def engine(w: World, i: int) -> Engine:
    found = w.engines[i]
    assert found is not None
    return found


def row_of(w: World, i: int) -> Row:
    e = engine(w, i)
    return w.changes[e.change].rows[e.row]


# The lease of a change: leases.take, leases.release


def take_lease(m: Model, w: World, i: int) -> World | None:
    e = engine(w, i)
    if w.changes[e.change].leased and not m.has(Defect.NO_LEASE):
        return None
    engines = tuple(
        o._replace(current=False) if o is not None and o.change == e.change and not m.has(Defect.NO_LEASE) else o
        for o in w.engines
    )
    w = change_with(w._replace(engines=engines), e.change, leased=True, silent=False)
    if w.slow is not None and w.slow.change == e.change:
        w = w._replace(slow=w.slow._replace(untaken=False))
    n = latest(w.changes[e.change])
    return engine_with(w, i, current=True, row=n, known=w.changes[e.change].rows[n].state, mine=False)


def _release(w: World, i: int) -> World:
    e = engine(w, i)
    w = change_with(w, e.change, leased=False, silent=False) if e.current else w
    return engine_with(w, i, **_FRESH)


# How a turn ends: steps.take


def go_on(w: World, i: int) -> World:
    w = _release(w, i)
    todo = engine(w, i).todo[1:]
    return engine_with(w, i, todo=todo) if todo else _end(w, i, "success")


def stop(w: World, i: int) -> World:
    """NotMyTurn: what comes after it is skipped, and the run ends well."""
    return _end(_release(w, i), i, "success")


def fail(w: World, i: int) -> World:
    return _end(_release(w, i), i, "failure")


def _end(w: World, i: int, status: str) -> World:
    e = engine(w, i)
    if not e.failed:
        w = put(w, e.change, e.owner, run=status)
    return w._replace(engines=tuple(None if n == i else o for n, o in enumerate(w.engines)))


# The lifecycle: runs.transition


def move(m: Model, w: World, at: tuple[int, int], source: State, target: State, **fields: object) -> World:
    row = w.changes[at[0]].rows[at[1]]
    if m.has(Defect.NO_COMPARE_AND_SET):
        source = row.state
    if w.slow is not None and (w.slow.change, w.slow.row) == at:
        w = w._replace(slow=w.slow._replace(unmoved=False))
    if row.state is not source:
        raise Stale
    if not allowed(source, target):
        raise Violation(f"{source} to {target}, which the lifecycle does not allow")
    m.cover.add(("move", source.value, target.value))
    fields = {"awaited": None, "failed": False, "moved": True, **fields}
    if target is S.NEEDS_HUMAN:
        fields.setdefault("human_from", source)
    if target in STOPPED:
        fields["seals"] = 0
    w = put(w, *at, state=target, **fields)
    if target is S.COMPLETED:
        completed_rightly(w, at)
        w = w._replace(verified=(*w.verified, at))
    if target is S.ROLLED_BACK:
        rolled_back_rightly(w, at)
    return w


def turn_moves(m: Model, w: World, i: int, target: State, **fields: object) -> World:
    """Turn.move: compare-and-set from the state that this turn knows, with its lease looked at in the same transaction."""
    e = engine(w, i)
    if not holds_lease(w, i) and not m.has(Defect.MOVE_UNFENCED):
        raise Stale
    return engine_with(move(m, w, (e.change, e.row), e.known, target, **fields), i, known=target)


def turn_sets(m: Model, w: World, i: int, **fields: object) -> World:
    """Turn.set and Turn.park, fenced likewise."""
    e = engine(w, i)
    if not holds_lease(w, i) and not m.has(Defect.MOVE_UNFENCED):
        raise Stale
    return put(w, e.change, e.row, **fields)


def holds_lease(w: World, i: int) -> bool:
    """leases.fence: under the newest epoch, and not run out. What the engine itself believes of it is not asked."""
    e = engine(w, i)
    return e.current and w.changes[e.change].leased


# The lane: leases.sql, lane_holder, lane_first, lane_take; steps.lane


def enter_lane(m: Model, w: World, at: tuple[int, int]) -> tuple[World, bool]:
    """enter_lane in one transaction: a place in the queue, and the lane where it is free and nobody is before."""
    lane = w.lane
    queue = lane.queue if at in lane.queue else (*lane.queue, at)
    w = w._replace(lane=lane._replace(queue=queue))
    if lane.holder == at or m.has(Defect.NO_LANE):
        return w, True
    if lane.holder is not None and not is_free(m, w, lane.holder, at):
        return w, False
    if _first(w, at) != at:
        return w, False
    return _lane_given(w, lane._replace(holder=at, queue=queue)), True


def is_free(m: Model, w: World, holder: tuple[int, int], asker: tuple[int, int]) -> bool:
    h, a = (w.changes[c].rows[n] for c, n in (holder, asker))
    if h.state in _ENDED or (h.kind is not Kind.REVERT and h.state is S.NEEDS_ITERATION):
        return True
    taken_over = a.kind is Kind.REVERT and h.state in {S.ROLLING_BACK, S.NEEDS_HUMAN} and holder[0] == asker[0]
    if taken_over and not m.has(Defect.REVERT_QUEUES):
        return True
    if h.kind is Kind.REVERT or h.merge_sha is not None:
        return False
    stands = h.human_from if h.state is S.NEEDS_HUMAN else h.state
    idle = h.state is S.NEEDS_HUMAN or h.awaited in {"review", "merge"}
    acted = h.merge is not None and h.merge[1] in {None, "done"}
    return stands in BEFORE_MERGE and idle and not acted


def _first(w: World, asker: tuple[int, int]) -> tuple[int, int]:
    """Rollbacks first, then by the order of asking; others than the asker count while they are ready."""
    rows = {at: w.changes[at[0]].rows[at[1]] for at in w.lane.queue}
    ready = [at for at, r in rows.items() if at == asker or (r.state in IN_THE_LANE and r.awaited != "merge")]
    return min(ready, key=lambda at: (rows[at].kind is not Kind.REVERT, w.lane.queue.index(at)))


def _lane_given(w: World, lane: Lane) -> World:
    """Under the next epoch: whoever held it before, the same attempt too, holds an old one."""
    engines = tuple(e._replace(lane=False) if e is not None else None for e in w.engines)
    w = w._replace(lane=lane, engines=engines)
    return put(w, *lane.holder, start=None) if lane.holder is not None else w


def raise_lane(m: Model, w: World, i: int) -> World:
    """leases.raise_lane: of who holds it, under its lease."""
    e = engine(w, i)
    if w.lane.holder != (e.change, e.row) and not m.has(Defect.NO_LANE):
        raise Stale
    if not holds_lease(w, i) and not m.has(Defect.NO_FENCE):
        raise Stale
    if not m.has(Defect.LANE_NOT_RAISED):
        w = _lane_given(w, w.lane)
    return engine_with(w, i, lane=True)


def leave_lane(m: Model, w: World, at: tuple[int, int]) -> World:
    row = w.changes[at[0]].rows[at[1]]
    if row.kind is Kind.REVERT and row.state is not S.COMPLETED:
        return w
    queue = tuple(q for q in w.lane.queue if q != at)
    if w.lane.holder != at:
        return w._replace(lane=w.lane._replace(queue=queue))
    return _lane_given(w, Lane(holder=None, queue=queue))


def lane_is_ours(m: Model, w: World, i: int) -> bool:
    """lane.is_ours, and the lane's fence in writes.intend: the epoch of this turn is the lane's present one."""
    e = engine(w, i)
    if m.has(Defect.NO_LANE_EPOCH):
        return True
    if not holds_lease(w, i) and not m.has(Defect.NO_FENCE, Defect.LANE_NOT_RAISED):
        return False
    return m.has(Defect.NO_LANE) or (e.lane and w.lane.holder == (e.change, e.row))


def fenced(m: Model, w: World, i: int, *, lane: bool) -> None:
    """writes.intend: the lease, which must not have run out, and both epochs are looked at in the transaction of the intent."""
    if not (holds_lease(w, i) or m.has(Defect.NO_FENCE)) or (lane and not lane_is_ours(m, w, i)):
        raise Stale


# The gate of an attempt: steps.gate


def read_gate(m: Model, row: Row) -> Gate | None:
    if row.pull is None:
        return None
    pull, expected = row.pull, row.head or ""
    judged, tested = row.judged, row.tested
    if m.has(Defect.GATE_IGNORES_HEAD):
        expected, judged, tested = pull.head, None, pull.head
    against = pull.against and not m.has(Defect.GATE_IGNORES_REVIEW)
    found = decided(pull.head, pull.merged, pull.ci, against, judged, tested, expected, row.kind is Kind.REVERT)
    m.cover.add(("gate", found.opening.value))
    return found


def is_open_in_truth(row: Row) -> bool:
    """What no defect can touch: this very head is the judged one, green, nobody is against it, and it is tested."""
    pull = row.pull
    return (
        pull is not None
        and pull.merged is None
        and pull.head == row.judged
        and pull.ci == "green"
        and not pull.against
        and (row.tested == pull.head or row.kind is Kind.REVERT)
    )


def last_verified(w: World) -> str | None:
    """runs.last_verified_sha: completed, and not taken back since."""
    for change, n in reversed(w.verified):
        rows = w.changes[change].rows
        if rows[n].kind is Kind.REVERT or not any(r.kind is Kind.REVERT for r in rows[n + 1 :]):
            return rows[n].verified
    return None
