from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from store_fixtures import TO_COMPLETED, TO_MERGE_READY, intake, sha, until_locked, walk

from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.services.store.postgres import PostgresStore

S = State
DAY = 86400.0


def _ready(store: PostgresStore, key: str, **given: object) -> Attempt:
    return walk(store, intake(store, key, **given), *TO_MERGE_READY)


def _enter(store: PostgresStore, attempt: Attempt) -> int | str:
    """The epoch, or behind whom."""
    place = store.leases.enter_lane(attempt, seconds=DAY)
    return place.lease.epoch if place.lease else f"{place.behind}, {place.behind_state}"


def test_a_lease_is_refused_while_another_holder_lives(store: PostgresStore) -> None:
    first = store.leases.take("change:x", "one", seconds=30)
    assert first is not None
    assert (first.epoch, first.expired, store.leases.take("change:x", "two", seconds=30)) == (1, False, None)
    assert store.leases.current("change:x") == first


def test_the_same_holder_takes_it_again_under_the_next_epoch(store: PostgresStore) -> None:
    first = store.leases.take("change:x", "one", seconds=30)
    again = store.leases.take("change:x", "one", seconds=30)
    assert first and again
    assert again.epoch == 2
    assert not store.leases.renew(first, seconds=30)
    assert store.leases.renew(again, seconds=30)


def test_an_expired_lease_is_free_and_its_old_holder_is_fenced(store: PostgresStore) -> None:
    old = store.leases.take("change:x", "one", seconds=0)
    assert old
    current = store.leases.current("change:x")
    assert current and current.expired
    new = store.leases.take("change:x", "two", seconds=30)
    assert new and new.epoch == 2
    assert not store.leases.renew(old, seconds=30)
    store.leases.release(old)
    assert store.leases.current("change:x") == new


def test_renewing_moves_the_end_by_the_databases_clock(store: PostgresStore) -> None:
    lease = store.leases.take("change:x", "one", seconds=1)
    assert lease
    assert store.leases.renew(lease, seconds=DAY)
    current = store.leases.current("change:x")
    assert current and current.expires_at - store.now() > timedelta(seconds=DAY - 60)


def test_a_released_lease_is_free_cannot_be_renewed_and_never_repeats_an_epoch(store: PostgresStore) -> None:
    lease = store.leases.take("change:x", "one", seconds=30)
    assert lease
    store.leases.release(lease)
    current = store.leases.current("change:x")
    assert current and current.expired
    assert not store.leases.renew(lease, seconds=30)
    again = store.leases.take("change:x", "two", seconds=30)
    assert again and again.epoch == 2


def test_a_lease_that_was_never_taken_is_none(store: PostgresStore) -> None:
    assert store.leases.current("change:x") is None


@pytest.mark.parametrize("before", [None, 0.0])
def test_of_many_engines_that_race_for_a_lease_one_wins(
    make_store: Callable[[], PostgresStore], before: float | None
) -> None:
    stores = [make_store() for _ in range(4)]
    if before is not None:
        stores[0].leases.take("change:x", "dead", seconds=before)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda n: stores[n].leases.take("change:x", f"engine {n}", seconds=30), range(4)))
    assert sum(lease is not None for lease in taken) == 1


def test_a_free_lane_is_entered_and_kept_under_one_epoch(store: PostgresStore) -> None:
    attempt = _ready(store, "acme/shop#1")
    assert store.leases.lane_epoch(attempt) is None
    assert (_enter(store, attempt), _enter(store, attempt), store.leases.lane_epoch(attempt)) == (1, 1, 1)


def test_who_comes_second_learns_behind_whom(store: PostgresStore) -> None:
    first, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, first)
    walk(store, first, S.MERGED, S.DEPLOYING, S.VERIFYING)
    assert _enter(store, second) == "acme/shop#1, verifying"
    assert store.leases.lane_epoch(second) is None


def test_lanes_of_other_bases_and_repositories_are_apart(store: PostgresStore) -> None:
    ready = [_ready(store, "acme/shop#1"), _ready(store, "acme/shop#2", base="next"), _ready(store, "acme/other#1")]
    assert [_enter(store, attempt) for attempt in ready] == [1, 1, 1]


def test_the_lane_goes_to_who_asked_first(store: PostgresStore) -> None:
    holder, first, second = (_ready(store, f"acme/shop#{n}") for n in (1, 2, 3))
    for attempt in (holder, first, second):
        _enter(store, attempt)
    store.leases.leave_lane(holder)
    assert _enter(store, second) == "acme/shop#2, merge_ready"
    assert _enter(store, first) == 2
    store.leases.leave_lane(first)
    assert _enter(store, second) == 3


def test_who_leaves_wakes_the_first_that_waits_and_nobody_else(store: PostgresStore) -> None:
    holder, first, second = (_ready(store, f"acme/shop#{n}") for n in (1, 2, 3))
    for attempt in (holder, second, first):
        _enter(store, attempt)
    for attempt in (first, second):
        _parks(store, attempt)
    with store.waiting_for_events() as waiter:
        store.leases.leave_lane(holder)
        assert waiter.wait(5)
    assert [attempt.key for attempt in store.looks.called()] == [second.key]
    store.looks.rest(second.id, read_at=store.now(), until=None)
    assert store.looks.called() == ()


