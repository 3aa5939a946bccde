"""What people asked of an attempt."""

from oneshot_dagster.domain.attempt import Request
from oneshot_dagster.services.store.database import Database, Row, present


class PostgresRequests:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, attempt_id: str, *, kind: str, by: str, sha: str | None = None, text: str = "", source: str | None = None
    ) -> Request:
        row = self._database.one("requests.add", run_id=attempt_id, kind=kind, by=by, sha=sha, text=text, source=source)
        return _request(present(row or self._database.one("requests.of_source", source=source)))

    def open(self, attempt_id: str) -> tuple[Request, ...]:
        return tuple(map(_request, self._database.all("requests.open", run_id=attempt_id)))

    def of(self, attempt_id: str) -> tuple[Request, ...]:
        return tuple(map(_request, self._database.all("requests.of", run_id=attempt_id)))

    def handle(self, request_id: int) -> None:
        self._database.run("requests.handle", id=request_id)


def _request(row: Row) -> Request:
    return Request(
        id=row["id"],
        kind=row["kind"],
        by=row["requested_by"],
        sha=row["sha"],
        text=row["text"],
        at=row["at"],
        handled_at=row["handled_at"],
    )
