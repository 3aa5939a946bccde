"""Launches: the Dagster runs that were or will be started for an attempt. Whether to start one is domain.resume."""

import uuid
from collections.abc import Sequence

from oneshot_dagster.domain.attempt import Launch
from oneshot_dagster.services.store.database import Database, Row


class PostgresLaunches:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        attempt_id: str,
        *,
        seq: int,
        selection: Sequence[str],
        reason: str,
        costs_retry: bool,
        dagster_run_id: str | None = None,
    ) -> Launch | None:
        row = self._database.one(
            "launches.add",
            run_id=attempt_id,
            seq=seq,
            selection=[str(name) for name in selection],
            dagster_run_id=dagster_run_id or str(uuid.uuid4()),
            reason=reason,
            costs_retry=costs_retry,
        )
        return _launch(row) if row else None

    def of(self, attempt_id: str) -> tuple[Launch, ...]:
        return tuple(map(_launch, self._database.all("launches.of", run_id=attempt_id)))

    def by_run(self, dagster_run_id: str) -> Launch | None:
        row = self._database.one("launches.by_run", dagster_run_id=dagster_run_id)
        return _launch(row) if row else None


def _launch(row: Row) -> Launch:
    return Launch(
        attempt_id=str(row["run_id"]),
        seq=row["seq"],
        selection=tuple(row["selection"]),
        dagster_run_id=row["dagster_run_id"],
        reason=row["reason"],
        costs_retry=row["costs_retry"],
        created_at=row["created_at"],
    )
