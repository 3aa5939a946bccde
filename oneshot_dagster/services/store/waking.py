"""Waiting for a NOTIFY, on a connection of its own that is opened with the first wait and kept.
A wake-up is a hint to read again; nothing travels in it."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.store.address import first_line, libpq_url


class Waking:
    """`channel` "oneshot" tells of changes by their keys, "oneshot_events" that a delivery was stored."""

    def __init__(self, url: str, *, application_name: str, channel: str) -> None:
        self._url, self._application_name, self._channel = url, application_name, channel
        self._idle: psycopg.Connection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def waiting(self, key: ChangeKey | None) -> Generator["PostgresWaiter"]:
        """What is told from here on wakes; what was told before does not. None waits for any change."""
        with self._lock:
            connection, self._idle = self._idle, None
        waiter = PostgresWaiter(self, None if key is None else str(key), connection)
        try:
            yield waiter
        finally:
            self._give_back(waiter.connection)

    def listen(self) -> psycopg.Connection:
        try:
            connection = psycopg.connect(
                libpq_url(self._url),
                autocommit=True,
                connect_timeout=5,
                application_name=f"{self._application_name} (waiting)",
                tcp_user_timeout=15000,
            )
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(self._channel)))
        except psycopg.OperationalError as error:
            raise TryAgain(f"the database did not answer: {first_line(error)}") from error
        return connection

    def close(self) -> None:
        with self._lock:
            connection, self._idle = self._idle, None
        if connection is not None:
            connection.close()

    def _give_back(self, connection: psycopg.Connection) -> None:
        with self._lock:
            if self._idle is None and not connection.closed:
                self._idle = connection
                return
        connection.close()


class PostgresWaiter:
    def __init__(self, waking: Waking, key: str | None, connection: psycopg.Connection | None) -> None:
        self._waking, self._key = waking, key
        self.connection = self._fresh(connection)

    def wait(self, seconds: float) -> bool:
        """A cut connection counts as a wake-up: what was told meanwhile is lost."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                for notice in self.connection.notifies(timeout=left, stop_after=1):
                    if self._key in {None, notice.payload}:
                        return True
        except psycopg.OperationalError:
            self.connection.close()
            self.connection = self._waking.listen()
            return True
        return False

    def _fresh(self, connection: psycopg.Connection | None) -> psycopg.Connection:
        """Drops what a kept connection heard before; a dead one is replaced."""
        if connection is None:
            return self._waking.listen()
        with suppress(psycopg.OperationalError):
            for _ in connection.notifies(timeout=0):
                pass
            return connection
        connection.close()
        return self._waking.listen()
