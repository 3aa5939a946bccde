"""How the store speaks to Postgres: named queries, one statement a call or a few in one transaction, failures in our words.
What is asked stands in sql/*.sql and in the parts of the store."""

import functools
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import cast

import psycopg
import sqlalchemy as sa
from psycopg import sql
from psycopg.types.json import Json, Jsonb
from sqlalchemy import exc

from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.store.address import engine_url, first_line

Row = sa.RowMapping
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # Postgres text holds neither NUL nor half of a surrogate pair
_NO_SCHEMA = {"42P01", "3F000", "42703", "42704"}  # undefined table, schema, column, type


class Asking:
    """One connection to ask on."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection

    def all(self, query: str, **parameters: object) -> Sequence[Row]:
        return self.connection.execute(_statement(query), _bound(parameters)).mappings().all()

    def one(self, query: str, **parameters: object) -> Row | None:
        return self.connection.execute(_statement(query), _bound(parameters)).mappings().first()

    def run(self, query: str, **parameters: object) -> int:
        """The number of rows changed."""
        return self.connection.execute(_statement(query), _bound(parameters)).rowcount

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Adds many rows in one stream; the number of them."""
        driver = cast("psycopg.Connection", self.connection.connection.driver_connection)
        into = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with driver.cursor() as cursor:
            with cursor.copy(into) as stream:
                for row in rows:
                    stream.write_row(row)
            return cursor.rowcount


class Database:
    """Queries are named `file.query`. `all`, `one` and `run` are one round trip, committed by themselves."""

    def __init__(self, url: str, *, application_name: str) -> None:
        connect = {
            "connect_timeout": 5,
            "application_name": application_name,
            "options": "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s",
            "tcp_user_timeout": 15000,
        }
        self._engine = sa.create_engine(
            engine_url(url),
            pool_size=2,
            max_overflow=3,
            pool_timeout=15,
            connect_args=connect,
            isolation_level="AUTOCOMMIT",
            use_native_hstore=False,
        )
        self._transactions = self._engine.execution_options(isolation_level="READ COMMITTED")

    def all(self, query: str, **parameters: object) -> Sequence[Row]:
        with _translated(), self._engine.connect() as connection:
            return Asking(connection).all(query, **parameters)

    def one(self, query: str, **parameters: object) -> Row | None:
        with _translated(), self._engine.connect() as connection:
            return Asking(connection).one(query, **parameters)

    def run(self, query: str, **parameters: object) -> int:
        with _translated(), self._engine.connect() as connection:
            return Asking(connection).run(query, **parameters)

    @contextmanager
    def transaction(self) -> Generator[Asking]:
        with _translated(), self._transactions.begin() as connection:
            yield Asking(connection)

    def close(self) -> None:
        self._engine.dispose()


def present(row: Row | None) -> Row:
    if row is None:
        raise missing_row()
    return row


def missing_row() -> BadInput:
    return BadInput(tried="use a row of the store", found="none of that id", do="give the id of an existing one")


def broke(error: exc.IntegrityError, constraint: str) -> bool:
    return isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == constraint


def plain(value: object) -> object:
    """What JSON and Postgres can hold: mappings, sequences and times plain, unstorable characters replaced."""
    match value:
        case str():
            return _UNSTORABLE.sub("\ufffd", value)
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(plain(k)): plain(v) for k, v in cast("Mapping[object, object]", value).items()}
        case list() | tuple():
            return [plain(item) for item in cast("Sequence[object]", value)]
        case _:
            return value


def json(value: object) -> Jsonb:
    return Jsonb(plain(value))


def ordered_json(value: object) -> Json:
    """For columns of the type json, which keep the order of an object's entries."""
    return Json(plain(value))


def _bound(parameters: dict[str, object]) -> dict[str, object]:
    return {
        name: _UNSTORABLE.sub("\ufffd", value) if isinstance(value, str) else value
        for name, value in parameters.items()
    }


@functools.cache
def _queries(file: str) -> Mapping[str, sa.TextClause]:
    text = (Path(__file__).parent / "sql" / f"{file}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: sa.text(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _statement(query: str) -> sa.TextClause:
    file, _, name = query.partition(".")
    return _queries(file)[name]


def _asks_too_much(error: Exception) -> bool:
    """Class 54 of SQL states: the same statement will be refused again."""
    said = error.orig if isinstance(error, exc.DBAPIError) else error
    return str(getattr(said, "sqlstate", None)).startswith("54")


@contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, psycopg.OperationalError) as error:
        if _asks_too_much(error):
            raise
        raise TryAgain(f"the database did not answer: {first_line(error)}") from error
    except exc.TimeoutError as error:
        raise TryAgain("the database did not answer: every connection of this process is in use") from error
    except exc.ProgrammingError as error:
        if getattr(error.orig, "sqlstate", None) not in _NO_SCHEMA:
            raise
        raise BadInput(
            tried="use the database",
            found=f"another schema than ours ({first_line(error)})",
            do="run `oneshot db upgrade`",
        ) from error
