"""What one change, here the second, can make out of the other: who has the lane and may be let in, and what stands on the base.
Nothing else of it passes to the other change, which test_model_modular asks at each state of smaller bounds."""

from typing import NamedTuple

from model_outside import waits_for_a_person
from model_parts import Part, Shared, world
from model_rules import IN_THE_LANE, is_free
from model_state import Change, Model, Row

from oneshot_dagster.domain.run import Kind, State


class View(NamedTuple):
    held: tuple[object, ...]
    queue: tuple[object, ...]
    stands: tuple[object, ...]
    verified: tuple[object, ...]


def view(m: Model, part: Part, shared: Shared) -> View:
    rows, holder = part.change.rows, shared.lane.holder
    held: tuple[object, ...] = ()
    if holder is not None and holder[0] == 0:
        held = (holder, _lost_to_the_other(m, part, shared), waits_for_a_person(rows[holder[1] :]))
    queue = tuple(
        (n, rows[n].kind, rows[n].state in IN_THE_LANE and rows[n].awaited != "merge")
        for c, n in shared.lane.queue
        if c == 0
    )
    stands = tuple(_stands(rows, n) for n in range(len(rows)))
    verified = tuple(
        (n, rows[n].kind, rows[n].verified, any(r.kind is Kind.REVERT for r in rows[n + 1 :]))
        for c, n in shared.verified
        if c == 0
    )
    return View(held, queue, stands, verified)


def _stands(rows: tuple[Row, ...], n: int) -> bool:
    later = any(r.kind is Kind.REVERT and r.state is State.COMPLETED for r in rows[n + 1 :])
    merged = rows[n].pull is not None and rows[n].pull.merged is not None
    return merged and rows[n].state is not State.COMPLETED and not later


def _lost_to_the_other(m: Model, part: Part, shared: Shared) -> bool:
    """Whether the holder, which is of this change, has to let another change in."""
    assert shared.lane.holder is not None
    asker = Change(rows=(Row(),))
    return is_free(m, world(part, shared, (part.change, asker)), shared.lane.holder, (1, 0))
