from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from store_fixtures import sha

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.gate import CheckRun, CommitStatus, GateFacts, Review, Thread
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot
from oneshot_dagster.services.store.postgres import PostgresStore

KEY = ChangeKey.parse("acme/shop#2")
NOW = datetime(2026, 1, 4, 12, 0, tzinfo=UTC)


def _file(path: bytes, **given: object) -> FileChange:
    file = FileChange(
        path_bytes=path, path=path.decode("utf-8", "backslashreplace"), status=FileStatus.MODIFIED, old_mode="100644",
        new_mode="100644", old_blob=sha("1"), new_blob=sha("2"), additions=1, deletions=0, patch="@@ +\n\ttab\\ 100%\r\n",
    )  # fmt: skip
    return replace(file, **given)  # type: ignore[arg-type]


ODD = (
    _file(b"A\nnew\tline.txt"),
    _file(b"a\\b\"c'.txt", patch="\\N"),
    _file(b"bin", additions=None, deletions=None, patch=None, patch_omitted="binary"),
    _file(b"deep/" + bytes(range(1, 256)) * 14),
    _file(b"na\xefve", status=FileStatus.RENAMED, old_path_bytes=b"\xff\xfe"),
    _file("schön/ﬁ".encode(), patch=""),
)


def _snapshot(*files: FileChange, head: str = "b") -> Snapshot:
    return Snapshot(base_sha=sha("a"), head_sha=sha(head), files=files)


def _save(store: PostgresStore, snapshot: Snapshot) -> Snapshot:
    shas = {"base_sha": snapshot.base_sha, "head_sha": snapshot.head_sha}
    return store.projections.save_snapshot(KEY, pr_number=7, **shas, files=iter(snapshot.files))


def _facts(head: str = "b", **given: object) -> GateFacts:
    facts = GateFacts(
        pr_number=7, head_sha=sha(head), base_ref="main", base_sha=sha("a"), open=True, draft=False, merged=False,
        merge_sha=None, merged_by=None, mergeable_state="clean",
        checks=(CheckRun(name="ci", app="actions", status="completed", conclusion="success", url="u", completed_at=NOW),),
        statuses=(CommitStatus(context="lint", state="pending", url=None),), required_contexts=("ci",),
        required_approvals=1,
        reviews=(Review(author="bob", state="APPROVED", commit_sha=sha(head), submitted_at=NOW, has_write_access=True),),
        threads=(Thread(thread_id="t1", is_resolved=False, path="x", line=1, author="bob", body="why?"),),
        labels=("oneshot",), read_at=NOW,
    )  # fmt: skip
    return replace(facts, **given)  # type: ignore[arg-type]


def _one(sql: psycopg.Connection, query: str) -> tuple[object, ...]:
    row = sql.execute(query).fetchone()
    assert row is not None
    return row


def test_a_snapshot_reads_back_exactly_whatever_its_names(store: PostgresStore) -> None:
    assert _save(store, _snapshot(*ODD)) == _snapshot(*ODD)
    found = store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b"))
    assert found == _snapshot(*sorted(ODD, key=lambda file: file.path_bytes))


def test_a_snapshot_taken_again_replaces_the_old_rows(store: PostgresStore) -> None:
    _save(store, _snapshot(*ODD))
    _save(store, _snapshot(ODD[0]))
    assert store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b")) == _snapshot(ODD[0])


def test_snapshots_of_two_heads_stand_side_by_side(store: PostgresStore) -> None:
    for head, file in (("b", ODD[0]), ("c", ODD[1])):
        _save(store, _snapshot(file, head=head))
    assert store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b")) == _snapshot(ODD[0])


def test_an_empty_snapshot_is_not_a_missing_one(store: PostgresStore) -> None:
    assert _save(store, _snapshot()) == _snapshot()
    assert store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b")) == _snapshot()
    assert store.projections.snapshot("acme/shop", pr_number=8, head_sha=sha("b")) is None


def test_a_snapshot_that_fails_leaves_the_old_one(store: PostgresStore) -> None:
    _save(store, _snapshot(ODD[0]))
    with pytest.raises(psycopg.errors.UniqueViolation):
        _save(store, _snapshot(ODD[1], ODD[1]))
    assert store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b")) == _snapshot(ODD[0])


