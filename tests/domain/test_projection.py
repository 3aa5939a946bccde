"""What the tables say after any events: the order of the truth, not of the post. Each claim over lives of a pull request."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest
from github_events import HEADS, PULL, REPOSITORY, START, Happened, Story, lives, stories
from hypothesis import given, settings
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.event_payloads import understand
from oneshot_dagster.domain.gate import CheckRun, CommitStatus, GateFacts, GateRules, Opening, Review, Thread, decide
from oneshot_dagster.domain.projection import Kind, Rows, newest, reading_of, rows_of
from oneshot_dagster.domain.webhook import Unreadable

RULES = GateRules(required_checks=("ci",), approvals=1, reviewers=(), allow_no_checks=False, tests_advisory=False)
ALL = settings(max_examples=150, deadline=None)


def said(told):
    return [sighting for event, payload in told for sighting in understand(event, payload).sightings]


def read(readings):
    return [sighting for facts in readings for sighting in reading_of(REPOSITORY, facts)]


def plain(rows: Rows):
    """As the database gives it back."""
    return {f.name: json.loads(json.dumps(getattr(rows, f.name), default=str, sort_keys=True)) for f in fields(rows)}


def known(sightings):
    """What events and a reading both know, told as the truth would be."""
    rows = rows_of(sightings)
    (pull,) = rows.pulls
    checks = next((row["checks"] for row in rows.checks if row["commit_sha"] == pull["head_sha"]), [])
    reviews = rows.reviews[0]["reviews"] if rows.reviews else []
    return (
        {name: pull[name] for name in ("head_sha", "base_ref", "base_sha", "open", "draft", "merged")},
        sorted(pull["labels"]),
        sorted((c["kind"], c.get("name") or c.get("context"), c.get("conclusion") or c.get("state")) for c in checks),
        [(r["review_id"], r["author"], r["state"], r["commit_sha"]) for r in reviews],
        sorted((t["thread_id"], t["is_resolved"]) for t in rows.threads),
    )


@ALL
@given(stories(), st.data())
def test_any_order_duplication_and_split_into_batches_gives_the_same(story, data):
    sightings = [*said(story.told), *read(story.readings)]
    mixed = data.draw(st.permutations(sightings + sightings[: len(sightings) // 2]))
    cut = data.draw(st.integers(0, len(mixed)))
    batched = newest([*newest(mixed[:cut]), *newest(mixed[cut:])])

    assert plain(rows_of(batched)) == plain(rows_of(sightings))


@ALL
@given(stories(least=1), st.data())
def test_all_events_in_any_order_say_what_reading_the_truth_once_says(story, data):
    told = data.draw(st.permutations(story.told))

    assert known(said(told)) == known(read([story.truth]))


@ALL
@given(stories(), st.data())
def test_whatever_was_lost_a_reading_at_the_end_is_the_truth(story, data):
    some = data.draw(st.lists(st.sampled_from(story.told)))

    assert known([*said(some), *read([*story.readings, story.truth])]) == known(read([story.truth]))


@ALL
@given(lives(least=1), lives(least=1))
def test_a_reading_and_the_events_after_it_say_the_truth_though_all_before_were_lost(before, after):
    story = Story().live(before)
    reading, lost = story.truth, len(story.told)
    # A push back to an old commit brings back what was said of it, which nobody tells again: the next reading says it.
    old = {sha for sha, _ in (*story.checks, *story.statuses)} - {reading.head_sha}
    story.live([one for one in after if one.what != "push" or HEADS[one.words[0]] not in old])

    assert known([*said(story.told[lost:]), *read([reading])]) == known(read([story.truth]))


@ALL
@given(stories(), st.data())
def test_no_events_make_the_gate_pass_for_a_commit_that_did_not_pass_or_was_not_approved(story, data):
    some = data.draw(st.lists(st.sampled_from(story.told), max_size=40))
    readings = data.draw(st.lists(st.sampled_from(story.readings))) if story.readings else []

    for facts in gate_facts(rows_of([*said(some), *read(readings)])):
        gate = decide(facts, RULES, judged=None, local_report=Verdict.PASSED, expected_head=facts.head_sha)
        if gate.opening is Opening.PASSED:
            assert ("ci", facts.head_sha) in story.passed
            assert facts.head_sha in story.approved


def gate_facts(rows: Rows):
    """What a gate that believed the tables would see: each commit as the head, GitHub itself willing, nobody's word doubted."""
    reviews = [given for row in rows.reviews for given in row["reviews"]]
    for row in rows.checks:
        checks = [{k: v for k, v in check.items() if k != "kind"} for check in row["checks"]]
        runs = [CheckRun(**c) for c in checks if "name" in c]
        yield GateFacts(
            pr_number=PULL, head_sha=row["commit_sha"], base_ref="main", base_sha="f" * 40, open=True, draft=False,
            merged=False, merge_sha=None, merged_by=None, mergeable_state="clean", checks=tuple(runs),
            statuses=tuple(CommitStatus(**c) for c in checks if "context" in c), required_contexts=("ci",),
            required_approvals=1, reviews=tuple(Review(**{**r, "has_write_access": True}) for r in reviews),
            threads=tuple(
                Thread(**{name: t[name] for name in ("thread_id", "is_resolved", "path", "line", "author", "body")})
                for t in rows.threads
            ),
            labels=(), read_at=START,
        )  # fmt: skip


