"""What alembic runs to migrate: one transaction under an advisory lock, so that concurrent starters wait for each other.
Called by schema.upgrade, which hands over the connection."""

from typing import cast

from alembic import context
from sqlalchemy import Connection

from oneshot_dagster.services.store.schema import LOCK


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, version_table="oneshot_version", version_table_schema="codex_judge")
    with context.begin_transaction():
        connection.exec_driver_sql("set local lock_timeout = '60s'")
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK})")
        connection.exec_driver_sql("create schema if not exists codex_judge")
        context.run_migrations()


_migrate(cast("Connection", context.config.attributes["connection"]))
