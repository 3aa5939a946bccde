"""When one change may go on alone: whatever it can do next commutes with all that the other can do until then, so that the
other's steps may come after it in every order that counts (an ample set; model_reduced argues it).

What passes between two changes: who has the lane and may be let in, and, by the lane alone, base, what serves, and what was
verified. Whoever holds the lane and cannot lose it to the other has those to himself, as long as no person merges or deploys, and
nobody of the other looks at what serves."""

from typing import NamedTuple

from model_outside import waits_for_a_person
from model_parts import Part, Shared, world
from model_rules import IN_THE_LANE, is_free
from model_state import Change, Engine, Model, Row, latest

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.requests import ENDED
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, STOPPED, Kind, State
from oneshot_dagster.domain.run import Part as Turn
from oneshot_dagster.domain.run import part as turn_of

_LOOKS_AROUND = frozenset({"observe", "undone"})
_AFTER_THE_MERGE = frozenset({State.MERGED, State.DEPLOYING, State.VERIFYING, State.ROLLING_BACK})
_ENTERS_THE_LANE = frozenset({Artifact.MERGE, Artifact.DEPLOYMENT})


class View(NamedTuple):
    """What the other change's steps can make out of this one: of the lane, and of what is on the base."""

    lane: tuple[object, ...]
    base: tuple[object, ...]


def view(m: Model, part: Part, shared: Shared) -> View:
    rows, holder = part.change.rows, shared.lane.holder
    held: tuple[object, ...] = ()
    if holder is not None and holder[0] == part.index:
        held = (holder, lost_to_the_other(m, part, shared), waits_for_a_person(rows[holder[1] :]))
    queue = tuple(
        (n, rows[n].kind, rows[n].state in IN_THE_LANE and rows[n].awaited != "merge")
        for c, n in shared.lane.queue
        if c == part.index
    )
    stands = tuple(_stands(rows, n) for n in range(len(rows)))
    verified = tuple(
        (n, rows[n].kind, rows[n].verified, any(r.kind is Kind.REVERT for r in rows[n + 1 :]))
        for c, n in shared.verified
        if c == part.index
    )
    return View((held, queue), (stands, verified))


def _stands(rows: tuple[Row, ...], n: int) -> bool:
    later = any(r.kind is Kind.REVERT and r.state is State.COMPLETED for r in rows[n + 1 :])
    merged = rows[n].pull is not None and rows[n].pull.merged is not None
    return merged and rows[n].state is not State.COMPLETED and not later


def lost_to_the_other(m: Model, part: Part, shared: Shared) -> bool:
    """Whether the holder, which is of this change, has to let another change in."""
    assert shared.lane.holder is not None
    asker = Change(rows=(Row(),))
    changes = (part.change, asker) if part.index == 0 else (asker, part.change)
    return is_free(m, world(part, shared, changes), shared.lane.holder, (1 - part.index, 0))


def holds(m: Model, part: Part, shared: Shared) -> bool:
    holder = shared.lane.holder
    return holder is not None and holder[0] == part.index and not lost_to_the_other(m, part, shared)


def meddles(part: Part) -> bool:
    """It may write to the base or change what serves without the lane."""
    return bool(part.left.merges or part.left.others)


def looks(m: Model, part: Part) -> bool:
    """Without the lane, it may come to ask for the base, for what serves, or for what was verified."""
    rows = part.change.rows
    made = sum(r.kind is Kind.IMPLEMENT for r in rows)
    return (
        made < m.bound.attempts
        or any(e.at in _LOOKS_AROUND for e in part.engines)
        or any((row.head is None and row.state not in ENDED) or _is_past_the_merge(row) for row in rows)
    )


def _is_past_the_merge(row: Row) -> bool:
    stands = row.human_from if row.state is State.NEEDS_HUMAN else row.state
    merged = row.merge_sha is not None or (row.pull is not None and row.pull.merged is not None)
    return stands in _AFTER_THE_MERGE or (merged and row.state not in STOPPED)


def minds_itself(part: Part, shared: Shared, *, held: bool) -> bool:
    """Nothing that it can do next, or could after a step of the other, depends on the other. `held`: it has the lane to itself."""
    return all(_row_minds_itself(part, n, shared, held) for n in range(len(part.change.rows))) and all(
        _engine_minds_itself(part, e, shared, held) for e in part.engines
    )


def _row_minds_itself(part: Part, n: int, shared: Shared, held: bool) -> bool:
    awaited = (part.change.rows[n].awaited or "").rstrip("!")
    if awaited == "lane":
        return held and shared.lane.holder == (part.index, n)
    return awaited != "deployment" or held


def _engine_minds_itself(part: Part, e: Engine, shared: Shared, held: bool) -> bool:
    holder = shared.lane.holder
    if held:
        return e.at != "enter" or holder == (part.index, latest(part.change)) or not _enters_around(part, e.todo[0])
    if holder is not None and holder[0] == part.index:
        return False  # it can lose the lane
    return not _enters_around(part, e.todo[0]) if e.at == "enter" else e.at not in _LOOKS_AROUND


def _enters_around(part: Part, artifact: Artifact) -> bool:
    """Whether it begins with a look at the lane, at the base, or at what serves."""
    row = part.change.rows[latest(part.change)]
    if turn_of(artifact, row.state, row.kind) is not Turn.ACTS:
        return False
    if artifact is Artifact.EVIDENCE:
        return row.state is State.VERIFYING
    if artifact in {Artifact.PATCH, Artifact.PULL_REQUEST}:
        return row.head is None
    if artifact is Artifact.LOCAL_TEST_REPORT:
        return row.awaited is not None and row.state in HEAD_IS_PUBLIC
    return artifact in _ENTERS_THE_LANE
