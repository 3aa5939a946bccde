"""Deliveries on their way into the tables: over a real Postgres, with what it may refuse."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from github_events import HEADS, PULL, REPOSITORY, Happened, Payload, Story, lives
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_fixtures import intake

from oneshot_dagster.domain.event_payloads import Understood, understand
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.webhook import Unreadable, read_event
from oneshot_dagster.services.store import schema
from oneshot_dagster.services.store.address import engine_url, libpq_url
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.services.store.protocol import Projected

LIFE = [
    Happened(1, "check", ("ci", "in_progress", "")),
    Happened(1, "check", ("ci", "completed", "success")),
    Happened(1, "review", ("ann", "approved")),
    Happened(1, "thread", ("T1",)),
    Happened(1, "comment", ("created", "please")),
    Happened(1, "status", ("lint", "success")),
]
ASKED = frozenset({REPOSITORY})  # by the comment
_TABLES = {
    "pr_state": "repository, pr_number",
    "check_state": "repository, pr_number, commit_sha",
    "review_state": "repository, pr_number",
    "review_threads": "repository, pr_number, thread_id",
    "comments": "comment_id",
}


def said(event_type: str, payload: Any) -> Understood:
    try:
        return understand(event_type, payload)
    except Unreadable as error:
        return Understood(unreadable=str(error))


def deliver(store: PostgresStore, told: Iterable[Payload], name: str = "d") -> None:
    for number, (event_type, payload) in enumerate(told):
        body = json.dumps(payload).encode()
        store.events.add(read_event(delivery_id=f"{name}{number}", event_type=event_type, body=body))


def project(store: PostgresStore, most: int = 1000) -> Projected:
    return store.events.project(said, most=most)


def tables(sql: psycopg.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    return {
        table: sql.execute(f"select * from jangar_github.{table} order by {key}").fetchall()  # noqa: S608
        for table, key in _TABLES.items()
    }


def states(sql: psycopg.Connection) -> list[tuple[object, ...]]:
    return sql.execute("select event_type, state, tries, error from jangar_github.events order by id").fetchall()


def empty(sql: psycopg.Connection) -> None:
    names = ", ".join(f"jangar_github.{table}" for table in (*_TABLES, "events", "sightings"))
    sql.execute(f"truncate {names}")


def test_what_events_say_stands_in_the_tables(store: PostgresStore, sql: psycopg.Connection) -> None:
    deliver(store, Story().live(LIFE).told)

    assert project(store).read == 7
    found = {name: [[v for v in row if not hasattr(v, "tzinfo")] for row in rows] for name, rows in tables(sql).items()}
    head, base = HEADS["a"], "f" * 40
    assert found["pr_state"] == [[REPOSITORY, PULL, head, "main", base, True, False, False, None, None, "unknown", []]]
    (checks,) = found["check_state"]
    assert [(c.get("name"), c.get("context"), c.get("conclusion") or c.get("state")) for c in checks[3]] == [
        ("ci", None, "success"),
        (None, "lint", "success"),
    ]
    assert [(r["author"], r["state"], r["commit_sha"]) for r in found["review_state"][0][3]] == [
        ("ann", "APPROVED", head)
    ]
    assert found["review_threads"] == [[REPOSITORY, PULL, "T1", True, "a.py", 3, "bob", "why?"]]
    assert found["comments"][0][1:8] == ["issue", REPOSITORY, PULL, None, "eve", "please", None]
    assert {state for _, state, _, _ in states(sql)} == {"processed"}
    assert project(store) == Projected()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives(longest=15), st.data())
def test_any_order_duplication_and_split_gives_the_same_tables(
    store: PostgresStore, sql: psycopg.Connection, life: list[Happened], data: st.DataObject
) -> None:
    story = Story().live(life)
    found = []
    for mixed in (story.told, data.draw(st.permutations(story.told + story.told[:5]))):
        empty(sql)
        readings = list(story.readings)
        for number, event in enumerate(mixed):
            deliver(store, [event], name=f"d{number}-")
            if data.draw(st.booleans()):
                project(store, most=data.draw(st.integers(1, 4)))
                for facts in readings[:1]:
                    store.projections.save_pull(REPOSITORY, facts)
                del readings[:1]
        for facts in readings:
            store.projections.save_pull(REPOSITORY, facts)
        while project(store).read:
            pass
        found.append(tables(sql))
    assert found[0] == found[1]
    commits = {p["check_run"]["id"]: p["check_run"]["head_sha"] for kind, p in story.told if kind == "check_run"}
    for _, _, sha, checks, *_ in found[0]["check_state"]:
        assert {commits[c["run_id"]] for c in checks if c["kind"] == "check_run"} <= {sha}


def test_a_reading_of_github_is_not_overwritten_by_what_happened_before_it(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    story = Story().live([*LIFE, Happened(1, "check", ("ci", "completed", "failure")), Happened(1, "label", ("x",))])
    store.projections.save_pull(REPOSITORY, story.truth)
    before = tables(sql)
    deliver(store, story.told)
    project(store)

    assert {**tables(sql), "comments": []} == before


def test_what_cannot_be_read_is_dead_at_once_with_the_reason_and_stops_nothing(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    (opened, *_) = Story().live([]).told
    bad = ("check_run", {"repository": {"full_name": REPOSITORY}, "check_run": {"head_sha": 5}})
    deliver(store, [("star", {}), bad, opened])

    assert project(store) == Projected(read=3, dead=1)
    assert states(sql) == [
        ("star", "processed", 1, None),
        ("check_run", "dead", 1, "check_run.head_sha is missing or of another kind"),
        ("pull_request", "processed", 1, None),
    ]
    (dead,) = store.events.listed(dead=True, most=5)
    assert (dead.event_type, dead.repository, dead.error) == ("check_run", REPOSITORY, states(sql)[1][3])
    standing = store.events.standing()
    assert (standing.waiting, standing.processed, standing.dead, standing.last_error) == (0, 2, 1, dead.error)


def _refuse_comments(sql: psycopg.Connection) -> None:
    sql.execute("""
        create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no\nroom'; end $$;
        create trigger refuse before insert on jangar_github.comments for each row execute function refuse()""")


def test_what_the_database_refuses_is_tried_five_times_and_stops_nothing(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    _refuse_comments(sql)
    deliver(store, Story().live(LIFE).told)

    assert project(store) == Projected(read=7)
    refused = ("issue_comment", "received", 1, "RaiseException: no")
    assert [row for row in states(sql) if row[1] != "processed"] == [refused]
    assert project(store) == Projected()  # not before ten seconds are over
    for dead in (0, 0, 0, 1):
        sql.execute("update jangar_github.events set not_before = now() where state = 'received'")
        assert project(store) == Projected(read=1, dead=dead)
    assert [row for row in states(sql) if row[1] != "processed"] == [("issue_comment", "dead", 5, "RaiseException: no")]
    assert tables(sql)["check_state"] != []


def test_each_further_try_waits_twice_as_long(store: PostgresStore, sql: psycopg.Connection) -> None:
    _refuse_comments(sql)
    deliver(store, Story().live(LIFE[4:5]).told[1:])
    waits = []
    for _ in range(4):
        project(store)
        row = sql.execute(
            "select extract(epoch from not_before - clock_timestamp()) from jangar_github.events"
        ).fetchone()
        assert row is not None
        waits.append(round(float(row[0]) / 10))
        sql.execute("update jangar_github.events set not_before = null")
    assert waits == [1, 2, 4, 8]


def test_a_mistake_of_our_own_stops_nothing_either(store: PostgresStore, sql: psycopg.Connection) -> None:
    def wrong(event_type: str, payload: Any) -> Understood:
        if event_type == "status":
            raise KeyError("mistake")
        return understand(event_type, payload)

    deliver(store, Story().live(LIFE).told)
    assert store.events.project(wrong, most=100) == Projected(read=7, asked=ASKED)
    assert [row for row in states(sql) if row[1] != "processed"] == [("status", "received", 1, "KeyError: 'mistake'")]


def test_what_another_projects_at_this_moment_is_left_to_him(store: PostgresStore, sql: psycopg.Connection) -> None:
    deliver(store, Story().live(LIFE).told)
    with sql.transaction():
        sql.execute("select from jangar_github.events where event_type = 'status' for update")
        assert project(store).read == 6
    assert project(store).read == 1


def test_several_that_project_read_and_replay_at_once_lose_nothing(
    make_store: Callable[[], PostgresStore], sql: psycopg.Connection
) -> None:
    one = make_store()
    story = Story().live([*LIFE, Happened(1, "read"), *LIFE * 10])
    deliver(one, story.told)

    def work(number: int) -> None:
        store = make_store()
        for turn in range(10):
            project(store, most=5)
            if number == 0:
                store.projections.save_pull(REPOSITORY, story.readings[0])
            if number == 1 and turn in {3, 6}:
                store.events.again(since=None)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    while project(one).read:
        pass
    together = tables(sql)
    assert {(state, tries) for _, state, tries, _ in states(sql)} == {("processed", 1)}
    one.events.again(since=None)
    project(one)
    assert tables(sql) == together


def test_a_replay_from_zero_gives_the_same_and_leaves_what_was_read(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    story = Story().live([*LIFE, Happened(1, "read"), Happened(1, "push", ("b",)), *LIFE])
    deliver(store, story.told)
    for facts in story.readings:
        store.projections.save_pull(REPOSITORY, facts)
    project(store)
    before = tables(sql)

    assert store.events.again(since=None) == len(story.told)
    only_read = tables(sql)
    assert project(store).read == len(story.told)
    assert tables(sql) == before
    empty(sql)
    for facts in story.readings:
        store.projections.save_pull(REPOSITORY, facts)
    assert only_read == tables(sql) != before


def test_a_replay_starts_from_the_deliveries_that_are_left(store: PostgresStore, sql: psycopg.Connection) -> None:
    deliver(store, Story().live(LIFE).told)
    project(store)
    sql.execute("delete from jangar_github.events where event_type = 'pull_request_review'")

    assert store.events.again(since=None) == 6
    project(store)
    assert tables(sql)["review_state"][0][3] == []


def test_a_replay_since_a_time_forgets_nothing_and_takes_the_dead_up_again(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    deliver(store, Story().live(LIFE).told)
    store.events.project(lambda *_: Understood(unreadable="an older version"), most=3)
    project(store)
    sql.execute(
        "update jangar_github.events set received_at = now() - interval '1 h' where event_type = 'pull_request'"
    )

    assert store.events.again(since=store.now() - timedelta(minutes=30)) == 6
    assert tables(sql)["comments"] != []
    assert project(store) == Projected(read=6, asked=ASKED)
    assert states(sql)[0][1] == "dead"


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("issues", {"action": "closed", "issue": {"number": 2}}),
        ("push", {"ref": "refs/heads/codex/issue-2"}),
        ("pull_request_review_thread", {
            "action": "resolved", "pull_request": {"number": PULL}, "thread": {"node_id": "T"},
        }),
        ("status", {"sha": HEADS["a"], "id": 1, "context": "ci", "state": "success"}),
    ],
    ids=["its issue", "its branch", "its pull request", "its head"],
)  # fmt: skip
def test_a_change_that_is_not_over_is_touched_by_what_it_is_known_by(
    store: PostgresStore, event: str, payload: dict[str, Any]
) -> None:
    attempt = intake(store)
    store.runs.update(attempt.id, {"pr_number": PULL, "head_sha": HEADS["a"]})
    intake(store, "acme/shop#3")
    over = intake(store, "acme/other#2")
    for key in ("acme/shop", "acme/other", "acme/third"):
        deliver(store, [(event, {**payload, "repository": {"full_name": key}})], name=key)
    store.runs.transition(over, State.CANCELLED, reason="a test", cause="a test")

    assert {str(key) for key in project(store).touched} == {"acme/shop#2"}


def test_sightings_of_what_is_quiet_go_with_the_deliveries_and_the_tables_stay(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    story = Story().live([*LIFE, Happened(1, "read")])
    deliver(store, story.told)
    project(store)
    store.projections.save_pull(REPOSITORY, story.readings[0])
    before = tables(sql)
    sql.execute("update jangar_github.sightings set seen_at = now() - interval '1 d' where subject like 'comment%'")

    assert store.purge(store.now() - timedelta(hours=1))["sightings"] == 1
    assert store.purge(store.now())["sightings"] > 1
    assert sql.execute("select distinct kind from jangar_github.sightings").fetchall() == [("reading",)]
    assert tables(sql) == before


def test_what_was_read_before_there_were_sightings_is_kept_by_the_upgrade(
    make_database: Callable[..., str], make_store: Callable[[], PostgresStore]
) -> None:
    url = make_database()
    _upgrade(url, "0004")
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("""
            insert into jangar_github.pr_state values ('acme/shop', 7, repeat('a', 40), 'main', repeat('f', 40), true,
              false, false, null, null, 'clean', '{oneshot}', '2027-01-01Z');
            insert into jangar_github.check_state values ('acme/shop', 7, repeat('a', 40),
              '[{"kind": "status", "context": "lint", "state": "success", "url": null, "description": null}]',
              '{lint}', '2027-01-01Z');
            insert into jangar_github.review_state values ('acme/shop', 7, repeat('a', 40), '[]', 1, 1, '2027-01-01Z');
            insert into jangar_github.review_threads values ('acme/shop', 7, 'T9', false, 'a.py', 3, 'bob', 'why?',
              '2027-01-01Z')""")
        before = tables(connection)
        schema.upgrade(url)
        store = PostgresStore(url)
        deliver(store, Story().live(LIFE).told)
        project(store)
        after = tables(connection)
        store.close()
    assert {**after, "comments": []} == before


def _upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", "oneshot_dagster/services/store/migrations")
    config.set_main_option("path_separator", "os")
    with sa.create_engine(engine_url(url), poolclass=sa.NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
