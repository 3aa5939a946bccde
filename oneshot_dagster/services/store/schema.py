"""The schema of our database: how it stands, and bringing it up to date. The database itself must exist.
Up to date is the usual case and costs two queries; alembic is loaded only when there is something to do."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import LiteralString

import psycopg

from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.store.address import engine_url, first_line, libpq_url

HEAD = "0011"
LOCK = 0x6F6E6573686F74  # the advisory lock of who migrates: "oneshot"
_TABLES: LiteralString = """
    select n.nspname || '.' || c.relname
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('codex_judge', 'jangar_github', 'workflow_comms', 'memories') and c.relkind in ('r', 'p', 'v', 'm', 'f')
    order by 1"""
_VERSION_TABLE = "codex_judge.oneshot_version"


class Standing(StrEnum):
    CURRENT = "current"
    ABSENT = "absent"
    BEHIND = "behind"
    NEWER = "newer"
    FOREIGN = "foreign"


@dataclass(frozen=True, kw_only=True, slots=True)
class Schema:
    """`tables` are those found in our four schemas; where the standing is foreign they are somebody else's."""

    standing: Standing
    version: str | None
    tables: tuple[str, ...]


def check(url: str) -> Schema:
    """Raises TryAgain where the database cannot be reached."""
    try:
        with psycopg.connect(libpq_url(url), autocommit=True, connect_timeout=5) as connection:
            tables = tuple(str(row[0]) for row in connection.execute(_TABLES))
            if _VERSION_TABLE not in tables:
                return Schema(standing=Standing.FOREIGN if tables else Standing.ABSENT, version=None, tables=tables)
            row = connection.execute("select version_num from codex_judge.oneshot_version").fetchone()
    except psycopg.OperationalError as error:
        raise TryAgain(f"the database could not be reached: {first_line(error)}") from error
    version = str(row[0]) if row else None
    return Schema(standing=_standing(version), version=version, tables=tables)


def upgrade(url: str) -> None:
    """Raises BadInput, having changed nothing, where the tables are not ours or are newer than this program."""
    schema = check(url)
    if schema.standing is Standing.FOREIGN:
        raise BadInput(
            tried="upgrade the database's schema",
            found=f"tables that are not ours: {', '.join(schema.tables)}",
            do="give ONESHOT_DATABASE_URL a database of its own",
        )
    if schema.standing is Standing.NEWER:
        raise BadInput(
            tried="upgrade the database's schema",
            found=f"version {schema.version}, which is newer than {HEAD}, this program's",
            do="update oneshot_dagster, or give ONESHOT_DATABASE_URL another database",
        )
    if schema.standing is not Standing.CURRENT:
        _migrate(url)


def _standing(version: str | None) -> Standing:
    if version == HEAD:
        return Standing.CURRENT
    return Standing.BEHIND if version is None or version < HEAD else Standing.NEWER


def _migrate(url: str) -> None:
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import exc

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = sa.create_engine(engine_url(url), poolclass=sa.NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except exc.OperationalError as error:
        raise TryAgain(f"the schema could not be upgraded: {first_line(error)}") from error
    finally:
        engine.dispose()
