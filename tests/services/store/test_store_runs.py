from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from store_fixtures import TO_COMPLETED, TO_MERGE_READY, inputs, intake, sha, until_locked, walk

from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, LeaseLost, StaleState
from oneshot_dagster.domain.run import Kind, Mode, State
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.services.store.protocol import Untaken
from oneshot_dagster.services.store.rows import SETTABLE

S = State
KEY = ChangeKey.parse("acme/shop#2")


def _ids(attempts: tuple[Attempt, ...]) -> list[str]:
    return [attempt.id for attempt in attempts]


def test_an_attempt_reads_back_as_it_was_made(store: PostgresStore) -> None:
    made = store.runs.create(
        KEY, number=1, kind=Kind.IMPLEMENT, mode=Mode.PROPOSE, inputs=inputs(), policy="x", cause="c", next_prompt="n"
    )
    assert store.runs.by_id(made.id) == made == store.runs.latest(KEY)
    assert (made.state, made.mode, made.inputs, made.policy, made.next_prompt) == (
        S.QUEUED,
        Mode.PROPOSE,
        inputs(),
        "x",
        "n",
    )


def test_what_does_not_exist_is_none(store: PostgresStore) -> None:
    assert store.runs.latest(KEY) is None
    assert store.runs.by_id("not-an-id") is None
    assert store.runs.by_id("00000000-0000-0000-0000-000000000000") is None


def test_a_second_intake_of_a_live_change_returns_the_first(store: PostgresStore) -> None:
    first = intake(store)
    assert intake(store) == first
    assert intake(store, number=2) == first


def test_an_attempt_that_waits_for_a_person_is_still_the_live_one(store: PostgresStore) -> None:
    asking = walk(store, intake(store), S.NEEDS_HUMAN)
    assert intake(store, number=2) == asking


def test_a_number_that_exists_is_returned_unchanged_when_stopped(store: PostgresStore) -> None:
    stopped = walk(store, intake(store), S.CANCELLED)
    assert intake(store) == stopped


def test_after_needs_iteration_the_next_attempt_is_new(store: PostgresStore) -> None:
    first = walk(store, intake(store), S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION)
    second = intake(store, number=2)
    assert _ids(store.runs.all_of(KEY)) == [first.id, second.id]


def test_a_revert_lives_beside_the_attempt_that_it_takes_back(store: PostgresStore) -> None:
    broken = walk(store, intake(store), *TO_COMPLETED[:-1], S.ROLLING_BACK)
    revert = intake(store, number=2, kind=Kind.REVERT)
    assert revert.id != broken.id
    assert intake(store, number=3, kind=Kind.REVERT).id == revert.id


def test_of_many_intakes_at_once_one_is_made(make_store: Callable[[], PostgresStore]) -> None:
    stores = [make_store() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(intake, stores))
    assert len({attempt.id for attempt in made}) == 1
    assert len(stores[0].runs.transitions(made[0].id)) == 1


def test_a_transition_sets_fields_and_leaves_a_line(store: PostgresStore) -> None:
    moved = store.runs.transition(
        intake(store), S.WORKTREE_READY, reason="it stands", cause="worktree", fields={"base_sha": sha("a")}
    )
    assert (moved.state, moved.base_sha, moved.reason) == (S.WORKTREE_READY, sha("a"), "it stands")
    assert [(t.source, t.target, t.cause) for t in store.runs.transitions(moved.id)] == [
        (None, S.QUEUED, "a test"),
        (S.QUEUED, S.WORKTREE_READY, "worktree"),
    ]


def test_a_transition_from_another_state_is_stale_and_changes_nothing(store: PostgresStore) -> None:
    seen = intake(store)
    now = walk(store, seen, S.WORKTREE_READY)
    with pytest.raises(StaleState):
        walk(store, seen, S.WORKTREE_READY)
    assert store.runs.by_id(seen.id) == now
    assert len(store.runs.transitions(seen.id)) == 2


