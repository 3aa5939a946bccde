"""What pauses a repository's intake: changes in a row that need a person; and who resumed it."""

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.database import Database


class PostgresPauses:
    def __init__(self, database: Database) -> None:
        self._database = database

    def repositories(self) -> tuple[str, ...]:
        return tuple(str(row["repository"]) for row in self._database.all("pauses.repositories"))

    def stuck(self, repository: str) -> tuple[ChangeKey, ...]:
        rows = self._database.all("pauses.stuck", repository=repository)
        return tuple(ChangeKey.parse(f"{repository}#{row['issue_number']}") for row in rows)

    def lift(self, repository: str, *, by: str) -> None:
        self._database.run("pauses.lift", repository=repository, by=by)