def test_the_gate_of_that_claim_can_pass():
    told = Story().live([
        Happened(1, "check", ("ci", "completed", "success")), Happened(1, "review", ("ann", "approved")),
    ]).told  # fmt: skip
    (facts,) = gate_facts(rows_of(said(told)))
    assert decide(facts, RULES, judged=None, local_report=Verdict.PASSED, expected_head=HEADS["a"]).opening == "passed"


@ALL
@given(stories(), st.data())
def test_a_check_is_never_moved_to_another_commit(story, data):
    some = data.draw(st.lists(st.sampled_from(story.told)))
    commits = {p["check_run"]["id"]: p["check_run"]["head_sha"] for kind, p in some if kind == "check_run"}

    for row in rows_of(said(some)).checks:
        assert {commits[c["run_id"]] for c in row["checks"] if c["kind"] == "check_run"} <= {row["commit_sha"]}


def test_a_check_of_a_commit_that_the_pull_request_has_left_is_not_of_its_head():
    event, payload = one_check(1, 5, "success")
    payload["check_run"]["pull_requests"] = [{"number": PULL, "head": {"sha": HEADS["b"]}}]
    assert rows_of(said([(event, payload)])).checks == []


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def one_check(run_id: int, second: int, conclusion: str | None):
    status = "completed" if conclusion else "queued"
    run = {
        "id": run_id, "name": "ci", "app": {"slug": "x"}, "head_sha": HEADS["a"], "status": status,
        "conclusion": conclusion, "started_at": f"{at(second):%Y-%m-%dT%H:%M:%SZ}",
        "pull_requests": [{"number": PULL, "head": {"sha": HEADS["a"]}}],
    }  # fmt: skip
    return ("check_run", {"action": status, "check_run": run, "repository": {"full_name": REPOSITORY}})


def conclusion_of(*sightings):
    (row,) = rows_of(sightings).checks
    (check,) = row["checks"]
    return check["conclusion"]


@pytest.mark.parametrize(
    ("one", "other", "stands"),
    [
        (one_check(1, 5, "failure"), one_check(1, 6, "success"), "success"),
        (one_check(1, 6, "failure"), one_check(2, 5, "success"), "success"),
        (one_check(1, 5, "failure"), one_check(2, 6, None), None),
        (one_check(1, 5, None), one_check(1, 5, "success"), "success"),
        (one_check(1, 5, "success"), one_check(1, 5, "failure"), "failure"),
    ],
    ids=["the later", "the newer run", "the newer run, though it waits", "the further", "in doubt the red"],
)
def test_of_two_events_of_a_check_one_stands_whichever_comes_first(one, other, stands):
    assert conclusion_of(*said([one, other])) == conclusion_of(*said([other, one])) == stands


def reading(second: float, conclusion: str, run_id: int = 1):
    check = CheckRun(name="ci", app="x", status="completed", conclusion=conclusion, url=None, run_id=run_id)
    return read([replace(Story().truth, checks=(check,), read_at=at(second))])


@pytest.mark.parametrize(
    ("event", "stands"),
    [
        (one_check(1, 4, "success"), "failure"),
        (one_check(1, 5, "success"), "failure"),
        (one_check(1, 6, "success"), "success"),
        (one_check(9, 5, "success"), "failure"),
        (one_check(0x7, 6, "success"), "success"),
    ],
    ids=["earlier", "in the reading's second", "later", "a newer run, but earlier", "a newer run"],
)
@pytest.mark.parametrize("second", [5.0, 5.7])
def test_over_a_reading_an_event_stands_only_if_it_is_later(event, stands, second):
    assert conclusion_of(*said([event]), *reading(second, "failure")) == stands


def test_an_old_run_that_ends_late_does_not_replace_the_newer_one_that_was_read():
    assert conclusion_of(*said([one_check(3, 9, "success")]), *reading(5, "failure", run_id=4)) == "failure"


def test_a_comment_that_was_deleted_stays_deleted_and_its_text_is_not_kept():
    story = Story().live([
        Happened(1, "comment", ("created", "a secret")), Happened(1, "comment", ("edited", "another")),
        Happened(0, "comment", ("deleted", "")),
    ])  # fmt: skip
    comments = [s for s in newest(said(reversed(story.told))) if s.kind is Kind.COMMENT]

    assert [s.data for s in comments] == [{}]
    assert rows_of(comments).deleted == [1]
    assert rows_of(comments).comments == []