def test_one_that_has_to_be_brought_up_to_date_first_has_its_place_too(store: PostgresStore) -> None:
    holder, behind, second = (_ready(store, f"acme/shop#{n}") for n in (1, 2, 3))
    for attempt in (holder, behind, second):
        _enter(store, attempt)
    _parks(store, walk(store, behind, S.AWAITING_CI))
    store.leases.leave_lane(holder)
    assert _enter(store, second) == "acme/shop#2, awaiting_ci"


def _parks(store: PostgresStore, attempt: Attempt) -> None:
    awaited = Awaited(what="lane", since=store.now(), deadline=store.now() + timedelta(days=7))
    store.runs.park(attempt.id, awaited, reason="behind another")


def test_an_attempt_that_a_person_merged_enters_to_be_verified(store: PostgresStore) -> None:
    merged = walk(store, _ready(store, "acme/shop#1"), S.MERGED)
    judging = walk(store, _ready(store, "acme/shop#2", base="next"), S.AWAITING_CI, S.JUDGING)
    assert (_enter(store, merged), _enter(store, judging)) == (1, 1)


def test_leaving_takes_away_the_right_at_once(store: PostgresStore) -> None:
    attempt = _ready(store, "acme/shop#1")
    _enter(store, attempt)
    store.leases.leave_lane(attempt)
    assert store.leases.lane_epoch(attempt) is None
    store.leases.leave_lane(attempt)


def test_who_leaves_the_queue_does_not_take_the_lane_from_its_holder(store: PostgresStore) -> None:
    holder, waiter = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, holder)
    _enter(store, waiter)
    store.leases.leave_lane(waiter)
    assert store.leases.lane_epoch(holder) == 1


def test_a_lane_does_not_run_out(store: PostgresStore) -> None:
    holder, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    store.leases.enter_lane(holder, seconds=0)
    assert _enter(store, second) == "acme/shop#1, merge_ready"


def test_one_whose_head_moved_keeps_its_place_and_holds_nobody_up(store: PostgresStore) -> None:
    holder, moved, second = (_ready(store, f"acme/shop#{n}") for n in (1, 2, 3))
    for attempt in (holder, moved, second):
        _enter(store, attempt)
    moved = walk(store, moved, S.AWAITING_CI)
    store.leases.leave_lane(holder)
    assert _enter(store, second) == 2
    store.leases.leave_lane(second)
    fourth = _ready(store, "acme/shop#4")
    walk(store, moved, S.JUDGING, S.MERGE_READY)
    assert _enter(store, fourth) == "acme/shop#2, merge_ready"


@pytest.mark.parametrize("end", [S.CANCELLED, S.SUPERSEDED, S.NEEDS_HUMAN])
def test_a_holder_that_stopped_before_its_merge_holds_nobody_up(store: PostgresStore, end: State) -> None:
    holder, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, holder)
    walk(store, holder, end)
    assert _enter(store, second) == 2
    assert store.leases.lane_epoch(holder) is None


def test_a_completed_holder_that_crashed_before_leaving_holds_nobody_up(store: PostgresStore) -> None:
    holder, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, holder)
    walk(store, holder, *TO_COMPLETED[len(TO_MERGE_READY) :])
    assert _enter(store, second) == 2


def test_a_holder_that_merged_and_waits_for_a_person_keeps_the_lane(store: PostgresStore) -> None:
    holder, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, holder)
    walk(store, holder, S.MERGED, S.DEPLOYING, S.NEEDS_HUMAN)
    assert _enter(store, second) == "acme/shop#1, needs_human"


@pytest.mark.parametrize(("outcome", "free"), [(None, False), ("done", False), ("refused", True), ("failed", True)])
def test_a_holder_whose_merge_may_have_landed_keeps_the_lane(
    store: PostgresStore, outcome: str | None, *, free: bool
) -> None:
    holder, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    epoch = store.leases.enter_lane(holder, seconds=DAY).lease
    lease = store.leases.take("change:acme/shop#1", "one", seconds=30)
    assert epoch and lease
    intent = store.writes.intend(
        holder.id, action="merge", key=sha("a"), payload={}, lease=lease, lane_epoch=epoch.epoch
    )
    if outcome:
        store.writes.settle(intent.id, outcome=outcome, result={})
    walk(store, holder, S.NEEDS_HUMAN)
    assert (store.leases.enter_lane(second, seconds=DAY).lease is not None) == free


def test_a_revert_takes_the_lane_over_from_what_it_takes_back_and_goes_first(store: PostgresStore) -> None:
    broken, waiter = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, broken)
    _enter(store, waiter)
    walk(store, broken, S.MERGED, S.DEPLOYING, S.VERIFYING, S.ROLLING_BACK)
    revert = _ready(store, "acme/shop#1", number=2, kind=Kind.REVERT)
    assert _enter(store, waiter) == "acme/shop#1, rolling_back"
    assert _enter(store, revert) == 2
    assert store.leases.lane_epoch(broken) is None


