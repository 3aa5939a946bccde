"""The store in Postgres, put together from its parts. Nothing connects before the first question."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.artifacts import PostgresArtifacts
from oneshot_dagster.services.store.database import Database, present
from oneshot_dagster.services.store.events import PostgresEvents
from oneshot_dagster.services.store.facts import PostgresFacts
from oneshot_dagster.services.store.freezes import PostgresFreezes
from oneshot_dagster.services.store.launches import PostgresLaunches
from oneshot_dagster.services.store.leases import PostgresLeases
from oneshot_dagster.services.store.looks import PostgresLooks
from oneshot_dagster.services.store.notes import PostgresNotes
from oneshot_dagster.services.store.notices import PostgresNotices
from oneshot_dagster.services.store.pauses import PostgresPauses
from oneshot_dagster.services.store.projections import PostgresProjections
from oneshot_dagster.services.store.protocol import (
    Artifacts,
    Events,
    Facts,
    Freezes,
    Launches,
    Leases,
    Looks,
    Notes,
    Notices,
    Pauses,
    Projections,
    Requests,
    Runs,
    Triggers,
    Waiter,
    Writes,
)
from oneshot_dagster.services.store.requests import PostgresRequests
from oneshot_dagster.services.store.runs import PostgresRuns
from oneshot_dagster.services.store.triggers import PostgresTriggers
from oneshot_dagster.services.store.waking import Waking
from oneshot_dagster.services.store.writes import PostgresWrites


class PostgresStore:
    """Safe to use from several threads. The schema must be there (schema.upgrade)."""

    def __init__(self, url: str, *, application_name: str = "oneshot") -> None:
        self._database = Database(url, application_name=application_name)
        self._changes = Waking(url, application_name=application_name, channel="oneshot")
        self._deliveries = Waking(url, application_name=application_name, channel="oneshot_events")
        self.runs: Runs = PostgresRuns(self._database)
        self.requests: Requests = PostgresRequests(self._database)
        self.leases: Leases = PostgresLeases(self._database)
        self.freezes: Freezes = PostgresFreezes(self._database)
        self.launches: Launches = PostgresLaunches(self._database)
        self.looks: Looks = PostgresLooks(self._database)
        self.writes: Writes = PostgresWrites(self._database)
        self.artifacts: Artifacts = PostgresArtifacts(self._database)
        self.facts: Facts = PostgresFacts(self._database)
        self.events: Events = PostgresEvents(self._database)
        self.projections: Projections = PostgresProjections(self._database)
        self.notes: Notes = PostgresNotes(self._database)
        self.triggers: Triggers = PostgresTriggers(self._database)
        self.notices: Notices = PostgresNotices(self._database)
        self.pauses: Pauses = PostgresPauses(self._database)

    def now(self) -> datetime:
        return present(self._database.one("store.now"))["now"]

    def wake(self, key: ChangeKey) -> None:
        self.looks.wake((key,))

    def waiting(self, key: ChangeKey | None) -> AbstractContextManager[Waiter]:
        return self._changes.waiting(key)

    def waiting_for_events(self) -> AbstractContextManager[Waiter]:
        return self._deliveries.waiting(None)

    def purge(self, before: datetime) -> Mapping[str, int]:
        return {
            "events": self._database.run("store.purge_events", before=before),
            "sightings": self._database.run("store.purge_sightings", before=before),
            "agent_messages": self._database.run("store.purge_messages", before=before),
        }

    def close(self) -> None:
        self._changes.close()
        self._deliveries.close()
        self._database.close()
