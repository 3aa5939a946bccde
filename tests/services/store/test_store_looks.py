"""Who is looked at, and who rests: nothing that is heard of a resting attempt is lost."""

from datetime import timedelta

import psycopg
import pytest
from store_fixtures import TO_MERGE_READY, intake, sha, walk

from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store.postgres import PostgresStore

TO_AWAITING_CI = TO_MERGE_READY[:5]


def parked(store: PostgresStore, key: str = "acme/shop#2", *, pull: int = 7, what: str = "ci") -> Attempt:
    attempt = walk(store, intake(store, key), *TO_AWAITING_CI)
    store.runs.update(attempt.id, {"pr_number": pull, "head_sha": sha("a")})
    awaited = Awaited(what=what, since=store.now(), deadline=store.now() + timedelta(hours=1))
    return store.runs.park(attempt.id, awaited, reason="waits")


def rested(store: PostgresStore, attempt: Attempt, **until: float) -> Attempt:
    """As if it were looked at well after its last change."""
    later = store.now() + timedelta(seconds=60)
    store.looks.rest(attempt.id, read_at=later, until=store.now() + timedelta(**until) if until else None)
    return attempt


def due(store: PostgresStore) -> list[str]:
    return [str(attempt.key) for attempt in store.looks.due()]


def test_an_attempt_that_was_never_looked_at_is_due(store: PostgresStore) -> None:
    parked(store)

    assert due(store) == ["acme/shop#2"]


def test_one_that_rests_is_not_due_and_the_others_are(store: PostgresStore) -> None:
    rested(store, parked(store))
    parked(store, "acme/shop#3", pull=8)

    assert due(store) == ["acme/shop#3"]


def test_it_is_due_at_its_time(store: PostgresStore) -> None:
    rested(store, parked(store), seconds=-0.001)
    rested(store, parked(store, "acme/shop#3", pull=8), hours=1)

    assert due(store) == ["acme/shop#2"]


def at_once(store: PostgresStore, attempt: Attempt) -> None:
    store.looks.rest(attempt.id, read_at=store.now(), until=None)


@pytest.mark.parametrize(
    "news",
    [
        lambda store, attempt: store.looks.wake((attempt.key,)),
        lambda store, attempt: store.runs.update(attempt.id, {"ci_status": "success"}),
        lambda store, attempt: store.requests.add(attempt.id, kind="stop", by="ada"),
        lambda store, _: store.looks.rouse(),
    ],
    ids=["a wake", "a field", "a request", "a rouse"],
)
def test_news_of_it_before_or_after_it_was_put_to_rest_makes_it_due(store: PostgresStore, news) -> None:
    read_before = parked(store)
    news(store, read_before)
    at_once(store, read_before)
    assert due(store) == ["acme/shop#2"]

    news(store, store.runs.latest(read_before.key))
    assert due(store) == ["acme/shop#2"]


def test_a_request_that_was_handled_keeps_nobody_from_resting(store: PostgresStore) -> None:
    attempt = parked(store)
    store.requests.handle(store.requests.add(attempt.id, kind="hold", by="ada").id)

    rested(store, attempt)

    assert due(store) == []


def test_a_move_makes_it_due(store: PostgresStore) -> None:
    attempt = parked(store)
    at_once(store, attempt)
    store.runs.transition(attempt, State.JUDGING, reason="by hand", cause="a test")

    assert due(store) == ["acme/shop#2"]


def test_a_wake_reaches_its_change_and_no_other(store: PostgresStore, sql: psycopg.Connection) -> None:
    for key, pull in (("acme/shop#2", 7), ("acme/shop#3", 8), ("acme/shop#22", 9)):
        at_once(store, parked(store, key, pull=pull))
    sql.execute("update codex_judge.runs set updated_at = updated_at - interval '1 min'")  # they have waited for long

    assert due(store) == []
    store.looks.wake((ChangeKey.parse("acme/shop#2"), ChangeKey.parse("acme/none#1")))
    assert due(store) == ["acme/shop#2"]


@pytest.mark.parametrize("stops", [True, False])
def test_who_waits_for_a_lane_is_due_once_its_holder_stops_in_it(
    store: PostgresStore, sql: psycopg.Connection, *, stops: bool
) -> None:
    holder = walk(store, intake(store, "acme/shop#9"), *TO_MERGE_READY)
    store.leases.enter_lane(holder, seconds=60)
    waiter = parked(store, what="lane")
    at_once(store, waiter)
    sql.execute("update codex_judge.runs set updated_at = updated_at - interval '1 min'")
    assert "acme/shop#2" not in due(store)
    walk(store, holder, State.AWAITING_CI, *([State.NEEDS_HUMAN] if stops else []))

    assert ("acme/shop#2" in due(store)) == stops


def test_what_was_never_glanced_at_comes_first_and_what_was_seen_waits(store: PostgresStore) -> None:
    first, second, third = (parked(store, f"acme/shop#{n}", pull=n + 10) for n in (2, 3, 4))
    store.looks.seen({first.id: "x"})

    assert {a.id for a in store.looks.unseen(seconds=60, limit=9)} == {second.id, third.id}
    assert [a.id for a in store.looks.unseen(seconds=0, limit=9)][-1] == first.id
    assert len(store.looks.unseen(seconds=0, limit=2)) == 2


def test_only_what_waits_for_github_is_glanced_at(store: PostgresStore) -> None:
    parked(store, what="lane")
    walk(store, parked(store, "acme/shop#3", pull=8), State.CANCELLED)

    assert store.looks.unseen(seconds=0, limit=9) == ()


def test_a_glance_tells_the_changes_for_which_it_is_new(store: PostgresStore) -> None:
    one, two = parked(store), parked(store, "acme/shop#3", pull=8)

    assert set(store.looks.seen({one.id: "x", two.id: "y"})) == {one.key, two.key}
    assert list(store.looks.seen({one.id: "x", two.id: "z"})) == [two.key]
    assert list(store.looks.seen({one.id: "x", two.id: "z"})) == []