def test_who_may_write_is_taken_from_what_was_read_of_the_same_person():
    story = Story().live([Happened(1, "review", ("ann", "commented")), Happened(1, "read")])
    story.live([Happened(1, "review", ("ann", "approved")), Happened(1, "review", ("eve", "approved"))])
    (row,) = rows_of([*said(story.told), *read(story.readings)]).reviews

    assert [(r["author"], r["has_write_access"]) for r in row["reviews"]] == [
        ("ann", True),
        ("ann", True),
        ("eve", None),
    ]


@pytest.mark.parametrize(
    ("event", "payload", "why"),
    [
        ("check_run", {"repository": None}, "repository.full_name"),
        ("check_run", {"repository": {"full_name": "no slash"}}, "repository.full_name"),
        ("check_run", {"check_run": None}, "check_run.head_sha"),
        ("check_run", {"check_run": {"head_sha": "main"}}, "check_run.head_sha"),
        ("check_run", {"check_run": {"head_sha": "a" * 40, "id": True}}, "check_run.id"),
        ("pull_request", {"pull_request": {"number": 2**31}}, "pull_request.number"),
        ("pull_request", {"pull_request": {"number": 7, "head": []}}, "pull_request.head.sha"),
        ("status", {"sha": "a" * 40, "id": 1, "context": 5}, "context"),
        ("issue_comment", {"issue": {"number": 1}, "comment": {"id": 2**63}}, "comment.id"),
        ("push", {"ref": None}, "ref"),
    ],
)
def test_a_payload_without_what_we_need_is_unreadable_by_name(event, payload, why):
    with pytest.raises(Unreadable, match=rf"^{why} is missing or of another kind$"):
        understand(event, {"repository": {"full_name": "Acme/Shop"}, **payload})


def test_an_event_of_a_kind_that_is_of_no_use_says_nothing():
    assert understand("star", {}) == understand("no such event", {"action": 5})


def mentioned(event, **payload):
    found = understand(event, {"repository": {"full_name": "Acme/Shop"}, **payload})
    assert {m.repository for m in found.mentions} <= {"acme/shop"}
    return {(m.what, m.name) for m in found.mentions}, found.asks


COMMENT = {"id": 1, "created_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("event", "payload", "whom"),
    [
        ("push", {"ref": "refs/heads/codex/issue-2"}, ({("branch", "codex/issue-2")}, None)),
        ("push", {"ref": "refs/tags/v1"}, (set(), None)),
        ("issues", {"action": "labeled", "issue": {"number": 2}}, ({("issue", "2")}, "acme/shop")),
        ("issues", {"action": "assigned", "issue": {"number": 2}}, (set(), "acme/shop")),
        (
            "issue_comment",
            {"action": "created", "issue": {"number": 2}, "comment": COMMENT},
            ({("issue", "2")}, "acme/shop"),
        ),
        (
            "issue_comment",
            {"action": "created", "issue": {"number": 7, "pull_request": {"url": "u"}}, "comment": COMMENT},
            ({("pull", "7")}, "acme/shop"),
        ),
        ("issue_comment", {"action": "edited", "issue": {"number": 2}, "comment": COMMENT}, (set(), None)),
        ("check_suite", {"action": "requested", "check_suite": {"head_sha": "a" * 40}}, (set(), None)),
        (
            "check_suite",
            {"action": "completed", "check_suite": {"head_sha": "a" * 40, "pull_requests": [{"number": 7}]}},
            ({("commit", "a" * 40), ("pull", "7")}, None),
        ),
    ],
)
def test_whose_waiting_may_be_over_is_told(event, payload, whom):
    assert mentioned(event, **payload) == whom


def test_what_cannot_end_a_wait_wakes_nobody():
    run = {"id": 1, "name": "ci", "head_sha": "a" * 40, "status": "queued"}
    status = {"id": 1, "sha": "a" * 40, "context": "ci"}

    assert mentioned("check_run", action="created", check_run=run) == (set(), None)
    assert mentioned("check_run", action="completed", check_run=run) == ({("commit", "a" * 40)}, None)
    assert mentioned("status", state="pending", **status) == (set(), None)
    assert mentioned("status", state="failure", **status) == ({("commit", "a" * 40)}, None)


def test_a_time_that_cannot_be_read_is_older_than_every_other():
    (sighting, *_) = said([("status", {
        "id": 1, "sha": "a" * 40, "context": "ci", "state": "success", "updated_at": "0001-01-01T00:00:00+23:00",
        "repository": {"full_name": "acme/shop"},
    })])  # fmt: skip
    assert sighting.version.at == datetime(1970, 1, 1, tzinfo=UTC)
