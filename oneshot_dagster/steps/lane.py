"""The lane: the right to be between merge intent and verified on one repository and base. One change holds it, FIFO."""

from datetime import timedelta

from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.freeze import sentence
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.services.store.protocol import LanePlace, Lease, Store
from oneshot_dagster.steps.turn import Turn

_LONGEST = timedelta(days=7)
_HELD = 365 * 86400.0  # by the attempt, across processes and parks, until it leaves


def enter(turn: Turn) -> int | None:
    """The lane's epoch where it is ours; else the attempt is parked, behind the change that holds it or until it may go on."""
    place = take_place(turn.store, turn.attempt, under=turn.held.lease)
    if place.lease is not None:
        return place.lease.epoch
    now, reason = turn.store.now(), _why_not(place)
    turn.park(Awaited(what="lane", since=now, deadline=now + _LONGEST), reason)
    turn.say(f"parked: {reason}")
    return None


def _why_not(place: LanePlace) -> str:
    if place.stopped is not None:
        return sentence(place.stopped)
    return f"behind {place.behind}, {place.behind_state.value if place.behind_state else 'waiting'}"


def take_place(store: Store, attempt: Attempt, *, under: Lease | None = None) -> LanePlace:
    """In the lane or in its queue; asked again, the place is kept."""
    return store.leases.enter_lane(attempt, seconds=_HELD, under=under)


def leave(turn: Turn) -> None:
    """A revert stays in it until it is completed: nobody merges onto what it has yet to take back."""
    if turn.attempt.kind is Kind.REVERT and turn.attempt.state is not State.COMPLETED:
        return
    turn.store.leases.leave_lane(turn.attempt, under=turn.held.lease)


def is_ours(turn: Turn, epoch: int) -> bool:
    """Asked as the last act before a deployment starts, of the database: who was stalled does not know yet what it lost."""
    lease = turn.held.lease
    return not turn.held.lost and turn.store.leases.lane_is_ours(turn.attempt, lease=lease, epoch=epoch)
