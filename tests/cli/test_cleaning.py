"""Claims about `gc` and `db upgrade`."""

import os
from datetime import timedelta

import psycopg
import pytest
from store_fixtures import intake, walk

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.blobs.local import LocalBlobs
from oneshot_dagster.services.store.address import libpq_url
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps import gc
from oneshot_dagster.steps.lease import held

KEY = "acme/shop#2"


def number_of(said, what):
    (line,) = [line for line in said.out.splitlines() if line.startswith(what)]
    return int(line.removeprefix(what).split()[0])


def finished(store, *, sealed=True):
    attempt = walk(store, intake(store), State.WORKTREE_READY, State.CANCELLED)
    return store.runs.update(attempt.id, {"evidence_head": "0" * 64}) if sealed else attempt


@pytest.fixture
def worktree(home):
    folder = home / "worktrees" / "pr-acme-shop-2"
    folder.mkdir(parents=True)
    (folder / "file").write_text("x" * 1000)
    return folder


def test_the_worktree_of_a_finished_change_goes_and_what_was_freed_is_said(oneshot, store, worktree):
    finished(store)
    said = oneshot("gc", "--older-than", "0s")
    assert said.code == 0, said
    assert number_of(said, "worktrees of finished changes") == 1
    assert "kB freed" in said.out
    assert not worktree.exists()
    assert number_of(oneshot("gc", "--older-than", "0s"), "worktrees of finished changes") == 0


def test_what_lay_in_that_worktree_alone_is_kept(oneshot, store, worktree):
    finished(store)
    oneshot("gc", "--older-than", "0s")
    assert len(list((worktree.parent / ".kept").iterdir())) == 1


@pytest.mark.parametrize("state", ["live", "needs a person", "not sealed", "young", "held"])
def test_a_worktree_that_may_be_needed_is_not_touched(oneshot, store, worktree, state):
    span = "0s"
    if state == "live":
        walk(store, intake(store), State.WORKTREE_READY)
    elif state == "needs a person":
        attempt = walk(store, intake(store), State.WORKTREE_READY, State.NEEDS_HUMAN)
        store.runs.update(attempt.id, {"evidence_head": "0" * 64})
    else:
        attempt = finished(store, sealed=state != "not sealed")
        span = "1h" if state == "young" else "0s"
    if state == "held":
        with held(store, attempt.key, "run-1", seconds=30):
            said = oneshot("gc", "--older-than", span)
    else:
        said = oneshot("gc", "--older-than", span)
    assert said.code == 0, said
    assert number_of(said, "worktrees of finished changes") == 0
    assert (worktree / "file").exists()


def test_a_change_that_was_started_again_keeps_its_worktree(oneshot, store, worktree):
    finished(store)
    intake(store, number=2)
    oneshot("gc", "--older-than", "0s")
    assert worktree.exists()


def test_a_change_that_starts_again_while_gc_looks_keeps_its_worktree(store, store_url, home, worktree):
    seen = finished(store)
    intake(store, number=2)
    services = open_services(Settings(home=home, database_url=store_url))
    assert gc._remove(services, seen, store.now()) is False
    assert worktree.exists()
    services.close()


def test_stored_bytes_that_nothing_names_go_when_they_are_old(oneshot, store, home):
    blobs, attempt = LocalBlobs(home / "blobs"), intake(store)
    named, orphan, young = (blobs.put(content) for content in (b"named", b"orphan", b"young"))
    store.artifacts.add_file(
        attempt.id, artifact="patch", name="x", sha256=named.sha256, size=5, media_type="text/plain", uri=named.uri
    )
    for blob in (named, orphan):
        os.utime(blob.uri.removeprefix("file://"), (0, 0))
    assert number_of(oneshot("gc", "--older-than", "0s"), "stored files that nothing names") == 1
    assert [blobs.get(blob.sha256) for blob in (named, orphan, young)] == [b"named", None, b"young"]


def test_only_scratch_that_no_step_can_still_use_goes(oneshot, home):
    old, young = home / "scratch" / "agent-old", home / "scratch" / "agent-young"
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    os.utime(old, (0, 0))
    assert number_of(oneshot("gc", "--older-than", "0s"), "scratch folders") == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_old_deliveries_go(oneshot, store, store_url):
    add = """insert into jangar_github.events (delivery_id, event_type, repository, payload, state, received_at)
             values (%s, 'push', 'acme/shop', '{}', %s, %s)"""
    long_ago = store.now() - timedelta(days=30)
    with psycopg.connect(libpq_url(store_url), autocommit=True) as connection:
        connection.execute(add, ("old", "processed", long_ago))
        connection.execute(add, ("waiting", "received", long_ago))
        assert number_of(oneshot("gc"), "events") == 1
        assert connection.execute("select delivery_id from jangar_github.events").fetchall() == [("waiting",)]


@pytest.mark.parametrize("span", ["", "7", "d", "-1d", "1y", "9999999d", "1.5h"])
def test_a_span_that_is_none_is_refused(oneshot, span):
    said = oneshot("gc", "--older-than", span)
    assert said.code == 2
    assert "7d" in said.err


@pytest.fixture
def empty(make_database, environment):
    environment["ONESHOT_DATABASE_URL"] = url = make_database()
    return url


def test_upgrade_makes_the_schema_and_a_second_time_finds_it(oneshot, empty):
    before = oneshot("list")
    assert before.code == 2
    assert "oneshot db upgrade" in before.err
    assert "it was absent" in oneshot("db", "upgrade").out
    assert "it was so already" in oneshot("db", "upgrade").out
    assert oneshot("list").code == 0


def test_upgrade_refuses_a_database_of_others_and_names_their_tables(oneshot, empty):
    with psycopg.connect(libpq_url(empty), autocommit=True) as connection:
        connection.execute("create schema codex_judge")
        connection.execute("create table codex_judge.runs (id int)")
    said = oneshot("db", "upgrade")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "codex_judge.runs" in said.err
