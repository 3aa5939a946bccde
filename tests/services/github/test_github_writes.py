"""Labels, the timeline, review threads and merges in GitHub's own time, on a scripted server."""

from datetime import UTC, datetime

import pytest
from scripted_github import Scripted

from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, TryAgain
from oneshot_dagster.services.github.protocol import TimelineEvent

SHOP, GRAPH = "/api/v3/repos/acme/shop", "/api/graphql"
ASYNC = f"{SHOP}/pulls/7/merge-async"
SHA = "a" * 40
NINE = "2026-01-01T09:00:00Z"
AT = datetime(2026, 1, 1, 9, tzinfo=UTC)


def merge(github):
    return github.merge_async("acme/shop", 7, sha=SHA, method="squash", title="t", message="m")


def result(status, **details):
    return {"status": status, "details": {"message": "m", **details}}


def test_labels_are_added_and_taken_away(github, script):
    script.on("POST", f"{SHOP}/issues/7/labels", Scripted(200, []))
    script.on("DELETE", f"{SHOP}/issues/7/labels/needs%20a%2Fhuman", Scripted(200, []))
    github.add_labels("acme/shop", 7, ("oneshot", "x"))
    github.remove_label("acme/shop", 7, "needs a/human")
    assert [(r.method, r.body) for r in script.received] == [("POST", {"labels": ["oneshot", "x"]}), ("DELETE", None)]


def test_a_label_that_is_not_there_is_taken_away(github, script):
    script.on("DELETE", f"{SHOP}/issues/7/labels/x", Scripted(404, {"message": "Label does not exist"}))
    github.remove_label("acme/shop", 7, "x")


def test_the_timeline_says_who_did_what_in_githubs_several_shapes(github, script):
    ann = {"login": "ann"}
    first = [
        {"event": "labeled", "actor": ann, "created_at": NINE, "commit_id": None, "label": {"name": "oneshot"}},
        {"event": "reviewed", "user": ann, "submitted_at": NINE, "commit_id": SHA, "state": "approved"},
        {"event": "committed", "sha": SHA, "author": {"date": NINE}, "committer": {"date": NINE}},
        {"event": "line-commented", "comments": []},
    ]
    second = [{"event": "merged", "actor": None, "created_at": NINE, "commit_id": "c" * 40}]
    path = f"{SHOP}/issues/7/timeline"
    script.on("GET", path, Scripted(200, first, {"Link": '<x>; rel="next"'}), Scripted(200, second))
    assert github.timeline("acme/shop", 7) == (
        TimelineEvent(event="labeled", actor="ann", at=AT, label="oneshot", commit_sha=None),
        TimelineEvent(event="reviewed", actor="ann", at=AT, label=None, commit_sha=SHA),
        TimelineEvent(event="committed", actor=None, at=AT, label=None, commit_sha=SHA),
        TimelineEvent(event="merged", actor=None, at=AT, label=None, commit_sha="c" * 40),
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (202, result("pending", uuid="u-1", expected_head_sha=SHA), ("pending", "u-1", None, "m")),
        (200, result("merged", sha="c" * 40), ("merged", None, "c" * 40, "m")),
        (200, result("enqueued"), ("enqueued", None, None, "m")),
        (409, result("pending", uuid="u-0"), ("existing", "u-0", None, "m")),
        (400, result("failed"), ("refused", None, None, "m")),
        (422, {"message": "m"}, ("refused", None, None, "m")),
        (405, {"message": "m"}, ("refused", None, None, "m")),
        (404, {"message": "m"}, ("not_offered", None, None, "m")),
    ],
)
def test_a_merge_in_githubs_own_time_is_a_value(github, script, status, body, said):
    script.on("PUT", ASYNC, Scripted(status, body))
    answer = merge(github)
    assert (answer.state, answer.uuid, answer.sha, answer.message) == said
    sent = {"sha": SHA, "merge_method": "squash", "commit_title": "t", "commit_message": "m"}
    assert script.received[0].body == sent


def test_a_merge_in_githubs_own_time_is_asked_for_once(github, script):
    script.on("PUT", ASYNC, Scripted(502, None))
    with pytest.raises(TryAgain):
        merge(github)
    assert len(script.received) == 1


@pytest.mark.parametrize("state", ["pending", "merged", "enqueued", "failed"])
def test_the_result_of_a_merge_is_asked_for_by_its_id(github, script, state):
    script.on("GET", f"{ASYNC}/u-1", Scripted(200, result(state)))
    assert github.merge_async_result("acme/shop", 7, "u-1").state == state


def test_a_result_that_github_has_forgotten_or_that_we_do_not_know(github, script):
    assert github.merge_async_result("acme/shop", 7, "u-1").state == "not_offered"
    script.on("GET", f"{ASYNC}/u-1", Scripted(200, result("paused")))
    with pytest.raises(TryAgain, match="paused"):
        github.merge_async_result("acme/shop", 7, "u-1")


def test_a_reply_to_a_thread_gives_its_address(github, script):
    made = {"addPullRequestReviewThreadReply": {"comment": {"url": "http://x/1"}}}
    script.on("POST", GRAPH, Scripted(200, {"data": made}))
    assert github.reply_to_thread("acme/shop", "PRRT_1", "done") == "http://x/1"
    assert script.received[0].body["variables"] == {"thread": "PRRT_1", "body": "done"}


@pytest.mark.parametrize("fault", [Scripted(502, None), Scripted(cut=True)])
def test_a_mutation_is_sent_once(github, script, fault):
    script.on("POST", GRAPH, fault)
    for call in (
        lambda: github.reply_to_thread("acme/shop", "T", "b"),
        lambda: github.resolve_thread("acme/shop", "T"),
    ):
        with pytest.raises(TryAgain):
            call()
    assert len(script.received) == 2


@pytest.mark.parametrize("kind", ["NOT_FOUND", "FORBIDDEN"])
def test_a_thread_that_is_gone_or_not_ours_needs_a_human(github, script, kind):
    script.on("POST", GRAPH, Scripted(200, {"data": None, "errors": [{"type": kind, "message": "no"}]}))
    with pytest.raises(OneshotError) as caught:
        github.resolve_thread("acme/shop", "PRRT_1")
    assert (type(caught.value), caught.value.reason) == (NeedsHuman, "no_access")
