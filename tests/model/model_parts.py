"""A state cut into one part a change, which only that change's own steps write, and what the changes share.
Of a part is kept only what somebody may still ask; heads are named by how many newer ones are still spoken of.

A part has budgets of its own, each of them the bound's, so that what one change uses up takes nothing away from another. It has as
many engines as there is work for: the bound's, or more."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from model_check import kept, order
from model_state import ENDLESS, Bound, Change, Defect, Engine, Lane, Left, Model, Row, Slow, World, first

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.run import Kind, State

_NAME = re.compile(r"(m?)([hr]\d\.\d)\.(\d+)([pu]*)@(\d+)")
_ASKS_FOR_ITS_LEASE = frozenset(
    {"commit", "take_over", "push", "merge_intend", "merge_act", "start_intend", "start_act", "undo", "undone", "seal"}
)
_ALONE, _SOME = (Artifact.EVIDENCE,), tuple(Artifact)
_TAKEN_BACK = frozenset({State.ROLLING_BACK, State.ROLLED_BACK})
_TO_BE_GATED = frozenset(
    {
        *(State.QUEUED, State.WORKTREE_READY, State.IMPLEMENTING, State.TESTING, State.PR_READY, State.AWAITING_CI),
        *(State.NEEDS_ITERATION, State.CANCELLED),
    }
)
_TO_BE_JUDGED = _TO_BE_GATED | {State.JUDGING}
_WITHOUT_A_FENCE = (
    Defect.NO_FENCE,
    Defect.NO_LEASE,
    Defect.MERGE_UNFENCED,
    Defect.MOVE_UNFENCED,
    Defect.NO_LANE_EPOCH,
    Defect.LANE_NOT_RAISED,
)
_ASKED_AT_THE_MERGE = frozenset({"merge_intend", "merge_act", "merge_settle"})


class Part(NamedTuple):
    index: int
    change: Change
    engines: tuple[Engine, ...]
    left: Left
    proven: tuple[str, ...]
    slow: Slow | None = None


class Shared(NamedTuple):
    lane: Lane
    base: tuple[str, ...]
    live: str
    verified: tuple[tuple[int, int], ...]
    started: int


def firsts(bound: Bound) -> tuple[tuple[Part, ...], Shared]:
    w = first(bound)
    return tuple(Part(c, w.changes[c], (), bound.left, ()) for c in range(bound.changes)), shared_of(w)


def shared_of(w: World) -> Shared:
    return Shared(w.lane, w.base, w.live, w.verified, w.started)


def part_of(w: World, index: int) -> Part:
    """Of a world in which this change alone has engines, budgets and judged heads, or of which it gets its own."""
    engines = tuple(e for e in w.engines if e is not None and e.change == index)
    proven = tuple(name for name in w.proven if name[1] == str(index))
    return Part(index, w.changes[index], engines, w.left, proven, w.slow)


def world(part: Part, shared: Shared, changes: tuple[Change, ...]) -> World:
    """In which the change of this part alone is worked on, with room for one engine more."""
    return World(
        changes=changes,
        engines=(*part.engines, None),
        lane=shared.lane,
        base=shared.base,
        live=shared.live,
        verified=shared.verified,
        proven=part.proven,
        started=shared.started,
        left=part.left,
        slow=part.slow,
    )


def normal(m: Model, part: Part, lane: Lane) -> Part:
    fenced = not m.has(*_WITHOUT_A_FENCE)
    leased = part.change.leased
    kept_on = (_engine(e, lane, held=not fenced or (e.current and leased)) for e in part.engines)
    engines = tuple(sorted((e for e in kept_on if e is not None), key=order))
    rows = tuple(_row(row) for row in part.change.rows)
    if fenced and not part.left.merges:
        next_ones = frozenset(e.plan[0] for e in engines if e.at == "commit")
        rows = tuple(_to_be_made_again(row, next_ones) for row in rows)
    if m.bound.infrastructure >= ENDLESS:
        rows = tuple(row._replace(retries=0, moved=False) for row in rows)
    change = part.change._replace(rows=rows)
    if not engines and part.slow is None:
        change = kept(change)
    current = {row.pull.head for row in rows if row.pull is not None}
    proven = tuple(name for name in part.proven if name in current)
    left = _left(m, change, part.left)
    return named(Part(part.index, change, engines, left, proven, part.slow))


def _row(row: Row) -> Row:
    """What is merged is gated no more, what is taken back is not judged, and of a run that began only its kind is asked."""
    if row.run != "queued" and row.launch not in {(), _ALONE}:
        row = row._replace(launch=_SOME)
    if row.pull is not None and row.pull.merged is not None:
        row = row._replace(pull=row.pull._replace(ci="pending", against=False), updates=0, refusals=0)
    if row.merge_sha is not None:
        row = row._replace(judged=None, tested=None)
    stands = row.human_from if row.state is State.NEEDS_HUMAN else row.state
    if stands in _TAKEN_BACK or (stands is State.NEEDS_ITERATION and row.merge_sha is not None):
        row = row._replace(gate=None, snapshot=None, judgement=None, report=None, verified=None)
        row = row._replace(start=None, before=None, failed=False, retries=0, moved=False)
    return row


def _to_be_made_again(row: Row, next_ones: frozenset[object]) -> Row:
    """Of what will be made again before anybody asks for it, and of a merge that was refused, nothing is kept."""
    if row.pull is not None and row.pull.merged is not None:
        return row
    stands = {row.human_from if row.state is State.NEEDS_HUMAN else row.state, *next_ones}
    if stands <= _TO_BE_JUDGED:
        row = row._replace(judgement=None)
    if stands <= _TO_BE_GATED:
        row = row._replace(gate=None)
    if row.merge is not None and row.merge[1] in {"refused", "failed"}:
        row = row._replace(merge=None)
    return row


def _engine(e: Engine, lane: Lane, *, held: bool) -> Engine | None:
    """An epoch of the lane counts only for who holds it. Whoever can do no more than find out that its lease is gone is
    nobody once its run was given up, and stands for all such until then."""
    if e.at in _ASKS_FOR_ITS_LEASE and not held:
        doomed = Engine(e.change, e.owner, (Artifact.EVIDENCE,), at="seal", current=e.current, failed=e.failed)
        return None if e.failed and not e.current else doomed
    asked = e.at in _ASKED_AT_THE_MERGE
    return e._replace(
        mine=False,
        lane=e.lane and lane.holder == (e.change, e.row),
        sha=e.sha if asked else "",
        open_before=e.open_before or not asked,
    )


def _left(m: Model, change: Change, left: Left) -> Left:
    """Nobody pushes to what is merged."""
    made = [row for row in change.rows if row.kind is Kind.IMPLEMENT]
    if len(made) >= m.bound.attempts and all(row.pull and row.pull.merged for row in made):
        return left._replace(pushes=0)
    return left


def named(part: Part) -> Part:
    """The newest head of an attempt is its 0."""
    heads: dict[str, set[tuple[int, int, str]]] = {}
    for value in (*part.change.rows, *part.engines, part.proven, part.slow):
        for stem, head in _heads(value):
            heads.setdefault(stem, set()).add(head)
    names: dict[str, str] = {}
    for stem, known in heads.items():
        for n, (_, _, old) in enumerate(sorted(known)):
            names[f"{stem}.{old}"] = f"{stem}.{n}@{old.rpartition('@')[2]}"
    if all(old == new for old, new in names.items()):
        return part
    return mapped(part, lambda text: f"m{names[text[1:]]}" if text[1:] in names else names.get(text, text))


@cache
def _heads(value: object) -> frozenset[tuple[str, tuple[int, int, str]]]:
    """Each that is spoken of, by its attempt, and the newest first."""
    if isinstance(value, tuple):
        return frozenset().union(*(_heads(inner) for inner in value))
    found = _NAME.fullmatch(value) if type(value) is str else None
    if found is None:
        return frozenset()
    _, stem, rank, since, onto = found.groups()
    return frozenset({(stem, (-len(since), int(rank), f"{rank}{since}@{onto}"))})


def mapped(value: Any, of: Callable[[str], str]) -> Any:
    """The same with other texts."""
    if isinstance(value, tuple):
        inner = [mapped(v, of) for v in value]
        return type(value)(*inner) if hasattr(value, "_fields") else tuple(inner)
    return of(value) if type(value) is str else value


# The two changes are alike: what the one may do is what the other may do once they have changed places.


def swapped_part(part: Part) -> Part:
    engines = tuple(e._replace(change=1 - e.change) for e in part.engines)
    slow = part.slow and part.slow._replace(change=1 - part.slow.change)
    return mapped(part._replace(index=1 - part.index, engines=engines, slow=slow), _swapped)


def swapped_shared(shared: Shared) -> Shared:
    lane = Lane(shared.lane.holder and _there(shared.lane.holder), tuple(_there(at) for at in shared.lane.queue))
    verified = tuple(_there(at) for at in shared.verified)
    return mapped(shared._replace(lane=lane, verified=verified), _swapped)


def _there(at: tuple[int, int]) -> tuple[int, int]:
    return 1 - at[0], at[1]


def _swapped(text: str) -> str:
    found = _NAME.fullmatch(text)
    if found is None:
        return text
    m, stem, rank, since, onto = found.groups()
    return f"{m}{stem[0]}{1 - int(stem[1])}{stem[2:]}.{rank}{since}@{onto}"
