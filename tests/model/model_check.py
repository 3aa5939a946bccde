"""Every state that a bound allows, breadth first: the claims in each, and that from each an end can be reached.
States are kept by their hash; what led to one that breaks a claim is found again by its predecessors."""

from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

from model_claims import is_end, seen_rightly
from model_engine import advance
from model_outside import outside
from model_resumer import act_at_last, look, look_slowly
from model_state import Change, Engine, Model, Pull, Row, Violation, World, first

from oneshot_dagster.domain.requests import ENDED


@dataclass(kw_only=True, slots=True)
class Found:
    """`violation`: the first claim that did not hold, with the way there. `whole`: all states were seen."""

    states: int = 0
    pairs: int = 0
    steps: int = 0
    ends: int = 0
    violation: str | None = None
    way: list[str] = field(default_factory=list)
    whole: bool = True


def successors(m: Model, w: World) -> Iterator[tuple[str, World]]:
    for change in range(len(w.changes)):
        yield from steps_of(m, w, change)


def steps_of(m: Model, w: World, change: int) -> Iterator[tuple[str, World]]:
    """Whatever may happen to one change."""
    for i, e in enumerate(w.engines):
        if e is not None and e.change == change:
            yield from advance(m, w, i)
    for n in range(len(w.changes[change].rows)):
        for looked in (look(m, w, change, n), look_slowly(m, w, change, n)):
            if looked is not None:
                yield looked
    late = act_at_last(m, w) if w.slow is not None and w.slow.change == change else None
    if late is not None:
        yield late
    yield from outside(m, w, change)


def check(m: Model, *, most: int | None = None, ends: bool = True) -> Found:
    """`most`: states after which it gives up. `ends`: look also whether an end can be reached from everywhere."""
    found, start = Found(), alike(first(m.bound))
    ids = {hash(start): 0}
    parents, froms, tos, good = array("q", [-1]), array("q"), array("q"), [0] if is_end(start) else []
    frontier = deque([(0, start)])
    while frontier:
        here, w = frontier.popleft()
        try:
            seen_rightly(w)
            for _, reached in successors(m, w):
                after = alike(reached)
                key = hash(after)
                there = ids.get(key)
                if there is None:
                    there = ids[key] = len(ids)
                    parents.append(here)
                    frontier.append((there, after))
                    if is_end(after):
                        good.append(there)
                froms.append(here)
                tos.append(there)
        except Violation as broken:
            found.violation, found.way, found.whole = str(broken), _way(m, parents, here), False
            break
        if most is not None and len(ids) > most:
            found.whole = False
            break
    found.states, found.steps, found.ends = len(ids), len(tos), len(good)
    if ends and found.whole:
        stuck = without_end(len(ids), froms, tos, good)
        if stuck is not None:
            found.violation, found.way = "no end can be reached from here", _way(m, parents, stuck)
    return found


def alike(w: World) -> World:
    """The one that stands for all like it: engines differ in nothing but what they do, and of what is over only what somebody may
    still ask is kept."""
    busy = {e.change for e in w.engines if e} | ({w.slow.change} if w.slow else set())
    changes = tuple(c if n in busy else kept(c) for n, c in enumerate(w.changes))
    if changes != w.changes:
        w = w._replace(changes=changes)
    if len(w.engines) < 2:
        return w
    return w._replace(engines=tuple(sorted(w.engines, key=order)))


@cache
def kept(change: Change) -> Change:
    """Who is completed or cancelled, sealed and worked on by nobody, is looked at no more."""
    return change._replace(rows=tuple(_over(row) for row in change.rows))


def _over(row: Row) -> Row:
    if not row.sealed or row.state not in ENDED or row.run not in {"success", "failure"}:
        return row
    pull = row.pull and Pull(head=row.pull.head, merged=row.pull.merged)
    return Row(
        kind=row.kind,
        state=row.state,
        merge_sha=row.merge_sha,
        verified=row.verified,
        report=row.report,
        merge=row.merge,
        pull=pull,
        sealed=True,
        run=row.run,
    )


def order(e: Engine | None) -> tuple[object, ...]:
    if e is None:
        return (9,)
    return (e.change, e.owner, len(e.todo), e.at, e.failed, e.current, e.lane, e.mine, e.sha)


def without_end(count: int, froms: array, tos: array, good: list[int]) -> int | None:
    """The first state that is not on any way to an end, backwards from all ends."""
    place = array("q", bytes(8 * (count + 1)))
    for there in tos:
        place[there + 1] += 1
    for n in range(count):
        place[n + 1] += place[n]
    before, fill = array("q", bytes(8 * len(tos))), array("q", place)
    for here, there in zip(froms, tos, strict=True):
        before[fill[there]] = here
        fill[there] += 1
    reached, todo = bytearray(count), list(good)
    for n in good:
        reached[n] = 1
    while todo:
        n = todo.pop()
        for k in range(place[n], place[n + 1]):
            if not reached[before[k]]:
                reached[before[k]] = 1
                todo.append(before[k])
    return next((n for n in range(count) if not reached[n]), None)


def _way(m: Model, parents: array, last: int) -> list[str]:
    """By walking the same way once more, from the first state."""
    path = [last]
    while parents[path[-1]] >= 0:
        path.append(parents[path[-1]])
    wanted, w, way = set(path), alike(first(m.bound)), []
    ids, numbered = {hash(w): 0}, deque([(0, w)])
    while numbered:  # numbers are given in the order in which the states are met, as the first time
        _, w = numbered.popleft()
        for said, reached in _until_broken(m, w):
            after = alike(reached)
            key = hash(after)
            if key in ids:
                continue
            ids[key] = len(ids)
            if ids[key] in wanted:
                way.append(said)
            if ids[key] == last:
                return way
            numbered.append((ids[key], after))
    return way


def _until_broken(m: Model, w: World) -> Iterator[tuple[str, World]]:
    try:
        yield from successors(m, w)
    except Violation:
        return
