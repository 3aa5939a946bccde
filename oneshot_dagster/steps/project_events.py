"""What GitHub's events say, kept where people look, and whom they concern. They are hints: nothing is decided from them,
and whoever waits reads GitHub again."""

from datetime import datetime

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.event_payloads import Understood, repository_of, understand
from oneshot_dagster.domain.intake import refused_repository
from oneshot_dagster.domain.webhook import Json, Unreadable
from oneshot_dagster.services.store.protocol import Projected
from oneshot_dagster.steps.services import Services

_BATCH = 100  # one transaction; the locks of its repositories are held so long


def project_events(services: Services, *, most: int = 500) -> Projected:
    """At most so many of the events that wait, the oldest first. `touched` wants waking; TryAgain where the database is away."""
    total, asked = Projected(), 0
    while total.read == asked < most:
        size = min(_BATCH, most - asked)
        total += services.store.events.project(
            lambda event_type, payload: _understood(services, event_type, payload), most=size
        )
        asked += size
    return total


def replay_events(services: Services, *, since: datetime | None = None) -> Projected:
    """All deliveries that are kept, once more; without `since` from zero. What was purged says nothing any more.

    Cut short, what is left waits as any new delivery does.
    """
    left = services.store.events.again(since=since)
    total = Projected()
    while left > total.read:
        done = project_events(services, most=left - total.read)
        if not done.read:
            break  # others project too
        total += done
    return total


def _understood(services: Services, event_type: str, payload: Json) -> Understood:
    """Of repositories that are not ours to work on nothing is kept: an App may be told of a whole organisation."""
    owner, _, name = (repository_of(payload) or "").partition("/")
    if owner and refused_repository(ChangeKey(owner, name, 1), services.limits.repositories):
        return Understood()
    try:
        return understand(event_type, payload)
    except Unreadable as error:
        return Understood(unreadable=str(error))
