"""Review threads and the timeline: who did what, in order, and where a thread stands after a push."""

import pytest
from forge_world import SHOP

from oneshot_dagster.local.forge.client import ForgeError

THREADS = """query($number: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $number) {
  id reviewThreads(first: 10) { nodes { id isResolved isOutdated line originalLine
    comments(first: 10) { nodes { body author { login } } } } } } } }"""


@pytest.fixture
def opened(forge, shop):
    shop.remote = forge.remote("oneshot")
    shop.push_branch("feature", {"price.txt": "one\ntwo\nthree\n"})
    return forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]


def pull(forge, number):
    return forge.oneshot.graphql(THREADS, number=number)["data"]["repository"]["pullRequest"]


def threads(forge, number):
    return pull(forge, number)["reviewThreads"]["nodes"]


def events(forge, number):
    found = forge.ada.api("GET", SHOP, f"/issues/{number}/timeline", per_page=100)
    return [(e["event"], (e.get("actor") or e.get("user"))["login"]) for e in found]


def test_a_thread_follows_its_line_and_is_outdated_when_that_changes(forge, shop, opened):
    for line in (1, 3):
        forge.ada.open_thread(SHOP, opened, path="price.txt", line=line, body=f"line {line}?")
    shop.push_branch("feature", {"price.txt": "uno\nand a half\ntwo\nthree\n"}, start="feature")
    first, second = threads(forge, opened)
    assert (first["isOutdated"], first["line"], first["originalLine"]) == (True, None, 1)
    assert (second["isOutdated"], second["line"], second["originalLine"]) == (False, 4, 3)
    assert [c["line"] for c in forge.ada.api("GET", SHOP, f"/pulls/{opened}/comments")] == [None, 4]


def test_a_thread_is_answered_through_graphql_and_rest(forge, opened):
    first = forge.ada.open_thread(SHOP, opened, path="price.txt", line=1, body="why?")
    (thread,) = threads(forge, opened)
    mutation = """mutation($t: ID!, $b: String!) {
      addPullRequestReviewThreadReply(input: {pullRequestReviewThreadId: $t, body: $b}) { comment { url body } } }"""
    done = forge.oneshot.graphql(mutation, t=thread["id"], b="because")["data"]["addPullRequestReviewThreadReply"]
    assert done["comment"]["body"] == "because"
    forge.ada.api("POST", SHOP, f"/pulls/{opened}/comments/{first['id']}/replies", {"body": "fine"})
    (thread,) = threads(forge, opened)
    said = [(c["author"]["login"], c["body"]) for c in thread["comments"]["nodes"]]
    assert said == [("ada", "why?"), ("oneshot", "because"), ("ada", "fine")]


def test_a_thread_is_opened_resolved_and_reopened_through_graphql(forge, opened):
    mutation = """mutation($p: ID!) { addPullRequestReviewThread(
      input: {pullRequestId: $p, path: "price.txt", line: 2, body: "hm"}) { thread { id line isResolved } } }"""
    made = forge.ada.graphql(mutation, p=pull(forge, opened)["id"])["data"]["addPullRequestReviewThread"]["thread"]
    assert (made["line"], made["isResolved"]) == (2, False)
    for word, resolved in (("resolve", True), ("unresolve", False)):
        asked = f"mutation($t: ID!) {{ {word}ReviewThread(input: {{threadId: $t}}) {{ thread {{ isResolved }} }} }}"
        done = forge.oneshot.graphql(asked, t=made["id"])["data"]
        assert done[f"{word}ReviewThread"]["thread"]["isResolved"] is resolved


def test_an_open_thread_blocks_where_conversations_must_be_resolved(forge, shop, opened):
    forge.wait_checks(shop.head())
    forge.ada.set_protection(SHOP, "main", required_conversation_resolution=True)
    forge.ada.open_thread(SHOP, opened, path="price.txt", line=1, body="why?")
    assert forge.ada.pull(SHOP, opened)["mergeable_state"] == "blocked"
    with pytest.raises(ForgeError, match="All comments must be resolved"):
        forge.oneshot.merge_as_person(SHOP, opened)


def test_the_timeline_tells_a_pull_requests_course(forge, shop, opened):
    forge.oneshot.api("PATCH", SHOP, f"/pulls/{opened}", {"title": "Better prices"})
    forge.ada.api("PUT", SHOP, f"/issues/{opened}/labels", {"labels": ["a", "b"]})
    forge.ada.api("PUT", SHOP, f"/issues/{opened}/labels", {"labels": ["b"]})
    forge.oneshot.api("POST", SHOP, f"/pulls/{opened}/requested_reviewers", {"reviewers": ["grace"]})
    assert [u["login"] for u in forge.ada.pull(SHOP, opened)["requested_reviewers"]] == ["grace"]
    review = forge.as_("grace").review(SHOP, opened, "APPROVE")
    forge.ada.api("PUT", SHOP, f"/pulls/{opened}/reviews/{review['id']}/dismissals", {"message": "too early"})
    shop.remote = forge.remote("grace")
    shop.branch("feature")
    head = shop.commit({"price.txt": "other\n"})
    shop.push("+feature")
    forge.wait_checks(head)
    forge.oneshot.merge_as_person(SHOP, opened)
    assert events(forge, opened) == [
        ("renamed", "oneshot"),
        ("labeled", "ada"),
        ("labeled", "ada"),
        ("unlabeled", "ada"),
        ("review_requested", "oneshot"),
        ("reviewed", "grace"),
        ("review_dismissed", "ada"),
        ("head_ref_force_pushed", "grace"),
        ("merged", "oneshot"),
        ("closed", "oneshot"),
    ]
    assert forge.ada.pull(SHOP, opened)["requested_reviewers"] == []
    assert forge.ada.violations() == []


def test_a_review_is_not_asked_of_the_author_or_a_stranger(forge, opened):
    for name, said in (("oneshot", "pull request author"), ("nobody", "only be requested from collaborators")):
        with pytest.raises(ForgeError, match=said) as refused:
            forge.ada.api("POST", SHOP, f"/pulls/{opened}/requested_reviewers", {"reviewers": [name]})
        assert refused.value.status == 422


def test_a_label_is_made_once(forge, shop):
    made = forge.ada.api("POST", SHOP, "/labels", {"name": "oneshot", "color": "5319e7", "description": "do it"})
    assert made["color"] == "5319e7"
    with pytest.raises(ForgeError, match="already_exists") as second:
        forge.ada.api("POST", SHOP, "/labels", {"name": "OneShot"})
    assert second.value.status == 422
