from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from store_fixtures import intake, walk

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store.postgres import PostgresStore

KEY = ChangeKey.parse("acme/shop#2")
LONG, SHORT = 60.0, 0.2


def test_a_wake_by_another_process_ends_the_wait(make_store: Callable[[], PostgresStore]) -> None:
    here, there = make_store(), make_store()
    with here.waiting(KEY) as waiter, ThreadPoolExecutor(1) as pool:
        waited = pool.submit(waiter.wait, LONG)
        there.wake(KEY)
        assert waited.result(LONG)


def test_a_wait_that_nobody_ends_says_so(store: PostgresStore) -> None:
    with store.waiting(KEY) as waiter:
        assert not waiter.wait(SHORT)


def test_a_wake_between_two_waits_is_not_lost(store: PostgresStore) -> None:
    with store.waiting(KEY) as waiter:
        assert not waiter.wait(0)
        store.wake(KEY)
        assert waiter.wait(LONG)


def test_other_changes_do_not_wake(store: PostgresStore) -> None:
    with store.waiting(KEY) as waiter:
        store.wake(ChangeKey.parse("acme/shop#22"))
        assert not waiter.wait(SHORT)


def test_what_was_told_before_the_waiting_began_does_not_wake(store: PostgresStore) -> None:
    with store.waiting(KEY) as waiter:
        assert not waiter.wait(0)
    store.wake(KEY)
    with store.waiting(KEY) as waiter:
        assert not waiter.wait(SHORT)


def test_intake_moves_and_requests_wake(store: PostgresStore) -> None:
    with store.waiting(KEY) as waiter:
        attempt = intake(store)
        assert waiter.wait(LONG)
        walk(store, attempt, State.WORKTREE_READY)
        assert waiter.wait(LONG)
        store.requests.add(attempt.id, kind="stop", by="alice")
        assert waiter.wait(LONG)


def test_two_wait_in_one_process(store: PostgresStore) -> None:
    with store.waiting(KEY) as one, store.waiting(ChangeKey.parse("acme/shop#3")) as other:
        store.wake(KEY)
        assert one.wait(LONG)
        assert not other.wait(SHORT)


def test_waiting_keeps_one_connection(store: PostgresStore, sql: psycopg.Connection) -> None:
    for _ in range(3):
        with store.waiting(KEY) as waiter:
            waiter.wait(0)
    query = (
        "select count(*) from pg_stat_activity where datname = current_database() and application_name like '%waiting%'"
    )
    row = sql.execute(query).fetchone()
    assert row == (1,)


def _cut(sql: psycopg.Connection) -> None:
    sql.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'test (waiting)' and datname = current_database()"
    )


def test_a_cut_connection_wakes_and_listens_again(store: PostgresStore, sql: psycopg.Connection) -> None:
    with store.waiting(KEY) as waiter:
        _cut(sql)
        assert waiter.wait(LONG)
        store.wake(KEY)
        assert waiter.wait(LONG)
    _cut(sql)
    with store.waiting(KEY) as waiter:
        store.wake(KEY)
        assert waiter.wait(LONG)


def test_waiting_on_a_database_that_is_away_is_try_again() -> None:
    away = PostgresStore("postgresql://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(TryAgain), away.waiting(KEY):
        pass
