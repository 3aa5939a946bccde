"""Glances at every change that waits for GitHub, so that a lost delivery costs a minute and no webhook at all costs nothing else.
A change that shows something new is woken; what is so decides the resumer, which reads it whole."""

from dataclasses import dataclass
from datetime import datetime

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.steps.services import Services

A_SECOND = 15  # three queries of 25 in five seconds: half of an hour's 5,000 points
LEAST, MOST = 75, 150  # a tick: one that comes late makes up for it, and none keeps the other sensors waiting for long


@dataclass(frozen=True, kw_only=True, slots=True)
class Glanced:
    """How many changes were glanced at, and those that showed something new, which are woken."""

    at: int
    new: tuple[ChangeKey, ...]


def reconcile(services: Services) -> Glanced:
    """Raises TryAgain where GitHub does not answer; what was not seen then comes first the next time."""
    now = services.store.now()
    limit = share(services.store.looks.glanced(), now)
    waiting = services.store.looks.unseen(seconds=services.limits.glance_seconds, limit=limit)
    if not waiting:
        return Glanced(at=0, new=())
    shown = services.github.glances([(a.key.repository, a.pr_number or 0) for a in waiting])
    # One that is out of reach is looked at as well, once: the resumer can say why.
    glances = {a.id: shown.get((a.key.repository, a.pr_number or 0), "out of reach") for a in waiting}
    new = tuple(services.store.looks.seen(glances, at=now))
    services.store.looks.wake(new)
    return Glanced(at=len(waiting), new=new)


def share(last: datetime | None, now: datetime) -> int:
    """How many may be glanced at now, the last glances having begun then."""
    passed = 0.0 if last is None else (now - last).total_seconds()
    return round(min(MOST, max(LEAST, A_SECOND * passed)))