@pytest.mark.parametrize("seconds", [0, 30], ids=["ran out", "taken"])
def test_whoever_lost_the_lease_moves_and_writes_nothing_though_the_state_is_the_same(
    store: PostgresStore, seconds: float
) -> None:
    """Of a lease that ran out, and that nobody took, others act already."""
    seen = intake(store)
    stalled = store.leases.take(f"change:{KEY}", "stalled", seconds=seconds)
    assert stalled
    if seconds:
        stalled = replace(stalled, epoch=stalled.epoch - 1)
    for write in (
        lambda: store.runs.transition(seen, S.WORKTREE_READY, reason="r", cause="c", under=stalled),
        lambda: store.runs.update(seen.id, {"head_sha": sha("a")}, under=stalled),
        lambda: store.runs.park(seen.id, None, reason="parked", under=stalled),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert store.runs.by_id(seen.id) == seen
    assert len(store.runs.transitions(seen.id)) == 1
    store.leases.release(stalled)
    holder = store.leases.take(f"change:{KEY}", "stalled", seconds=30)
    assert store.runs.transition(seen, S.WORKTREE_READY, reason="r", cause="c", under=holder).state is S.WORKTREE_READY


def _moved_as_read(store: PostgresStore, seen: Attempt, *, epoch: int) -> Attempt:
    under = Untaken(name=f"change:{KEY}", epoch=epoch)
    return store.runs.transition(seen, S.CANCELLED, reason="stopped", cause="resumer", under=under)


def test_what_was_decided_without_the_lease_is_void_once_somebody_took_it(store: PostgresStore) -> None:
    seen = intake(store)
    taken = store.leases.take(f"change:{KEY}", "an engine", seconds=30)
    assert taken
    with pytest.raises(StaleState):
        _moved_as_read(store, seen, epoch=0)
    store.leases.release(taken)
    assert _moved_as_read(store, seen, epoch=1).state is S.CANCELLED


def test_what_was_decided_of_an_attempt_is_void_once_anything_of_it_changed(store: PostgresStore) -> None:
    seen = intake(store)
    now = store.runs.update(seen.id, {"head_sha": sha("a")})
    with pytest.raises(StaleState):
        _moved_as_read(store, seen, epoch=0)
    assert _moved_as_read(store, now, epoch=0).state is S.CANCELLED


def test_a_taker_waits_for_a_move_that_rests_on_nobody_having_taken_it(
    store: PostgresStore, make_store: Callable[[], PostgresStore], sql: psycopg.Connection
) -> None:
    seen, lease = intake(store), store.leases.take(f"change:{KEY}", "one", seconds=30)
    assert lease
    store.leases.release(lease)
    with ThreadPoolExecutor(2) as pool:
        with sql.transaction():
            sql.execute("select from codex_judge.runs for update")
            moves = pool.submit(_moved_as_read, store, seen, epoch=1)
            until_locked(sql)
            takes = pool.submit(make_store().leases.take, f"change:{KEY}", "two", seconds=30)
            until_locked(sql, 2)
        assert moves.result(30).state is S.CANCELLED
        assert takes.result(30) is not None


def test_of_two_engines_that_move_an_attempt_one_wins(make_store: Callable[[], PostgresStore]) -> None:
    stores = [make_store() for _ in range(4)]
    seen = intake(stores[0])

    def move(store: PostgresStore) -> bool:
        try:
            walk(store, seen, S.WORKTREE_READY)
        except StaleState:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(move, stores)) == 1
    assert len(stores[0].runs.transitions(seen.id)) == 2


def test_an_attempt_cannot_come_back_to_life_beside_its_successor(store: PostgresStore) -> None:
    first = walk(store, intake(store), S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION)
    intake(store, number=2)
    with pytest.raises(StaleState):
        walk(store, first, S.NEEDS_HUMAN)
    assert store.runs.by_id(first.id) == first


