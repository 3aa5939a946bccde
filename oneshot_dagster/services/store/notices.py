"""What we say on an issue where no attempt is at hand: the intent, and the comment that it became."""

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.database import Database
from oneshot_dagster.services.store.protocol import Notice


class PostgresNotices:
    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, key: ChangeKey, purpose: str) -> Notice | None:
        row = self._database.one("notices.of", **_of(key, purpose))
        return Notice(**row) if row else None

    def intend(self, key: ChangeKey, purpose: str, *, body: str) -> None:
        self._database.run("notices.intend", **_of(key, purpose), body=body)

    def settle(self, key: ChangeKey, purpose: str, *, comment_id: int | None, withheld: bool = False) -> None:
        self._database.run("notices.settle", **_of(key, purpose), comment_id=comment_id, withheld=withheld)


def _of(key: ChangeKey, purpose: str) -> dict[str, object]:
    return {"repository": key.repository, "issue_number": key.issue_number, "purpose": purpose}
