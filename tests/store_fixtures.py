"""Fixtures of a store on a real, migrated database; a tests folder that wants them imports them in its conftest.py.
`store` is one store on a fresh database, `make_store` opens further ones on the same database, as other processes would."""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from sqlalchemy import make_url

from oneshot_dagster.domain.attempt import Attempt, Inputs
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import Kind, Mode, State
from oneshot_dagster.services.store import schema
from oneshot_dagster.services.store.postgres import PostgresStore

S = State
TO_MERGE_READY = (S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING, S.PR_READY, S.AWAITING_CI, S.JUDGING, S.MERGE_READY)
TO_COMPLETED = (*TO_MERGE_READY, S.MERGED, S.DEPLOYING, S.VERIFYING, S.COMPLETED)


@pytest.fixture(scope="session")
def store_template(make_lasting_database: Callable[..., str]) -> str:
    """The name of a migrated database, to make others from."""
    url = make_lasting_database()
    schema.upgrade(url)
    name = make_url(url).database
    assert name is not None
    return name


@pytest.fixture
def store_url(make_database: Callable[..., str], store_template: str) -> str:
    return make_database(template=store_template)


@pytest.fixture
def make_store(store_url: str) -> Iterator[Callable[[], PostgresStore]]:
    opened: list[PostgresStore] = []

    def make() -> PostgresStore:
        opened.append(PostgresStore(store_url, application_name="test"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.fixture
def store(make_store: Callable[[], PostgresStore]) -> PostgresStore:
    return make_store()


def sha(letter: str) -> str:
    return letter * 40


def inputs(*, base: str = "main", issue: int = 2) -> Inputs:
    return Inputs(
        base=base,
        head=f"codex/issue-{issue}",
        prompt="",
        issue_title="Greet by name",
        issue_body="Say hello.",
        issue_sha256="0" * 64,
        issue_author="alice",
        triggered_by="alice",
    )


def intake(
    store: PostgresStore,
    key: str = "acme/shop#2",
    *,
    number: int = 1,
    kind: Kind = Kind.IMPLEMENT,
    base: str = "main",
    mode: Mode = Mode.MERGE,
    policy: str = "",
) -> Attempt:
    """A new attempt in `queued`."""
    change = ChangeKey.parse(key)
    given = inputs(base=base, issue=change.issue_number)
    return store.runs.create(change, number=number, kind=kind, mode=mode, inputs=given, policy=policy, cause="a test")


def walk(store: PostgresStore, attempt: Attempt, *states: State) -> Attempt:
    """Moves an attempt through states, one allowed step each."""
    for state in states:
        attempt = store.runs.transition(attempt, state, reason=f"walked to {state}", cause="a test")
    return attempt


def until_locked(connection: psycopg.Connection, number: int = 1) -> None:
    """Returns when so many others in the connection's database wait for a lock."""
    query = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    for _ in range(3000):
        connection.execute("select pg_stat_clear_snapshot(), pg_sleep(0.01)")
        row = connection.execute(query).fetchone()
        if row and row[0] >= number:
            return
    pytest.fail(f"{number} waiters were expected")
