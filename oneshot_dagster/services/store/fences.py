"""What a write rests on, looked at in its own transaction: that its lease is still held, or that nobody took it meanwhile.
A flag in memory cannot say so: an engine that was stalled wakes with what it knew before."""

from oneshot_dagster.domain.errors import LeaseLost, StaleState
from oneshot_dagster.services.store.database import Asking
from oneshot_dagster.services.store.protocol import Lease, Untaken


def hold_fast(asking: Asking, under: Lease | Untaken | None, *, doing: str) -> None:
    """Until the transaction ends nobody takes that lease. Raises LeaseLost, or StaleState where it was only seen."""
    match under:
        case Lease():
            if not asking.one("leases.fence", name=under.name, holder=under.holder, epoch=under.epoch):
                raise LeaseLost(f"{under.name} is not held under epoch {under.epoch} any more: {doing}")
        case Untaken():
            row = asking.one("leases.epoch", name=under.name)
            if (row["epoch"] if row else 0) != under.epoch:
                raise StaleState(f"{under.name} was taken since it was looked at: {doing}")
        case None:
            pass
