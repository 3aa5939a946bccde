"""The merge queue: who must go through it, what it builds, and how a pull request lands or drops out."""

import time

import pytest
from forge_world import CI_FILE, GREEN, SHOP, git, planted

from oneshot_dagster.local.forge.client import ForgeError

QUEUED_CI = GREEN.replace("on: pull_request", "on: [pull_request, merge_group]")
QUEUE = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 10,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 1,
        "max_entries_to_merge": 1,
        "merge_method": "SQUASH",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 0,
    },
}
PULL = """query($number: Int!) { repository(owner: "acme", name: "shop") { pullRequest(number: $number) {
  id merged isInMergeQueue mergeQueueEntry { position state enqueuer { login } } mergeCommit { oid } } } }"""
ENQUEUE = """mutation($id: ID!, $sha: GitObjectID) { enqueuePullRequest(
  input: {pullRequestId: $id, expectedHeadOid: $sha}) { mergeQueueEntry { id position state } } }"""
DEQUEUE = "mutation($id: ID!) { dequeuePullRequest(input: {id: $id}) { mergeQueueEntry { id } } }"


@pytest.fixture
def shop(forge, tmp_path):
    return planted(forge, tmp_path / "shop", {CI_FILE: QUEUED_CI})


@pytest.fixture
def opened(forge, shop):
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]
    forge.wait_checks(head)
    forge.ada.require_checks(SHOP, "ci")
    forge.ada.add_ruleset(SHOP, QUEUE)
    return number, head


def told(forge, number):
    return forge.oneshot.graphql(PULL, number=number)["data"]["repository"]["pullRequest"]


def out_of_the_queue(forge, number):
    deadline = time.monotonic() + 30
    while (found := told(forge, number))["isInMergeQueue"]:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def enqueue(forge, number, sha=None):
    return forge.oneshot.graphql(ENQUEUE, id=told(forge, number)["id"], sha=sha)


def events(forge, number):
    return [e["event"] for e in forge.ada.api("GET", SHOP, f"/issues/{number}/timeline")]


def test_a_merge_past_the_queue_is_refused(forge, opened):
    with pytest.raises(ForgeError, match="Changes must be made through the merge queue") as refused:
        forge.oneshot.merge_as_person(SHOP, opened[0])
    assert refused.value.status == 405


def test_an_enqueued_one_lands_when_its_group_is_green(forge, opened):
    number, head = opened
    entry = enqueue(forge, number, head)["data"]["enqueuePullRequest"]["mergeQueueEntry"]
    assert entry["position"] == 1
    done = out_of_the_queue(forge, number)
    tip = forge.ada.branch_sha(SHOP, "main")
    assert (done["merged"], done["mergeCommit"]["oid"]) == (True, tip)
    assert [c["name"] for c in forge.ada.check_runs(SHOP, tip)] == ["ci"]
    assert "gh-readonly-queue" not in git("branch", "--list", cwd=forge.bare()).stdout
    assert events(forge, number) == ["added_to_merge_queue", "merged", "closed"]


def test_one_whose_group_is_red_drops_out_silently(forge, shop, opened):
    number, _ = opened
    entered = "case $GITHUB_EVENT_NAME in merge_group) exit 1;; esac"
    shop.branch("main", "main")
    shop.remote = forge.remote("ada")
    bypass = [{"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}]
    for ruleset in forge.ada.api("GET", SHOP, "/rulesets"):
        forge.ada.api("PUT", SHOP, f"/rulesets/{ruleset['id']}", {"bypass_actors": bypass})
    shop.commit({CI_FILE: QUEUED_CI.replace("git rev-parse HEAD", entered)})
    shop.push("main")
    before = forge.ada.branch_sha(SHOP, "main")
    enqueue(forge, number)
    assert not out_of_the_queue(forge, number)["merged"]
    assert forge.ada.branch_sha(SHOP, "main") == before
    assert events(forge, number) == ["added_to_merge_queue", "removed_from_merge_queue"]
    assert forge.ada.pull(SHOP, number)["state"] == "open"


def test_a_push_takes_it_out_of_the_queue(make_forge, tmp_path):
    forge = make_forge("--ci-delay", "2")
    clone = planted(forge, tmp_path / "shop", {CI_FILE: QUEUED_CI})
    forge.ada.add_ruleset(SHOP, QUEUE)
    forge.ada.require_checks(SHOP, "audit")
    clone.remote = forge.remote("oneshot")
    head = clone.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    forge.oneshot.api("POST", SHOP, f"/statuses/{head}", {"context": "audit", "state": "success"})
    enqueue(forge, number)
    clone.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    assert not out_of_the_queue(forge, number)["merged"]


def test_a_person_takes_it_out_of_the_queue(forge, opened):
    number, head = opened
    forge.ada.require_checks(SHOP, "audit")
    forge.oneshot.api("POST", SHOP, f"/statuses/{head}", {"context": "audit", "state": "success"})
    enqueue(forge, number)
    assert told(forge, number)["mergeQueueEntry"]["enqueuer"] == {"login": "oneshot"}
    forge.oneshot.graphql(DEQUEUE, id=told(forge, number)["id"])
    assert out_of_the_queue(forge, number)["merged"] is False
    assert events(forge, number)[-1] == "removed_from_merge_queue"


def test_one_that_is_not_ready_does_not_enter(forge, opened):
    number, _ = opened
    forge.ada.require_checks(SHOP, "audit")
    (error,) = enqueue(forge, number)["errors"]
    assert (error["type"], error["message"]) == ("UNPROCESSABLE", 'Required status check "audit" is expected.')


def test_an_asynchronous_merge_enters_the_queue(forge, opened):
    number, head = opened
    path = f"/pulls/{number}/merge-async"
    uuid = forge.oneshot.api("PUT", SHOP, path, {"sha": head})["details"]["uuid"]
    deadline = time.monotonic() + 20
    while forge.oneshot.api("GET", SHOP, f"{path}/{uuid}")["status"] == "pending":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert forge.oneshot.api("GET", SHOP, f"{path}/{uuid}")["status"] == "enqueued"
    assert out_of_the_queue(forge, number)["merged"]
    assert forge.ada.violations() == []