def test_what_is_rolled_back_holds_nobody_up_though_a_person_has_to_say_what_follows(store: PostgresStore) -> None:
    broken, second, third = (_ready(store, f"acme/shop#{n}") for n in (1, 2, 3))
    _enter(store, broken)
    back = walk(store, broken, S.MERGED, S.DEPLOYING, S.VERIFYING, S.ROLLING_BACK)
    assert _enter(store, second) == "acme/shop#1, rolling_back"
    waits = walk(store, back, S.ROLLED_BACK, S.NEEDS_HUMAN)
    assert waits.human_from is S.ROLLED_BACK
    assert _enter(store, second) == 2
    assert _enter(store, third) == "acme/shop#2, merge_ready"


def test_raising_the_lane_takes_it_from_whoever_entered_it_before(store: PostgresStore) -> None:
    attempt, other = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    lease = store.leases.take("change:acme/shop#1", "one", seconds=30)
    assert lease
    stalled = _enter(store, attempt)
    assert store.leases.lane_is_ours(attempt, lease=lease, epoch=1)
    assert store.leases.raise_lane(attempt, lease=lease) == 2
    assert not store.leases.lane_is_ours(attempt, lease=lease, epoch=stalled)
    with pytest.raises(LeaseLost):
        store.writes.intend(attempt.id, action="start", key="k", payload={}, lease=lease, lane_epoch=1)
    assert store.leases.lane_is_ours(attempt, lease=lease, epoch=2)
    assert store.leases.raise_lane(other, lease=lease) is None


def test_who_lost_the_change_has_no_part_in_its_lane(store: PostgresStore) -> None:
    attempt = _ready(store, "acme/shop#1")
    lost = store.leases.take("change:acme/shop#1", "stalled", seconds=0)
    assert lost
    _enter(store, attempt)
    assert not store.leases.lane_is_ours(attempt, lease=lost, epoch=1)
    for act in (
        lambda: store.leases.enter_lane(attempt, seconds=DAY, under=lost),
        lambda: store.leases.raise_lane(attempt, lease=lost),
        lambda: store.leases.leave_lane(attempt, under=lost),
    ):
        with pytest.raises(LeaseLost):
            act()
    assert store.leases.lane_epoch(attempt) == 1


def test_of_many_that_race_for_a_lane_one_enters(make_store: Callable[[], PostgresStore]) -> None:
    stores = [make_store() for _ in range(4)]
    ready = [_ready(stores[0], f"acme/shop#{n}") for n in range(1, 5)]
    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda n: _enter(stores[n], ready[n]), range(4)))
    assert [place for place in places if isinstance(place, int)] == [1]


def test_an_asker_that_waited_for_the_lock_sees_the_holder_of_now(
    store: PostgresStore, make_store: Callable[[], PostgresStore], sql: psycopg.Connection
) -> None:
    """The lane changes hands while the asker waits: it must not take a lane whose holder it never saw."""
    first, second = _ready(store, "acme/shop#1"), _ready(store, "acme/shop#2")
    _enter(store, first)
    store.leases.leave_lane(first)
    with ThreadPoolExecutor(1) as pool, sql.transaction():
        sql.execute("select from codex_judge.leases where name like 'lane:%%' for update")
        answer = pool.submit(_enter, make_store(), second)
        until_locked(sql)
        sql.execute("update codex_judge.leases set holder = %s, epoch = 9 where name like 'lane:%%'", [first.id])
    assert answer.result(30) == "acme/shop#1, merge_ready"


def test_the_key_of_who_is_ahead_is_its_change(store: PostgresStore) -> None:
    _enter(store, _ready(store, "acme/shop.web-2#12"))
    place = store.leases.enter_lane(_ready(store, "acme/shop.web-2#13"), seconds=DAY)
    assert place.behind == ChangeKey("acme", "shop.web-2", 12)


@pytest.mark.parametrize("human_from", [S.MERGE_READY, S.AWAITING_CI])
def test_a_revert_that_waits_for_a_person_lets_nobody_past(store: PostgresStore, human_from: State) -> None:
    """What it has yet to take back is still in the base."""
    broken = _ready(store, "acme/shop#1")
    assert _enter(store, broken) == 1
    waiter = _ready(store, "acme/shop#2")
    walk(store, broken, S.MERGED, S.DEPLOYING, S.VERIFYING, S.ROLLING_BACK)
    revert = _ready(store, "acme/shop#1", number=2, kind=Kind.REVERT)
    assert _enter(store, revert) == 2
    if human_from is not S.MERGE_READY:
        revert = walk(store, revert, human_from)
    walk(store, revert, S.NEEDS_HUMAN)
    assert _enter(store, waiter) == "acme/shop#1, needs_human"
