from collections.abc import Callable

import psycopg
import pytest
from store_fixtures import intake

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.store.database import Database
from oneshot_dagster.services.store.postgres import PostgresStore

KEY = ChangeKey.parse("acme/shop#2")


def test_a_database_that_is_away_is_try_again_and_its_password_is_not_told() -> None:
    away = PostgresStore("postgresql://nobody:hunter2@127.0.0.1:1/none")
    with pytest.raises(TryAgain) as caught:
        away.runs.latest(KEY)
    assert "hunter2" not in str(caught.value)


def test_after_a_cut_one_call_fails_and_the_next_works(store: PostgresStore, sql: psycopg.Connection) -> None:
    intake(store)
    sql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'test' and datname = current_database()"
    )
    with pytest.raises(TryAgain):
        store.runs.latest(KEY)
    assert store.runs.latest(KEY) is not None


def test_a_database_without_our_schema_says_what_to_run(make_database: Callable[..., str]) -> None:
    store = PostgresStore(make_database())
    with pytest.raises(BadInput, match="oneshot db upgrade"):
        store.runs.latest(KEY)
    store.close()


def test_a_transaction_that_fails_leaves_nothing_and_gives_its_connection_back(store_url: str) -> None:
    database = Database(store_url, application_name="test")
    for _ in range(8):
        with pytest.raises(RuntimeError), database.transaction() as asking:
            asking.run("leases.lane_ensure", lane="lane:x:main")
            raise RuntimeError
    assert database.one("leases.lane_epoch", lane="lane:x:main", run_id="") is None
    database.close()


def test_a_lock_that_is_not_given_is_try_again(store: PostgresStore, sql: psycopg.Connection) -> None:
    attempt = intake(store)
    with sql.transaction(), pytest.raises(TryAgain):
        sql.execute("select from codex_judge.runs where id = %s for update", [attempt.id])
        store.runs.update(attempt.id, {"reason": "x"})


def test_another_driver_in_the_url_is_no_matter(store_url: str) -> None:
    store = PostgresStore(store_url.replace("postgresql+psycopg:", "postgresql+psycopg2:"))
    assert store.runs.latest(KEY) is None
    store.close()


def test_the_clock_is_the_databases(store: PostgresStore, sql: psycopg.Connection) -> None:
    row = sql.execute("select clock_timestamp()").fetchone()
    assert row is not None
    assert store.now() >= row[0]
    assert store.now().utcoffset() is not None
