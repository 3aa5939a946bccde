"""Freezes of merges and stopped lanes: what stands, and who set or lifted it."""

from collections.abc import Sequence
from datetime import datetime

from oneshot_dagster.domain.freeze import Freeze
from oneshot_dagster.services.store.database import Database, Row, present


class PostgresFreezes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def set(self, repository: str | None, *, reason: str, by: str, lane: bool = False, attempt_id: str = "") -> Freeze:
        row = self._database.one(
            "freezes.set", repository=repository, lane=lane, reason=reason, by=by, run_id=attempt_id or None
        )
        return _freeze(present(row))

    def standing(self, repository: str | None = None) -> tuple[Freeze, ...]:
        return freezes(self._database.all("freezes.standing", repository=repository))

    def spans(self, repository: str, *, since: datetime, lane: bool) -> Sequence[tuple[datetime, datetime | None]]:
        rows = self._database.all("freezes.spans", repository=repository, since=since, lane=lane)
        return [(row["set_at"], row["lifted_at"]) for row in rows]

    def lift(self, repository: str | None, *, by: str) -> tuple[Freeze, ...]:
        return freezes(self._database.all("freezes.lift", repository=repository, by=by))


def freezes(rows: Sequence[Row]) -> tuple[Freeze, ...]:
    return tuple(map(_freeze, rows))


def _freeze(row: Row) -> Freeze:
    return Freeze(
        repository=row["repository"], lane=row["lane"], reason=row["reason"], by=row["set_by"], at=row["set_at"]
    )
