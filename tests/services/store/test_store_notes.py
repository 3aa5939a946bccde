from datetime import timedelta

import psycopg
import pytest
from store_fixtures import TO_COMPLETED, intake, walk

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.store.postgres import PostgresStore


def _message(store: PostgresStore, key: str, content: str = "hi", **given: object) -> dict[str, object]:
    return {
        "dedupe_key": key, "kind": "message", "role": "assistant", "content": content, "attrs": {"n": 1},
        "timestamp": store.now(), **given,
    }  # fmt: skip


def _remember(store: PostgresStore, key: str, title: str, content: str) -> None:
    attempt = intake(store, key)
    store.notes.remember(attempt.key, attempt_id=attempt.id, title=title, content=content, tags=("codex",))


def test_a_message_is_kept_once_and_the_new_ones_are_counted(store: PostgresStore) -> None:
    attempt = intake(store)
    one, two = _message(store, "a", "first\x00"), _message(store, "b", "second")
    assert store.notes.add_messages(attempt.id, [two, one, one]) == 2
    assert store.notes.add_messages(attempt.id, [one]) == 0
    assert store.notes.add_messages(attempt.id, []) == 0
    kept = store.notes.messages(attempt.id)
    assert [message["content"] for message in kept] == ["first�", "second"]
    assert kept[1] == two


def test_recall_finds_what_shares_words_best_first_and_only_in_its_repository(store: PostgresStore) -> None:
    _remember(store, "acme/shop#1", "Greeting endpoint", "The greeting test failed because the name was not escaped.")
    _remember(store, "acme/shop#2", "Checkout", "Prices are integers; a test of greeting them is elsewhere.")
    _remember(store, "acme/shop#3", "Images", "Thumbnails are made by a worker.")
    _remember(store, "acme/other#1", "Greeting endpoint", "The greeting test failed elsewhere.")
    found = store.notes.recall("acme/shop", text="Greet users by name: the greeting endpoint", limit=5)
    assert [memory.splitlines()[0] for memory in found] == ["Greeting endpoint"]
    assert store.notes.recall("acme/shop", text="greeting", limit=1) == found
    assert len(store.notes.recall("acme/shop", text="greeting", limit=5)) == 2


def test_recall_leaves_out_what_a_change_left_itself_and_what_shares_only_words_of_every_change(
    store: PostgresStore,
) -> None:
    _remember(store, "acme/shop#1", "Checkout", "Attempt 1 failed: the tests of the price endpoint need cents.")
    _remember(store, "acme/shop#2", "Checkout", "Asked: add a test. Attempt 1 ended needs_iteration, tests failed.")
    asked = "Please add a test of the price endpoint: cents"
    assert len(store.notes.recall("acme/shop", text=asked, limit=5)) == 1
    assert store.notes.recall("acme/shop", text=asked, limit=5, not_of=ChangeKey.parse("acme/shop#1")) == ()


@pytest.mark.parametrize(
    "text",
    ["", "the of and", "a & b | !c <-> 'd:*", "http://x/y?a=1&b=2 read-only 'q' \\ %s :name", "x" * 100_000, "\x00"],
)
def test_any_text_can_be_asked_for(store: PostgresStore, text: str) -> None:
    _remember(store, "acme/shop#1", "Images", "Thumbnails are made by a worker.")
    assert store.notes.recall("acme/shop", text=text, limit=3) == ()


def test_a_memory_is_kept_once_for_an_attempt_and_title(store: PostgresStore) -> None:
    _remember(store, "acme/shop#1", "Images", "old thumbnails")
    _remember(store, "acme/shop#1", "Images", "new thumbnails")
    assert store.notes.recall("acme/shop", text="thumbnails", limit=3) == ("Images\nnew thumbnails",)
    assert store.notes.memories_of(intake(store, "acme/shop#1").id) == 1


def test_a_memory_may_be_long(store: PostgresStore) -> None:
    words = " ".join(f"word{n}" for n in range(200_000))
    _remember(store, "acme/shop#1", "Long", words)
    assert len(store.notes.recall("acme/shop", text="word7", limit=1)) == 1


def test_a_rerun_is_submitted_once(store: PostgresStore, sql: psycopg.Connection) -> None:
    attempt = intake(store)
    for _ in range(2):
        store.notes.submit_rerun(attempt.id, attempt=2, delivery_id="acme/shop#2:2")
    rows = sql.execute("select parent_run_id::text, attempt, delivery_id from codex_judge.rerun_submissions").fetchall()
    assert rows == [(attempt.id, 2, "acme/shop#2:2")]


def test_purge_forgets_messages_of_sealed_attempts_alone(store: PostgresStore, sql: psycopg.Connection) -> None:
    live, unsealed, sealed = (intake(store, f"acme/shop#{n}") for n in (1, 2, 3))
    for attempt in (live, unsealed, sealed):
        store.notes.add_messages(attempt.id, [_message(store, attempt.id)])
    for attempt in (unsealed, sealed):
        walk(store, attempt, *TO_COMPLETED)
    store.runs.update(sealed.id, {"evidence_head": "ff"})
    sql.execute(
        """insert into jangar_github.events (delivery_id, event_type, repository, payload, state)
           values ('1', 'push', 'acme/shop', '{}', 'processed'), ('2', 'push', 'acme/shop', '{}', 'received')"""
    )
    past = store.now() - timedelta(days=1)
    assert store.purge(past) == {"events": 0, "sightings": 0, "agent_messages": 0}
    assert store.purge(store.now()) == {"events": 1, "sightings": 0, "agent_messages": 1}
    assert [len(store.notes.messages(attempt.id)) for attempt in (live, unsealed, sealed)] == [1, 1, 0]
