"""Claims about `evidence verify` and `policy check`: what holds is said to hold, and a break is named."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from store_fixtures import intake, walk

from oneshot_dagster.domain.evidence import Header, Sealed, seal
from oneshot_dagster.domain.run import State
from oneshot_dagster.local.demo.plant import SHOP
from oneshot_dagster.services.blobs.local import LocalBlobs

KEY = "acme/shop#2"


def sealed(store, home, *, patch: bytes = b"a patch"):
    """A cancelled attempt with its evidence; its content, the head, and the patch's blob."""
    blobs = LocalBlobs(home / "blobs")
    attempt = walk(store, intake(store), State.WORKTREE_READY, State.CANCELLED)
    for number in range(3):
        store.facts.append(attempt.id, source="engine", kind="note", sha=None, data={"number": number})
    blob = blobs.put(patch)
    header = Header(change=KEY, attempt=1, outcome="cancelled", at=datetime(2026, 1, 1, tzinfo=UTC), about={})
    files = [
        Sealed(name="implementation-patch", sha256=blob.sha256, size=blob.size),
        Sealed(name="merge", sha256=None, size=None, missing="the step merge left no record"),
    ]
    content, head = seal(header, store.facts.of(attempt.id), files)
    own = blobs.put(content)
    store.artifacts.add_file(
        attempt.id,
        artifact="evidence",
        name="evidence.jsonl",
        sha256=own.sha256,
        size=own.size,
        media_type="x",
        uri="x",
    )
    store.runs.update(attempt.id, {"evidence_head": head})
    return content, head, blob


def test_a_sealed_attempt_holds(oneshot, store, home):
    _, head, _ = sealed(store, home)
    said = oneshot("evidence", "verify", KEY)
    assert (said.code, said.err) == (0, "")
    assert f"{KEY} holds: 5 lines, 1 sealed files, head {head}" in said.out


def test_evidence_that_is_not_sealed_yet_is_not_called_broken(oneshot, store):
    intake(store)
    said = oneshot("evidence", "verify", KEY)
    assert said.code == 2
    assert "none sealed" in said.err


def test_another_head_on_record_breaks_it(oneshot, store, home):
    sealed(store, home)
    store.runs.update(store.runs.all_of(intake(store, number=1).key)[0].id, {"evidence_head": "0" * 64})
    said = oneshot("evidence", "verify", KEY)
    assert said.code == 1
    assert "on record is 000" in said.err


@pytest.mark.parametrize("how", ["gone", "damaged"])
def test_a_sealed_file_that_is_gone_or_damaged_breaks_it_and_is_named(oneshot, store, home, how):
    _, _, blob = sealed(store, home)
    place = Path(blob.uri.removeprefix("file://"))
    place.unlink()
    if how == "damaged":
        place.write_bytes(b"another")
    said = oneshot("evidence", "verify", KEY)
    assert said.code == 1
    assert "implementation-patch" in said.err


def test_a_file_is_verified_without_database_or_settings(oneshot, store, home, environment, tmp_path):
    content, head, _ = sealed(store, home)
    file = tmp_path / "evidence.jsonl"
    file.write_bytes(content)
    environment["ONESHOT_DATABASE_URL"] = None
    environment["ONESHOT_NONSENSE"] = "not a setting"
    said = oneshot("evidence", "verify", str(file))
    assert said.code == 0
    assert head in said.out
    assert "without --head a chain that was made anew" in said.out
    assert said.out.endswith("this one was kept nowhere else\n")
    assert oneshot("evidence", "verify", str(file), "--head", head).code == 0
    assert oneshot("evidence", "verify", str(file), "--head", "0" * 64).code == 1


def test_a_file_alone_that_was_rewritten_and_hashed_anew_holds_only_until_the_head_of_its_pull_request_is_at_hand(
    oneshot, tmp_path
):
    about = {"repository": "acme/shop", "pull_request": 5}
    header = Header(change=KEY, attempt=1, outcome="completed", at=datetime(2026, 1, 1, tzinfo=UTC), about=about)
    _, head = seal(header, [], [Sealed(name="patch", sha256="a" * 64, size=1)])
    forged, other = seal(header, [], [Sealed(name="patch", sha256="b" * 64, size=1)])
    file = tmp_path / "evidence.jsonl"
    file.write_bytes(forged)
    alone = oneshot("evidence", "verify", str(file))
    assert (alone.code, other in alone.out) == (0, True)
    assert "compare it with the one in our comment on attempt 1 on pull request #5 of acme/shop" in alone.out
    found = oneshot("evidence", "verify", str(file), "--head", head)
    assert (found.code, found.out) == (1, "")
    assert f"line 2: the last line's hash is {other}, on record is {head}" in found.err


@pytest.mark.parametrize("line", range(5))
def test_a_changed_byte_is_named_by_its_line(oneshot, store, home, tmp_path, line):
    content, head, _ = sealed(store, home)
    lines = content.splitlines(keepends=True)
    lines[line] = lines[line].replace(b'"kind":"', b'"kind":" ', 1)
    file = tmp_path / "evidence.jsonl"
    file.write_bytes(b"".join(lines))
    said = oneshot("evidence", "verify", str(file), "--head", head)
    assert said.code == 1
    assert f"line {line + 1}" in said.err


def test_a_file_that_is_not_there_is_wrong_input(oneshot):
    said = oneshot("evidence", "verify", "nowhere.jsonl")
    assert said.code == 2
    assert "nowhere.jsonl" in said.err


def test_the_demo_shops_own_policy_is_one(oneshot, tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text((SHOP / ".oneshot.toml").read_text().replace("@SUPERVISOR_URL@", "http://127.0.0.1:3003"))
    said = oneshot("policy", "check", str(file))
    assert (said.code, said.err) == (0, "")
    assert "mode merge" in said.out


def test_every_mistake_of_a_policy_is_a_line_with_its_place(oneshot, tmp_path):
    file = tmp_path / "policy.toml"
    file.write_text('mode = "always"\n\n[gate]\napprovals = -1\nnonsense = 1\n')
    said = oneshot("policy", "check", str(file))
    assert said.code == 1
    assert [line.split(": ")[0] for line in said.err.splitlines()] == [f"{file}:{n}" for n in (1, 4, 5)]


def test_a_policy_that_verifies_nothing_is_told_that_it_will_not_merge(oneshot):
    said = oneshot("policy", "check", "-", stdin=b'mode = "merge"\n')
    assert said.code == 0
    assert "mode propose; nothing merges by itself" in said.out


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[[["])
def test_what_is_no_text_or_no_toml_is_said(oneshot, content):
    said = oneshot("policy", "check", "-", stdin=content)
    assert said.code in {1, 2}
    assert said.err.count("\n") == 1


def test_a_policy_that_is_not_there_is_wrong_input(oneshot):
    assert oneshot("policy", "check", "nowhere" + os.sep + "x").code == 2
