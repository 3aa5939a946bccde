import psycopg
import pytest
from store_fixtures import TO_MERGE_READY, intake, walk

from oneshot_dagster.services.store.postgres import PostgresStore


def _shown(freezes) -> list[tuple[str | None, bool, str, str]]:
    return [(one.repository, one.lane, one.reason, one.by) for one in freezes]


def test_a_freeze_stands_for_its_repository_until_it_is_lifted_by_that_name(store: PostgresStore) -> None:
    store.freezes.set("acme/shop", reason="a release", by="ada")
    assert _shown(store.freezes.standing("acme/shop")) == [("acme/shop", False, "a release", "ada")]
    assert store.freezes.standing("acme/tools") == ()
    assert store.freezes.lift(None, by="bob") == ()
    assert _shown(store.freezes.lift("acme/shop", by="bob")) == [("acme/shop", False, "a release", "ada")]
    assert store.freezes.standing() == ()


def test_a_freeze_of_all_holds_each_and_is_not_lifted_with_one(store: PostgresStore) -> None:
    store.freezes.set(None, reason="an incident", by="ada")
    store.freezes.set("acme/shop", reason="a release", by="bob")
    assert len(store.freezes.standing("acme/shop")) == 2
    store.freezes.lift("acme/shop", by="ada")
    assert _shown(store.freezes.standing("acme/shop")) == [(None, False, "an incident", "ada")]


def test_what_stands_already_is_not_set_anew(store: PostgresStore) -> None:
    first = store.freezes.set("acme/shop", reason="a release", by="ada")
    assert store.freezes.set("acme/shop", reason="another", by="bob") == first
    assert store.freezes.standing() == (first,)


def test_who_lifted_what_and_when_stays_on_record(store: PostgresStore, sql: psycopg.Connection) -> None:
    for by in ("ada", "bob"):
        store.freezes.set(None, reason="an incident", by=by)
        store.freezes.lift(None, by="eve")
    found = sql.execute("select set_by, lifted_by, lifted_at > set_at from codex_judge.freezes order by id").fetchall()
    assert found == [("ada", "eve", True), ("bob", "eve", True)]


def test_what_stood_since_a_time_is_told_with_its_end_and_stopped_lanes_apart(store: PostgresStore) -> None:
    store.freezes.set("acme/shop", reason="before", by="ada")
    store.freezes.lift("acme/shop", by="ada")
    since = store.now()
    store.freezes.set(None, reason="an incident", by="ada")
    store.freezes.lift(None, by="ada")
    store.freezes.set("acme/shop", reason="a tree that nobody judged", by="oneshot", lane=True)
    store.freezes.set("acme/tools", reason="elsewhere", by="ada")

    both = store.freezes.spans("acme/shop", since=since, lane=False)
    assert sorted(ended is None for _, ended in both) == [False, True]
    assert [ended for _, ended in store.freezes.spans("acme/shop", since=since, lane=True)] == [None]


@pytest.mark.parametrize("holds_it", [True, False])
def test_nobody_enters_a_stopped_lane_nor_goes_on_in_it(store: PostgresStore, *, holds_it: bool) -> None:
    attempt = walk(store, intake(store), *TO_MERGE_READY)
    other = walk(store, intake(store, "acme/tools#3"), *TO_MERGE_READY)
    if holds_it:
        assert store.leases.enter_lane(attempt, seconds=60).lease is not None
    halt = store.freezes.set("acme/shop", reason="a tree that nobody judged", by="oneshot", lane=True)
    place = store.leases.enter_lane(attempt, seconds=60)
    assert (place.lease, place.stopped) == (None, halt)
    assert store.leases.enter_lane(other, seconds=60).lease is not None
    store.freezes.lift("acme/shop", by="ada")
    assert store.leases.enter_lane(attempt, seconds=60).lease is not None


def test_a_freeze_of_merges_leaves_the_lane_to_who_is_past_the_merge(store: PostgresStore) -> None:
    attempt = walk(store, intake(store), *TO_MERGE_READY)
    store.freezes.set("acme/shop", reason="a release", by="ada")
    assert store.leases.enter_lane(attempt, seconds=60).lease is not None


def test_what_is_noted_on_an_open_intent_is_kept_and_a_settled_one_stays_as_it_is(store: PostgresStore) -> None:
    attempt = intake(store)
    lease = store.leases.take(f"change:{attempt.key}", "one", seconds=30)
    assert lease is not None
    intent = store.writes.intend(attempt.id, action="merge", key="k", payload={"sha": "a"}, lease=lease)
    noted = store.writes.note(intent.id, {"uuid": "u"})
    assert (noted.payload, noted.outcome) == ({"sha": "a", "uuid": "u"}, None)
    settled = store.writes.settle(intent.id, outcome="done", result={})
    assert store.writes.note(intent.id, {"uuid": "other"}) == settled
