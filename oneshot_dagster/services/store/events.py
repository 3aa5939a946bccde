"""Webhook events as they came, each once by its delivery id. Reading them out again is the projection's."""

import json
from dataclasses import replace

from sqlalchemy import exc

from oneshot_dagster.domain.webhook import Event, Unreadable
from oneshot_dagster.services.store.database import Database, plain

_UNSTORABLE = {"22P02", "22P05", "22021", "54001"}  # not JSON to Postgres, NUL or half a surrogate pair in it, too deep


class PostgresEvents:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: Event) -> bool:
        try:
            return self._add(event)
        except exc.DBAPIError as error:
            if not _is_unstorable(error):
                raise
        try:
            # JSON may say a character that Postgres cannot hold; the rest of the payload is worth keeping.
            return self._add(replace(event, body=json.dumps(plain(json.loads(event.body)))))
        except (exc.DBAPIError, ValueError, RecursionError) as error:
            if isinstance(error, exc.DBAPIError) and not _is_unstorable(error):
                raise
            raise Unreadable("a body that Postgres cannot hold") from error

    def _add(self, event: Event) -> bool:
        row = self._database.one(
            "events.add",
            delivery_id=event.delivery_id,
            event_type=event.event_type,
            action=event.action,
            repository=event.repository,
            issue_number=event.issue_number,
            pr_number=event.pr_number,
            commit_sha=event.commit_sha,
            sender_login=event.sender_login,
            body=event.body,
        )
        return row is not None


def _is_unstorable(error: exc.DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _UNSTORABLE
