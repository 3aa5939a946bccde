"""The forge's state: every record in memory, each change written through to one SQLite file.
A kill -9 loses at most the change that was not answered yet. Bodies of repositories are on disk, see repos."""

import json
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from oneshot_dagster.local.forge import untyped
from oneshot_dagster.local.forge.kinds import KINDS
from oneshot_dagster.local.forge.records import Event, Issue, Label, Pull, Record, Repository, User

R = TypeVar("R", bound=Record)


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A row before and after; None: it was not there, or is gone."""

    before: Record | None
    after: Record | None


Listener = Callable[[Sequence[Change]], None]


class World:
    """Reads need no lock (records are frozen); writes happen inside `change()`, one at a time."""

    def __init__(self, file: Path) -> None:
        self._tables: dict[type[Record], dict[int, Record]] = {kind: {} for kind in KINDS}
        self._lock = threading.RLock()
        self._depth = 0
        self._changes: list[Change] = []
        self._listener: Listener | None = None
        self._db = _open(file)
        self._last_id = 0
        for record in _load(self._db):
            self._tables[type(record)][record.id] = record
            self._last_id = max(self._last_id, record.id)

    @contextmanager
    def change(self) -> Generator[None]:
        """One transaction. It commits on an error too: disk and memory must not part."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("begin")
            self._depth += 1
            try:
                yield
            finally:
                if self._depth == 1:
                    self._tell_changes()
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("commit")

    def listen(self, listener: Listener) -> None:
        """It hears each transaction's changes in their order, just before the commit; what it writes belongs to it."""
        self._listener = listener

    def _tell_changes(self) -> None:
        told, self._changes = self._changes, []
        if self._listener and told:
            self._listener(told)
        self._changes = []  # what the listener wrote is not told

    def next_id(self) -> int:
        with self._lock:
            self._last_id += 1
            return self._last_id

    def put(self, record: R) -> R:
        with self.change():
            row = (type(record).__name__, record.id, json.dumps(asdict(record)))
            self._db.execute("insert or replace into records (kind, id, body) values (?, ?, ?)", row)
            table = self._tables[type(record)]
            self._changes.append(Change(before=table.get(record.id), after=record))
            table[record.id] = record
        return record

    def drop(self, record: Record) -> None:
        with self.change():
            dropped = self._tables[type(record)].pop(record.id, None)
            self._changes.append(Change(before=dropped, after=None))
            self._db.execute("delete from records where kind = ? and id = ?", (type(record).__name__, record.id))

    def get(self, kind: type[R], record_id: int) -> R | None:
        record = self._tables[kind].get(record_id)
        return record if isinstance(record, kind) else None

    def all(self, kind: type[R], repository: Repository | None = None) -> list[R]:
        """In the order of their making."""
        records = [r for r in list(self._tables[kind].values()) if isinstance(r, kind)]
        if repository is not None:
            records = [r for r in records if r.repository == repository.id]
        return sorted(records, key=lambda r: r.id)

    def user(self, login: str) -> User | None:
        return _first(u for u in self.all(User) if u.login == login)

    def repository(self, owner: str, name: str) -> Repository | None:
        wanted = f"{owner}/{name}".lower()
        return _first(r for r in self.all(Repository) if r.full_name.lower() == wanted)

    def issue(self, repository: Repository, number: int) -> Issue | None:
        return _first(i for i in self.all(Issue, repository) if i.number == number)

    def pull(self, repository: Repository, number: int) -> Pull | None:
        return _first(p for p in self.all(Pull, repository) if p.number == number)

    def next_number(self, repository: Repository) -> int:
        return max((i.number for i in self.all(Issue, repository)), default=0) + 1

    def label(self, repository: Repository, name: str) -> Label:
        """Made on its first use, as GitHub does when an issue gets a new one."""
        with self.change():
            known = _first(x for x in self.all(Label, repository) if x.name.lower() == name.lower())
            return known or self.put(Label(id=self.next_id(), repository=repository.id, name=name, color="ededed"))

    def tell(
        self,
        issue: Issue,
        event: str,
        actor: str,
        *,
        label: str | None = None,
        sha: str | None = None,
        about: dict[str, str] | None = None,
    ) -> Event:
        """Adds a line to the issue's timeline."""
        return self.put(
            Event(
                id=self.next_id(),
                repository=issue.repository,
                number=issue.number,
                event=event,
                actor=actor,
                created_at=now(),
                label=label,
                commit_sha=sha,
                about=about or {},
            )
        )


def _first(found: Iterable[R]) -> R | None:
    return next(iter(found), None)


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = off")  # safe against kill -9; a power cut may cost the stand-in its state
    db.execute("create table if not exists records (kind text, id integer, body text, primary key (kind, id))")
    return db


def _load(db: sqlite3.Connection) -> list[Record]:
    kinds = {kind.__name__: kind for kind in KINDS}
    rows: list[tuple[str, str]] = db.execute("select kind, body from records order by id").fetchall()
    return [_revive(kinds[kind], json.loads(body)) for kind, body in rows]


def _revive(kind: type[Record], fields: dict[str, Any]) -> Record:
    """JSON knows no tuples; records have no lists but those inside dicts."""
    listed = {name: tuple(found) for name, v in fields.items() if (found := untyped.sequence(v)) is not None}
    revived: dict[str, Any] = {**fields, **listed}
    return kind(**revived)
