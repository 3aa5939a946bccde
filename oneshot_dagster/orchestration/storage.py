"""Dagster's storage on our Postgres server: pooled connections, table look-ups remembered, the address from our settings.
Named in dagster.yaml; light to import, because every Dagster process loads it."""

from collections.abc import Callable, Mapping
from typing import Any

from dagster._config.config_schema import UserConfigSchema
from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.storage import DagsterPostgresStorage
from sqlalchemy.engine import Connection

from oneshot_dagster.settings import load

_TIMEOUT_MS, _RECYCLE_SECONDS, _OVERFLOW = 60_000, 3600, 20


class RunStorage(PostgresRunStorage):
    """A column that was there stays there: asking again reads a table's whole description each time."""

    def __init__(self, url: str) -> None:
        self._there: set[str] = set()
        super().__init__(url)

    def has_run_stats_index_cols(self) -> bool:
        return self._remembered("run stats", super().has_run_stats_index_cols)

    def has_backfill_id_column(self) -> bool:
        return self._remembered("backfill id", super().has_backfill_id_column)

    def _remembered(self, what: str, ask: Callable[[], bool]) -> bool:
        if what not in self._there and ask():
            self._there.add(what)
        return what in self._there


class EventLogStorage(PostgresEventLogStorage):
    """Likewise for tables and columns, and for a change's partition, which nobody takes away."""

    def __init__(self, url: str) -> None:
        self._there: set[str] = set()
        super().__init__(url)

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._there and super().has_table(table_name):
            self._there.add(table_name)
        return table_name in self._there

    def has_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> bool:
        name = f"{partitions_def_name}: {partition_key}"
        if name not in self._there and super().has_dynamic_partition(partitions_def_name, partition_key):
            self._there.add(name)
        return name in self._there

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        self._there.discard(f"{partitions_def_name}: {partition_key}")
        super().delete_dynamic_partition(partitions_def_name, partition_key)

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        name = f"asset_keys.{column_name}"
        if name not in self._there and super()._has_asset_key_col_on_connection(conn, column_name):
            self._there.add(name)
        return name in self._there


class PooledPostgresStorage(DagsterPostgresStorage):
    """Takes no configuration: the address comes from ONESHOT_DATABASE_URL or the embedded server of ONESHOT_HOME.

    Dagster's storages open a connection for every query unless they are told that they serve the web.
    """

    def __init__(self, url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super(DagsterPostgresStorage, self).__init__()  # the parent's would build three storages to be thrown away
        self.postgres_url = url
        self.should_autocreate_tables = True
        self._inst_data = inst_data
        self._run_storage = RunStorage(url)
        self._event_log_storage = EventLogStorage(url)
        self._schedule_storage = PostgresScheduleStorage(url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage.optimize_for_webserver(_TIMEOUT_MS, _RECYCLE_SECONDS, _OVERFLOW)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        del config_value
        return cls(load().dagster_url, inst_data)