def test_a_snapshot_of_many_files_is_whole_and_one_that_breaks_off_leaves_the_old_one(store: PostgresStore) -> None:
    many = _snapshot(*(_file(f"{number:04}".encode()) for number in range(1001)))
    _save(store, many)

    def broken_off() -> Generator[FileChange]:
        yield from many.files[:700]
        raise TryAgain("git was killed")

    with pytest.raises(TryAgain, match="git was killed"):
        shas = {"base_sha": many.base_sha, "head_sha": many.head_sha}
        store.projections.save_snapshot(KEY, pr_number=7, **shas, files=broken_off())
    assert store.projections.snapshot("acme/shop", pr_number=7, head_sha=sha("b")) == many


@pytest.mark.parametrize("commit", [sha("c"), "abc1234"], ids=["without a snapshot", "no SHA"])
def test_a_file_has_the_commit_of_its_snapshot_and_no_other(
    store: PostgresStore, sql: psycopg.Connection, commit: str
) -> None:
    _save(store, _snapshot(ODD[0]))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        sql.execute("update jangar_github.pr_files set commit_sha = %s", [commit])


def test_a_snapshot_of_what_is_no_commit_is_refused(sql: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="git_sha"):
        sql.execute("insert into jangar_github.pr_snapshots values ('acme/shop', 7, 'abc1234', %s)", [sha("a")])


def test_checks_come_by_commit_with_the_newest_first(store: PostgresStore) -> None:
    for minute, head in enumerate("bc"):
        store.projections.save_pull("acme/shop", _facts(head, read_at=NOW + timedelta(minutes=minute)))
    store.projections.save_pull("acme/shop", _facts("d", pr_number=8))
    found = store.projections.checks_by_commit("acme/shop", 7)
    assert list(found) == [sha("c"), sha("b")]
    assert [(c["kind"], c.get("name") or c.get("context")) for c in found[sha("b")]] == [
        ("check_run", "ci"),
        ("status", "lint"),
    ]
    assert found[sha("b")][0]["completed_at"] == NOW.isoformat()


def test_an_older_reading_never_overwrites_a_newer_one(store: PostgresStore, sql: psycopg.Connection) -> None:
    store.projections.save_pull("acme/shop", _facts(merged=True, checks=(), statuses=(), threads=(), reviews=()))
    store.projections.save_pull("acme/shop", _facts(read_at=NOW - timedelta(seconds=1)))
    assert _one(sql, "select merged, read_at from jangar_github.pr_state") == (True, NOW)
    assert store.projections.checks_by_commit("acme/shop", 7) == {sha("b"): ()}
    assert _one(sql, "select reviews, unresolved_threads_count from jangar_github.review_state") == ([], 0)
    assert _one(sql, "select count(*) from jangar_github.review_threads") == (0,)


def test_an_older_reading_of_a_commit_never_seen_is_kept_for_that_commit(store: PostgresStore) -> None:
    store.projections.save_pull("acme/shop", _facts("c"))
    store.projections.save_pull("acme/shop", _facts("b", read_at=NOW - timedelta(minutes=1)))
    assert list(store.projections.checks_by_commit("acme/shop", 7)) == [sha("c"), sha("b")]


def test_a_newer_reading_replaces_all_and_threads_that_are_gone_go(
    store: PostgresStore, sql: psycopg.Connection
) -> None:
    store.projections.save_pull("acme/shop", _facts())
    resolved = Thread(thread_id="t1", is_resolved=True, path=None, line=None, author="bob", body="ok")
    new = Thread(thread_id="t2", is_resolved=False, path="y", line=2, author="eve", body="and\x00this?")
    for minute, threads in ((1, (resolved, new)), (2, (new,))):
        store.projections.save_pull(
            "acme/shop", _facts(threads=threads, labels=(), read_at=NOW + timedelta(minutes=minute))
        )
    assert sql.execute("select thread_id, is_resolved, body from jangar_github.review_threads").fetchall() == [
        ("t2", False, "and�this?")
    ]
    assert _one(sql, "select labels, mergeable_state from jangar_github.pr_state") == ([], "clean")


def _worktree(store: PostgresStore, *, pr_number: int | None, head: str) -> None:
    store.projections.save_worktree(
        KEY, pr_number=pr_number, name="pr-acme-shop-2", path="/w", base_sha=sha("a"), head_sha=sha(head)
    )


def test_a_change_has_one_worktree_which_keeps_its_pull_request(store: PostgresStore, sql: psycopg.Connection) -> None:
    _worktree(store, pr_number=None, head="a")
    _worktree(store, pr_number=7, head="b")
    _worktree(store, pr_number=None, head="c")
    query = "select repository, issue_number, pr_number, worktree_name, head_sha from jangar_github.pr_worktrees"
    assert sql.execute(query).fetchall() == [("acme/shop", 2, 7, "pr-acme-shop-2", sha("c"))]
