"""Labels and comments: how far each repository was looked through, what was decided upon, what was refused.
What a label or a comment does is domain.trigger's to say."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.database import Database, json
from oneshot_dagster.services.store.protocol import Decided, StoredRefusal, Watched


class PostgresTriggers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, named: Sequence[str]) -> tuple[str, ...]:
        return tuple(row["repository"] for row in self._database.all("triggers.due", named=list(named)))

    def watched(self, repository: str) -> Watched:
        row = self._database.one("triggers.watched", repository=repository)
        return Watched(**row) if row else Watched(issues_since=None, comments_since=None)

    def looked(
        self, repository: str, *, issues_since: datetime | None, comments_since: datetime | None, seconds: float
    ) -> None:
        self._database.run(
            "triggers.looked",
            repository=repository,
            issues_since=issues_since,
            comments_since=comments_since,
            seconds=seconds,
        )

    def changed(self, repository: str, glances: Mapping[int, str]) -> frozenset[int]:
        if not glances:
            return frozenset()
        given = [{"issue_number": number, "glance": glance} for number, glance in glances.items()]
        rows = self._database.all("triggers.changed", repository=repository, glances=json(given))
        return frozenset(row["issue_number"] for row in rows)

    def glanced(self, key: ChangeKey, glance: str, *, text_sha256: str) -> None:
        self._database.run("triggers.glanced", **_of(key), glance=glance, text_sha256=text_sha256)

    def text_of(self, key: ChangeKey) -> str | None:
        row = self._database.one("triggers.text_of", **_of(key))
        return row["text_sha256"] if row else None

    def undecided(self, repository: str, triggers: Collection[tuple[int, str]]) -> frozenset[tuple[int, str]]:
        if not triggers:
            return frozenset()
        given = [{"issue_number": number, "name": name} for number, name in triggers]
        rows = self._database.all("triggers.undecided", repository=repository, triggers=json(given))
        return frozenset((row["issue_number"], row["name"]) for row in rows)

    def decide(self, key: ChangeKey, name: str, *, actor: str, said: str) -> None:
        self._database.run("triggers.decide", **_of(key), name=name, actor=actor, said=said)

    def decided(self, key: ChangeKey) -> tuple[Decided, ...]:
        return tuple(Decided(**row) for row in self._database.all("triggers.decided", **_of(key)))

    def refuse(self, key: ChangeKey, *, code: str, actor: str, sentence: str) -> None:
        self._database.run("triggers.refuse", **_of(key), code=code, actor=actor, sentence=sentence)

    def refusals(self, key: ChangeKey) -> tuple[StoredRefusal, ...]:
        return tuple(StoredRefusal(**row) for row in self._database.all("triggers.refusals", **_of(key)))


def _of(key: ChangeKey) -> dict[str, object]:
    return {"repository": key.repository, "issue_number": key.issue_number}
