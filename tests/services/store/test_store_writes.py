from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from store_fixtures import TO_MERGE_READY, intake, sha, until_locked, walk

from oneshot_dagster.domain.attempt import Attempt, WriteAction
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, LeaseLost
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.services.store.protocol import Lease

KEY = ChangeKey.parse("acme/shop#2")


def _lease(store: PostgresStore, holder: str = "one", *, seconds: float = 30) -> Lease:
    lease = store.leases.take(f"change:{KEY}", holder, seconds=seconds)
    assert lease is not None
    return lease


def _push(store: PostgresStore, attempt: Attempt, lease: Lease, *, lane_epoch: int | None = None) -> WriteAction:
    return store.writes.intend(
        attempt.id, action="push", key=sha("a"), payload={"branch": "codex/issue-2"}, lease=lease, lane_epoch=lane_epoch
    )


def test_an_intent_stands_until_it_is_settled(store: PostgresStore) -> None:
    attempt = intake(store)
    intent = _push(store, attempt, _lease(store))
    assert (intent.attempt_id, intent.action, intent.key, intent.payload, intent.outcome) == (
        attempt.id,
        "push",
        sha("a"),
        {"branch": "codex/issue-2"},
        None,
    )
    settled = store.writes.settle(intent.id, outcome="done", result={"head": sha("a")})
    assert (settled.outcome, settled.result) == ("done", {"head": sha("a")})
    assert store.writes.of(KEY) == (settled,)


def test_the_same_intent_again_is_the_row_as_it_stands(store: PostgresStore) -> None:
    attempt = intake(store)
    first = _push(store, attempt, _lease(store))
    assert _push(store, attempt, _lease(store, "one")) == first
    settled = store.writes.settle(first.id, outcome="refused", result={"why": "moved"})
    assert _push(store, attempt, _lease(store)) == settled


def test_done_is_final_and_a_refusal_is_not(store: PostgresStore) -> None:
    intent = _push(store, intake(store), _lease(store))
    store.writes.settle(intent.id, outcome="refused", result={})
    done = store.writes.settle(intent.id, outcome="done", result={"head": sha("a")})
    assert store.writes.settle(intent.id, outcome="failed", result={"why": "late"}) == done


def test_a_lease_that_was_taken_over_fences_the_old_holder(store: PostgresStore) -> None:
    attempt, old = intake(store), _lease(store, "one", seconds=0)
    _lease(store, "two")
    with pytest.raises(LeaseLost):
        _push(store, attempt, old)
    assert store.writes.of(KEY) == ()


def test_an_earlier_holding_of_the_same_holder_is_fenced(store: PostgresStore) -> None:
    attempt, old = intake(store), _lease(store, "one")
    _lease(store, "one")
    with pytest.raises(LeaseLost):
        _push(store, attempt, old)


def test_a_released_lease_is_fenced(store: PostgresStore) -> None:
    attempt, lease = intake(store), _lease(store)
    store.leases.release(lease)
    with pytest.raises(LeaseLost):
        _push(store, attempt, lease)


def test_an_intent_that_is_there_is_not_shown_to_who_lost_the_lease(store: PostgresStore) -> None:
    attempt, old = intake(store), _lease(store)
    _push(store, attempt, old)
    assert store.leases.renew(old, seconds=0)
    _lease(store, "two")
    with pytest.raises(LeaseLost):
        _push(store, attempt, old)


def test_nothing_is_intended_under_a_lease_that_ran_out_although_nobody_took_it(store: PostgresStore) -> None:
    attempt, old = intake(store), _lease(store, seconds=0)
    with pytest.raises(LeaseLost):
        _push(store, attempt, old)
    assert not store.leases.renew(old, seconds=30)
    assert store.writes.of(KEY) == ()


def test_an_intent_in_the_lane_needs_the_lane_under_its_epoch(store: PostgresStore) -> None:
    attempt, lease = walk(store, intake(store), *TO_MERGE_READY), _lease(store)
    with pytest.raises(LeaseLost, match="lane"):
        _push(store, attempt, lease, lane_epoch=1)
    assert store.leases.enter_lane(attempt, seconds=60).lease is not None
    with pytest.raises(LeaseLost, match="lane"):
        _push(store, attempt, lease, lane_epoch=2)
    assert _push(store, attempt, lease, lane_epoch=1).outcome is None


def test_the_lane_of_somebody_else_is_not_ours(store: PostgresStore) -> None:
    holder = walk(store, intake(store, "acme/shop#3"), *TO_MERGE_READY)
    assert store.leases.enter_lane(holder, seconds=60).lease is not None
    with pytest.raises(LeaseLost, match="lane"):
        _push(store, intake(store), _lease(store), lane_epoch=1)


def test_of_engines_under_one_lease_that_intend_at_once_all_see_one_row(
    make_store: Callable[[], PostgresStore],
) -> None:
    stores = [make_store() for _ in range(4)]
    attempt, lease = intake(stores[0]), _lease(stores[0])
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda store: _push(store, attempt, lease), stores))
    assert len({row.id for row in rows}) == 1


def test_a_lease_cannot_be_taken_between_the_check_and_the_intent(
    store: PostgresStore, make_store: Callable[[], PostgresStore], sql: psycopg.Connection
) -> None:
    """An intent waits, half made, on a foreign row; who takes the lease meanwhile, as its holder may, has to wait for it."""
    attempt, lease = intake(store), _lease(store)
    with ThreadPoolExecutor(2) as pool:
        with sql.transaction():
            sql.execute("select from codex_judge.runs where id = %s for update", [attempt.id])
            intent = pool.submit(_push, make_store(), attempt, lease)
            until_locked(sql, 1)
            taken = pool.submit(_lease, make_store())
            until_locked(sql, 2)
            assert not taken.done()
        assert intent.result(30).outcome is None
        assert taken.result(30).epoch == 2


def test_a_denial_is_on_record_once_and_does_not_stand_in_the_way(store: PostgresStore) -> None:
    attempt = intake(store)
    for reason in ("held by a label", "held by a label", "frozen"):
        store.writes.deny(attempt.id, action="push", key=sha("a"), reason=reason)
    intent = _push(store, attempt, _lease(store))
    assert [(w.outcome, w.result.get("reason")) for w in store.writes.of(KEY)] == [
        ("denied", "held by a label"),
        ("denied", "frozen"),
        (None, None),
    ]
    assert intent.outcome is None
    assert _push(store, attempt, _lease(store)) == intent


def test_the_write_actions_of_a_change_span_its_attempts_and_no_other_change(store: PostgresStore) -> None:
    first, other = intake(store), intake(store, "acme/shop#3")
    lease = _lease(store)
    _push(store, other, lease)
    _push(store, first, lease)
    walk(store, first, *TO_MERGE_READY[:2])
    walk(store, store.runs.all_of(KEY)[0], State.NEEDS_ITERATION)
    second = intake(store, number=2)
    _push(store, second, lease)
    assert [w.attempt_id for w in store.writes.of(KEY)] == [first.id, second.id]


def test_settling_what_was_never_intended_is_refused(store: PostgresStore) -> None:
    with pytest.raises(BadInput):
        store.writes.settle("00000000-0000-0000-0000-000000000000", outcome="done", result={})
