"""Facts: what the engine observed, a line at a time, append-only. Sealing them is domain.evidence."""

from collections.abc import Mapping

from oneshot_dagster.domain.attempt import Fact
from oneshot_dagster.services.store.database import Database, Row, json, missing_row


class PostgresFacts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, attempt_id: str, *, source: str, kind: str, sha: str | None, data: Mapping[str, object]) -> None:
        appended = self._database.run(
            "facts.append", run_id=attempt_id, source=source, kind=kind, sha=sha, data=json(data)
        )
        if not appended:
            raise missing_row()

    def of(self, attempt_id: str) -> tuple[Fact, ...]:
        return tuple(map(_fact, self._database.all("facts.of", run_id=attempt_id)))


def _fact(row: Row) -> Fact:
    return Fact(seq=row["seq"], at=row["at"], source=row["source"], kind=row["kind"], sha=row["sha"], data=row["data"])
