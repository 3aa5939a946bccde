"""Agent messages, memories, rerun submissions."""

from collections.abc import Mapping, Sequence

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.database import Database, json, plain, present


class PostgresNotes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add_messages(self, attempt_id: str, messages: Sequence[Mapping[str, object]]) -> int:
        return self._database.run("notes.add_messages", run_id=attempt_id, messages=json(messages)) if messages else 0

    def messages(self, attempt_id: str) -> tuple[dict[str, object], ...]:
        return tuple(dict(row) for row in self._database.all("notes.messages", run_id=attempt_id))

    def remember(self, key: ChangeKey, *, attempt_id: str, title: str, content: str, tags: Sequence[str]) -> None:
        self._database.run(
            "notes.remember",
            repository=key.repository,
            issue_number=key.issue_number,
            run_id=attempt_id,
            title=title,
            content=content,
            tags=plain(tuple(tags)),
        )

    def recall(self, repository: str, *, text: str, limit: int, not_of: ChangeKey | None = None) -> tuple[str, ...]:
        number = not_of.issue_number if not_of else 0
        rows = self._database.all("notes.recall", repository=repository, text=text, limit=limit, not_of=number)
        return tuple(f"{row['title']}\n{row['content']}" for row in rows)

    def memories_of(self, attempt_id: str) -> int:
        return present(self._database.one("notes.memories_of", run_id=attempt_id))["number"]

    def submit_rerun(self, attempt_id: str, *, attempt: int, delivery_id: str) -> None:
        self._database.run("notes.submit_rerun", run_id=attempt_id, attempt=attempt, delivery_id=delivery_id)
