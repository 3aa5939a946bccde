"""When the resumer looks again at an attempt that waits: at a time, when its row or a request of it changed, or when woken.
So a tick costs what moves, and not what waits. What a look decides is domain.resume's."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.database import Database, json, present
from oneshot_dagster.services.store.rows import attempt


class PostgresLooks:
    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("looks.due")))

    def rest(self, attempt_id: str, *, read_at: datetime, until: datetime | None) -> None:
        self._database.run("looks.rest", id=attempt_id, read_at=read_at, until=until)

    def wake(self, keys: Collection[ChangeKey]) -> None:
        if keys:
            named = [{"repository": key.repository, "issue_number": key.issue_number} for key in keys]
            self._database.run("looks.wake", keys=json(named))

    def rouse(self) -> None:
        self._database.run("looks.rouse")

    def called(self) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("looks.called")))

    def unseen(self, *, seconds: float, limit: int) -> tuple[Attempt, ...]:
        return tuple(map(attempt, self._database.all("looks.unseen", seconds=seconds, limit=limit)))

    def glanced(self) -> datetime | None:
        return present(self._database.one("looks.glanced"))["at"]

    def seen(self, glances: Mapping[str, str], *, at: datetime | None = None) -> Sequence[ChangeKey]:
        if not glances:
            return ()
        given = json([{"id": k, "glance": v} for k, v in glances.items()])
        rows = self._database.all("looks.seen", glances=given, at=at)
        return [_key(str(row["repository"]), row["issue_number"]) for row in rows]


def _key(repository: str, number: int) -> ChangeKey:
    owner, _, name = repository.partition("/")
    return ChangeKey(owner, name, number)