def test_a_step_that_the_lifecycle_does_not_know_is_refused(store: PostgresStore) -> None:
    with pytest.raises(BadInput, match="queued"):
        walk(store, intake(store), S.MERGED)


def test_needs_human_remembers_where_it_came_from_until_it_is_resumed(store: PostgresStore) -> None:
    attempt = walk(store, intake(store), *TO_MERGE_READY)
    fields = {"human_reason": "protected_path", "evidence_head": "ff"}
    asked = store.runs.transition(attempt, S.NEEDS_HUMAN, reason="look", cause="judge", fields=fields)
    assert (asked.human_from, asked.human_reason, asked.evidence_head) == (S.MERGE_READY, "protected_path", "ff")
    assert asked.finished_at is not None
    resumed = walk(store, asked, S.MERGE_READY)
    assert (resumed.human_from, resumed.human_reason, resumed.evidence_head, resumed.finished_at) == (None,) * 4


def test_what_was_awaited_ends_with_the_state(store: PostgresStore) -> None:
    attempt = walk(store, intake(store), *TO_MERGE_READY[:5])
    awaited = Awaited(what="ci", since=attempt.created_at, deadline=attempt.created_at + timedelta(hours=1))
    parked = store.runs.park(attempt.id, awaited, reason="ci is pending")
    assert (parked.awaited, parked.reason) == (awaited, "ci is pending")
    assert store.runs.park(attempt.id, None, reason="woken").awaited is None
    assert walk(store, store.runs.park(attempt.id, awaited, reason="again"), S.JUDGING).awaited is None


def test_update_sets_what_is_named_also_to_nothing_and_nothing_else(store: PostgresStore) -> None:
    attempt = intake(store)
    set_ = store.runs.update(
        attempt.id, {"head_sha": sha("b"), "pr_number": 7, "mode": Mode.OBSERVE, "ci_status": "failure"}
    )
    assert (set_.head_sha, set_.pr_number, set_.mode, set_.ci_status) == (sha("b"), 7, Mode.OBSERVE, "failure")
    unset = store.runs.update(attempt.id, {"pr_number": None})
    assert (unset.head_sha, unset.pr_number, unset.state) == (sha("b"), None, S.QUEUED)


def _values(attempt: Attempt) -> dict[str, object]:
    return {
        "mode": Mode.OBSERVE, "policy": "p", "base_sha": sha("1"), "head_sha": sha("2"), "judged_sha": sha("3"),
        "merge_sha": sha("4"), "merged_by": "bob", "deployed_sha": sha("5"), "verified_sha": sha("6"), "verified_in": "e",
        "pr_number": 7, "pr_url": "u", "ci_status": "success", "next_prompt": "n", "human_from": S.JUDGING, "human_reason": "h",
        "awaited": Awaited(what="ci", since=attempt.created_at, deadline=attempt.created_at), "agent_resume": "r",
        "evidence_head": "e", "infrastructure_retries": 2, "active_seconds": 1.5,
    }  # fmt: skip


def _kept(attempt: Attempt, values: dict[str, object]) -> dict[str, object]:
    return {name: getattr(attempt, name) for name in values}


def test_every_field_that_can_be_set_is_set_by_an_update(store: PostgresStore) -> None:
    attempt = intake(store)
    values = _values(attempt) | {"reason": "because"}
    assert _kept(store.runs.update(attempt.id, values), values) == values


def test_every_field_that_can_be_set_is_set_by_a_transition(store: PostgresStore) -> None:
    attempt = intake(store)
    values = _values(attempt)
    moved = store.runs.transition(attempt, S.NEEDS_HUMAN, reason="r", cause="c", fields=values)
    assert _kept(moved, values) == values
    assert values.keys() - {"awaited"} == SETTABLE


@pytest.mark.parametrize("name", ["state", "base", "inputs", "id", "facts_count", "no_such"])
def test_a_field_that_cannot_be_set_is_an_error(store: PostgresStore, name: str) -> None:
    attempt = intake(store)
    with pytest.raises(ValueError, match=name):
        store.runs.update(attempt.id, {name: "x"})


