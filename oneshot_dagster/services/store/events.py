"""Webhook events as they came, each once by its delivery id, and reading them out again: what they say is kept as sightings.
A batch is one transaction; where one event of it is refused, each goes alone, so that it stops no other."""

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime

from sqlalchemy import exc

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.event_payloads import Mention, Understood
from oneshot_dagster.domain.webhook import Event, Unreadable
from oneshot_dagster.services.store import sightings
from oneshot_dagster.services.store.database import Asking, Database, Row, plain, present
from oneshot_dagster.services.store.database import json as as_json
from oneshot_dagster.services.store.protocol import EventsStanding, ListedEvent, Projected, Understand

_COLUMNS = tuple(field.name for field in fields(Event))
_UNSTORABLE = {"22P02", "22P05", "22021", "54001"}  # not JSON to Postgres, NUL or half a surrogate pair in it, too deep


class PostgresEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, *events: Event) -> bool:
        try:
            return self._add(events)
        except exc.DBAPIError as error:
            if len(events) != 1 or not _is_unstorable(error):
                raise
        event = events[0]
        try:
            # JSON may say a character that Postgres cannot hold; the rest of the payload is worth keeping.
            return self._add([replace(event, body=json.dumps(plain(json.loads(event.body))))])
        except (exc.DBAPIError, ValueError, RecursionError) as error:
            if isinstance(error, exc.DBAPIError) and not _is_unstorable(error):
                raise
            raise Unreadable("a body that Postgres cannot hold") from error

    def project(self, understand: Understand, *, most: int) -> Projected:
        try:
            return self._project(understand, most=most)
        except BadInput:
            raise
        except Exception:  # noqa: BLE001 - whatever it is that one event does, the others go on
            return self._one_by_one(understand, most=most)

    def again(self, *, since: datetime | None) -> int:
        with self._database.transaction() as asking:
            asking.one("events.stop_projecting")
            if since is None:
                sightings.forget_events(asking)
            return asking.run("events.again", since=since)

    def listed(self, *, dead: bool, most: int) -> tuple[ListedEvent, ...]:
        rows = self._database.all("events.listed", state="dead" if dead else None, most=most)
        return tuple(ListedEvent(**row) for row in rows)

    def standing(self) -> EventsStanding:
        return EventsStanding(**present(self._database.one("events.standing")))

    def _add(self, events: Sequence[Event]) -> bool:
        columns = {name: plain([getattr(event, name) for event in events]) for name in _COLUMNS}
        return self._database.one("events.add", **columns) is not None

    def _project(self, understand: Understand, *, most: int, only: int | None = None) -> Projected:
        with self._database.transaction() as asking:
            free = present(asking.one("events.may_project"))["free"]
            rows = asking.all("events.take", most=most, only=only) if free else ()
            if not rows:
                return Projected()
            said = [understand(row["event_type"], row["payload"]) for row in rows]
            sightings.keep(asking, (sighting for one in said for sighting in one.sightings))
            asking.run("events.settle", settled=as_json(_settled(rows, said)))
            return Projected(
                read=len(rows),
                dead=sum(one.unreadable is not None for one in said),
                touched=_touched(asking, frozenset(mention for one in said for mention in one.mentions)),
                asked=frozenset(one.asks for one in said if one.asks is not None),
            )

    def _one_by_one(self, understand: Understand, *, most: int) -> Projected:
        total = Projected()
        for row in self._database.all("events.waiting", most=most):
            try:
                total += self._project(understand, most=1, only=row["id"])
            except Exception as error:  # noqa: BLE001 - as above
                found = self._database.one("events.refused", id=row["id"], error=_first_line(error))
                total += Projected(read=1, dead=int(found is not None and found["state"] == "dead"))
        return total


def _settled(rows: Sequence[Row], said: Sequence[Understood]) -> list[dict[str, object]]:
    return [{"id": row["id"], "error": one.unreadable} for row, one in zip(rows, said, strict=True)]


def _touched(asking: Asking, mentions: frozenset[Mention]) -> frozenset[ChangeKey]:
    if not mentions:
        return frozenset()
    named = [{"repository": m.repository, "what": m.what, "name": m.name} for m in mentions]
    rows = asking.all("events.touched", mentions=as_json(named))
    return frozenset(ChangeKey.parse(f"{row['repository']}#{row['issue_number']}") for row in rows)


def _first_line(error: Exception) -> str:
    """Without the statement and its parameters, which SQLAlchemy adds."""
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    return f"{type(said).__name__}: {str(said).splitlines()[0] if str(said) else ''}"[:500]


def _is_unstorable(error: exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _UNSTORABLE
