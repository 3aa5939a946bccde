"""Claims about list, status, explain and logs, on attempts in the store alone."""

import json
from datetime import timedelta

import pytest
from store_fixtures import TO_MERGE_READY, intake, sha, walk

from oneshot_dagster.bootstrap import open_services
from oneshot_dagster.domain.artifact import Artifact, Record
from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.blobs.local import LocalBlobs
from oneshot_dagster.settings import Settings
from oneshot_dagster.steps.history import History

KEYS = {
    "key", "state", "attempt", "mode", "pr_number", "pr_url", "base_sha", "head_sha", "judged_sha", "merge_sha",
    "deployed_sha", "reason", "frozen", "success_criteria", "artifacts", "write_actions",
}  # fmt: skip
POLICY = 'mode = "merge"\n[verify]\nwaived = "a toy"\n'


def status(oneshot, *arguments):
    said = oneshot("status", *arguments, "--json")
    assert said.code == 0, said
    return json.loads(said.out)


def test_an_empty_store_lists_nothing_and_says_how_to_start(oneshot):
    assert "oneshot run" in oneshot("list").out
    assert status(oneshot) == []


def test_the_list_has_one_line_a_change_the_last_moved_first(oneshot, store):
    intake(store, "acme/shop#2")
    walk(store, intake(store, "acme/shop#3"), State.WORKTREE_READY)
    lines = oneshot("list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["change", "acme/shop#3", "acme/shop#2"]
    assert "walked to worktree_ready" in lines[1]


def test_what_is_piped_is_aligned_without_colours_or_frames(oneshot, store):
    intake(store, "acme/shop#2")
    intake(store, "acme/shop#12345")
    out = oneshot("list").out
    assert out.isascii()
    assert len({line.index("queued") for line in out.splitlines()[1:]}) == 1


def test_the_json_of_a_change_has_exactly_the_promised_keys(oneshot, store):
    attempt = intake(store)
    found = status(oneshot, "acme/shop#2")
    assert set(found) == KEYS
    assert found["key"] == "acme/shop#2"
    assert (found["state"], found["attempt"], found["mode"]) == ("queued", 1, "merge")
    assert found["head_sha"] is None
    assert found["reason"] == attempt.reason
    assert list(found["artifacts"]) == [artifact.value for artifact in Artifact]
    assert {a["materialized"] for a in found["artifacts"].values()} == {False}
    assert found["write_actions"] == []
    assert status(oneshot) == [found]


def test_what_did_not_run_is_never_shown_as_passed(oneshot, store):
    walk(store, intake(store), *TO_MERGE_READY)
    criteria = status(oneshot, "acme/shop#2")["success_criteria"]
    assert len(criteria) == 7
    assert "passed" not in {c["verdict"] for c in criteria.values()}


def test_artifacts_and_write_actions_stand_in_the_status(oneshot, store):
    attempt = intake(store)
    record = Record(artifact=Artifact.PATCH, what_happened="One file changed.")
    store.artifacts.record(attempt.id, record, sha=sha("a"), dagster_run_id="r", seconds=1.5)
    for name, digest in (("implementation-log", "1"), ("implementation-patch", "2")):
        store.artifacts.add_file(
            attempt.id,
            artifact="patch",
            name=name,
            sha256=digest * 64,
            size=1,
            media_type="text/plain",
            uri="file:///x",
        )
    lease = store.leases.take("change:acme/shop#2", "r", seconds=30)
    store.writes.intend(attempt.id, action="push", key="push:x", payload={}, lease=lease)
    found = status(oneshot, "acme/shop#2")
    patch = found["artifacts"]["patch"]
    assert patch["materialized"] is True
    assert patch["sha256"] == "2" * 64
    assert patch["files"]["implementation-log"] == "1" * 64
    assert found["write_actions"] == [{"action": "push", "key": "push:x", "outcome": None}]
    out = oneshot("status", "acme/shop#2").out
    assert "One file changed." in out
    assert "1.5 s" in out


def test_a_status_shows_what_its_own_attempt_did_outside(oneshot, store):
    first = walk(store, intake(store), State.WORKTREE_READY)
    lease = store.leases.take("change:acme/shop#2", "r", seconds=30)
    store.writes.intend(first.id, action="push", key="push:x", payload={}, lease=lease)
    walk(store, first, State.CANCELLED)
    intake(store, number=2)
    assert status(oneshot, "acme/shop#2")["write_actions"] == []
    earlier = status(oneshot, "acme/shop#2", "--attempt", "1")
    assert [w["key"] for w in earlier["write_actions"]] == ["push:x"]
    assert (earlier["attempt"], earlier["state"]) == (1, "cancelled")


def test_sealed_criteria_are_shown_as_they_were_sealed(oneshot, store):
    attempt = walk(store, intake(store), State.WORKTREE_READY, State.CANCELLED)
    sealed = {"merged": {"verdict": "failed", "detail": "as it was then"}}
    store.facts.append(attempt.id, source="engine", kind="success_criteria", sha=None, data=sealed)
    assert "as it was then" not in str(status(oneshot, "acme/shop#2"))
    store.runs.update(attempt.id, {"evidence_head": "0" * 64})
    assert status(oneshot, "acme/shop#2")["success_criteria"] == sealed


def test_a_waived_verification_is_said_and_never_called_passed(oneshot, store):
    intake(store, policy=POLICY)
    out = oneshot("status", "acme/shop#2").out
    assert "waived (a toy)" in out
    assert "passed" not in out


def test_what_a_terminal_would_obey_is_taken_out_of_others_words(oneshot, store):
    attempt = intake(store)
    walk(store, attempt, State.WORKTREE_READY)
    store.runs.update(attempt.id, {"reason": "evil \x1b[2J\x1b]0;title\x07 words\nin two lines"})
    for command in (["list"], ["status", "acme/shop#2"], ["explain", "acme/shop#2"]):
        out = oneshot(*command).out
        assert "\x1b" not in out
        assert "words in two lines" in out


def test_explain_says_what_is_awaited_since_when_and_until_when(oneshot, store):
    attempt = walk(store, intake(store), *TO_MERGE_READY)
    now = store.now()
    lane = Awaited(what="lane", since=now - timedelta(minutes=5), deadline=now + timedelta(days=6, hours=23))
    store.runs.park(attempt.id, lane, reason="behind acme/shop#7, verifying")
    out = oneshot("explain", "acme/shop#2").out
    assert "waits for lane: behind acme/shop#7, verifying" in out
    assert "5 min" in out
    assert "a person is asked in 6 d" in out


def test_explain_falls_back_on_the_recorded_gate_and_says_so(oneshot, environment, store):
    environment["ONESHOT_GITHUB__API_URL"] = "http://127.0.0.1:1"
    environment["ONESHOT_GITHUB__TOKEN"] = "not-a-token"
    attempt = walk(store, intake(store), *TO_MERGE_READY[:5])
    store.runs.update(attempt.id, {"pr_number": 7, "head_sha": sha("a")})
    conditions = {"ci": {"verdict": "pending", "fact": "ci: queued"}, "head": {"verdict": "passed", "fact": "it is so"}}
    gate = {"opening": "pending", "conditions": conditions}
    store.facts.append(attempt.id, source="github", kind="gate", sha=sha("a"), data=gate)
    out = oneshot("explain", "acme/shop#2").out
    assert "as recorded: GitHub could not be asked" in out
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert rows["ci"].split()[1:4] == ["pending", "ci:", "queued"]
    assert "aaaaaaa" in rows["ci"]
    assert rows["head"].split()[1] == "passed"


def test_explain_has_the_brief_for_the_person_who_must_decide(oneshot, store):
    attempt = walk(store, intake(store), State.WORKTREE_READY)
    fields = {"human_reason": "protected_path"}
    store.runs.transition(attempt, State.NEEDS_HUMAN, reason="touches CODEOWNERS", cause="a test", fields=fields)
    out = oneshot("explain", "acme/shop#2").out
    assert "acme/shop#2 needs a person" in out
    assert "What you decide" in out
    assert "oneshot approve acme/shop#2" in out


def test_logs_tell_moves_messages_and_the_log_in_their_order(oneshot, environment, home, store):
    attempt = walk(store, intake(store), State.WORKTREE_READY, State.IMPLEMENTING)
    said = {"dedupe_key": "1", "kind": "message", "role": "agent", "content": "I will add a function", "attrs": {}}
    store.notes.add_messages(attempt.id, [{**said, "timestamp": store.now()}])
    blob = put(home, b"first line\nsecond line\n")
    add_log(store, attempt, blob)
    walk(store, attempt, State.TESTING)
    lines = oneshot("logs", "acme/shop#2").out.splitlines()
    assert [line.split()[2] for line in lines if "#1" in line] == ["move", "move", "move", "agent", "log", "move"]
    assert lines[4].endswith("log   first line")
    assert lines[5].strip() == "second line"


def test_a_log_that_grew_is_told_from_where_it_was(store, store_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=store_url)
    services = open_services(settings)
    attempt = intake(store)
    history = History(services, attempt.key)
    for content in (b"the agent\n", b"the agent\nthe tests\n"):
        blob = services.blobs.put(content)
        add_log(store, attempt, blob)
        told = [entry.text for entry in history.new() if entry.source == "log"]
    assert told == ["the tests"]
    assert history.new() == ()
    services.close()


def test_logs_that_are_followed_end_when_the_attempt_is_over_and_sealed(oneshot, store):
    attempt = walk(store, intake(store), State.WORKTREE_READY, State.CANCELLED)
    store.runs.update(attempt.id, {"evidence_head": "0" * 64})
    said = oneshot("logs", "-f", "acme/shop#2")
    assert said.code == 0
    assert "cancelled" in said.out.splitlines()[-1]


def add_log(store, attempt, blob):
    file = {"sha256": blob.sha256, "size": blob.size, "media_type": "text/plain", "uri": blob.uri}
    store.artifacts.add_file(attempt.id, artifact="patch", name="implementation-log", **file)


def put(home, content):
    return LocalBlobs(home / "blobs").put(content)


@pytest.mark.parametrize("state", [State.QUEUED, State.NEEDS_HUMAN])
def test_a_diff_before_the_first_commit_is_refused(oneshot, store, state):
    attempt = intake(store)
    if state is not State.QUEUED:
        walk(store, attempt, state)
    said = oneshot("diff", "acme/shop#2")
    assert said.code == 2
    assert "no commit yet" in said.err