def test_an_update_of_no_attempt_is_refused(store: PostgresStore) -> None:
    with pytest.raises(BadInput):
        store.runs.update("00000000-0000-0000-0000-000000000000", {"pr_number": 1})


def test_text_that_postgres_cannot_hold_is_kept_without_it(store: PostgresStore) -> None:
    attempt = store.runs.transition(
        intake(store), S.WORKTREE_READY, reason="a\x00b", cause="c", fields={"next_prompt": "d\x00\udce9"}
    )
    assert (attempt.reason, attempt.next_prompt) == ("a�b", "d��")


def test_the_runs_of_a_pull_request_are_its_attempts_oldest_first(store: PostgresStore) -> None:
    first = walk(store, intake(store), S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION)
    second = intake(store, number=2)
    for attempt, number in (
        (first, 7),
        (second, 7),
        (intake(store, "acme/other#2"), 7),
        (intake(store, "acme/shop#3"), 8),
    ):
        store.runs.update(attempt.id, {"pr_number": number})
    assert _ids(store.runs.of_pull("acme/shop", 7)) == [first.id, second.id]
    assert store.runs.change_of_pull("acme/shop", 8) == ChangeKey.parse("acme/shop#3")
    assert store.runs.change_of_pull("acme/shop", 9) is None


def test_the_newest_of_each_change_comes_with_the_last_touched_first(store: PostgresStore) -> None:
    walk(store, intake(store), S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION)
    second, other = intake(store, number=2), intake(store, "acme/shop#3")
    assert _ids(store.runs.newest_of_each_change()) == [other.id, second.id]
    walk(store, second, S.WORKTREE_READY)
    assert _ids(store.runs.newest_of_each_change(limit=1)) == [second.id]


def _sealed(store: PostgresStore, attempt: Attempt) -> Attempt:
    return store.runs.update(attempt.id, {"evidence_head": "ff"})


def test_unfinished_are_live_ones_open_iterations_and_those_without_evidence(store: PostgresStore) -> None:
    live = intake(store, "acme/shop#1")
    iterates = _sealed(store, walk(store, intake(store), S.WORKTREE_READY, S.IMPLEMENTING, S.NEEDS_ITERATION))
    unsealed = walk(store, intake(store, "acme/shop#3"), S.CANCELLED)
    _sealed(store, walk(store, intake(store, "acme/shop#4"), S.SUPERSEDED))
    _sealed(store, walk(store, intake(store, "acme/shop#5"), *TO_COMPLETED))
    asks = _sealed(store, walk(store, intake(store, "acme/shop#6"), S.NEEDS_HUMAN))
    assert _ids(store.runs.unfinished()) == [live.id, iterates.id, unsealed.id]
    request = store.requests.add(asks.id, kind="retry", by="alice")
    assert _ids(store.runs.unfinished()) == [live.id, iterates.id, unsealed.id, asks.id]
    assert _ids(store.runs.unfinished(iterates.key)) == [iterates.id]
    store.requests.handle(request.id)
    successor = intake(store, number=2)
    assert _ids(store.runs.unfinished()) == [live.id, unsealed.id, successor.id]


def test_what_was_completed_while_somebody_asked_to_take_it_back_is_unfinished_and_due(store: PostgresStore) -> None:
    done = _sealed(store, walk(store, intake(store), *TO_COMPLETED))
    store.requests.add(done.id, kind="stop", by="alice")
    assert [*store.runs.unfinished(), *store.looks.due()] == []
    request = store.requests.add(done.id, kind="rollback", by="alice")
    for found in (store.runs.unfinished(done.key), store.runs.unfinished(), store.looks.due()):
        assert _ids(found) == [done.id]
    store.requests.handle(request.id)
    assert [*store.runs.unfinished(), *store.looks.due()] == []


def test_new_is_what_was_taken_in_and_never_launched(store: PostgresStore) -> None:
    first, second = intake(store, "acme/shop#1"), intake(store)
    walk(store, intake(store, "acme/shop#3"), S.WORKTREE_READY)
    assert _ids(store.runs.new()) == [first.id, second.id]
    store.launches.add(first.id, seq=1, selection=["worktree"], reason="first", costs_retry=False)
    assert _ids(store.runs.new()) == [second.id]


def test_a_revert_does_not_count_as_the_successor_of_what_it_took_back(store: PostgresStore) -> None:
    broken = walk(store, intake(store), *TO_COMPLETED[:-1], S.ROLLING_BACK)
    _sealed(store, walk(store, intake(store, number=2, kind=Kind.REVERT), *TO_COMPLETED))
    broken = _sealed(store, walk(store, broken, S.ROLLED_BACK, S.NEEDS_ITERATION))
    assert _ids(store.runs.unfinished()) == [broken.id]


def _last_verified(store: PostgresStore, base: str = "main", environment: str = "production") -> str | None:
    return store.runs.last_verified_sha("acme/shop", base, environment=environment)


def test_the_last_verified_sha_is_that_of_its_base_and_its_environment(store: PostgresStore) -> None:
    for number, (base, letter) in enumerate((("main", "a"), ("main", "b"), ("next", "c")), start=1):
        _verified(store, intake(store, f"acme/shop#{number}", base=base), letter)
    _verified(store, intake(store, "acme/shop#5"), "e", environment="staging")
    unfinished = walk(store, intake(store, "acme/shop#4"), *TO_COMPLETED[:-1])
    store.runs.update(unfinished.id, {"verified_sha": sha("d"), "verified_in": "production"})
    store.runs.update(store.runs.all_of(ChangeKey.parse("acme/shop#1"))[0].id, {"reason": "touched later"})
    assert _last_verified(store) == sha("b")
    assert _last_verified(store, "next") == sha("c")
    assert _last_verified(store, environment="staging") == sha("e")
    assert _last_verified(store, "next", environment="staging") is None
    assert store.runs.last_verified_sha("acme/other", "main", environment="production") is None


def _verified(store: PostgresStore, attempt: Attempt, letter: str, environment: str = "production") -> Attempt:
    done = walk(store, attempt, *TO_COMPLETED)
    fields = {"verified_sha": sha(letter), "verified_in": environment, "merge_sha": sha(letter)}
    return store.runs.update(done.id, fields)


def test_what_was_taken_back_is_not_the_last_that_was_verified(store: PostgresStore) -> None:
    _verified(store, intake(store, "acme/shop#1"), "a")
    _verified(store, intake(store, "acme/shop#2"), "b")
    revert = intake(store, "acme/shop#2", number=2, kind=Kind.REVERT)
    assert _last_verified(store) == sha("a")
    _verified(store, revert, "c")
    assert _last_verified(store) == sha("c")


def test_a_revert_stands_for_its_change_until_it_has_ended(store: PostgresStore) -> None:
    broken = walk(store, intake(store), *TO_COMPLETED[:-1], S.ROLLING_BACK)
    store.runs.update(broken.id, {"merge_sha": sha("b")})
    revert = intake(store, number=2, kind=Kind.REVERT)
    stands = lambda: (store.runs.latest(broken.key).number, store.runs.newest_of_each_change()[0].number)  # noqa: E731
    assert stands() == (2, 2)
    walk(store, revert, *TO_COMPLETED)
    assert stands() == (1, 1)
    walk(store, broken, S.ROLLED_BACK, S.NEEDS_ITERATION)
    assert stands() == (1, 1)
    intake(store, number=3)
    assert stands() == (3, 3)


def test_a_revert_of_what_was_completed_is_how_the_change_ended(store: PostgresStore) -> None:
    _verified(store, intake(store), "b")
    walk(store, intake(store, number=2, kind=Kind.REVERT), *TO_COMPLETED)
    assert store.runs.latest(ChangeKey.parse("acme/shop#2")).number == 2
