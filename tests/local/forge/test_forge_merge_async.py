"""Merges in GitHub's own time: asked for at once, judged when they run."""

import time

import pytest
from forge_world import SHOP
from githubkit import GitHub
from githubkit.exception import RequestFailed

from oneshot_dagster.local.forge.client import ForgeError

AT = {"owner": "acme", "repo": "shop"}
SLOW = 3600.0


@pytest.fixture
def opened(forge, shop):
    shop.remote = forge.remote("oneshot")
    head = shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]
    forge.wait_checks(head)
    return number, head


@pytest.fixture
def github(forge):
    return GitHub("token-of-oneshot", base_url=f"{forge.url}/api/v3/", timeout=20, auto_retry=False, http_cache=False)


def ask(forge, number, who="oneshot", **body):
    return forge.as_(who).api("PUT", SHOP, f"/pulls/{number}/merge-async", body)


def result(forge, number, uuid):
    return forge.oneshot.api("GET", SHOP, f"/pulls/{number}/merge-async/{uuid}")


def ended(forge, number, uuid):
    deadline = time.monotonic() + 20
    while (found := result(forge, number, uuid))["status"] == "pending":
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_it_merges_and_tells_the_commit_under_githubs_own_models(forge, github, opened):
    number, head = opened
    asked = github.rest.pulls.merge_async(**AT, pull_number=number, sha=head, merge_method="squash")
    details = asked.parsed_data.details
    assert (asked.status_code, asked.parsed_data.status, details.expected_head_sha) == (202, "pending", head)
    done = ended(forge, number, details.uuid)
    parsed = github.rest.pulls.get_merge_async_result(**AT, pull_number=number, uuid=details.uuid).parsed_data
    assert (done["status"], parsed.details.sha) == ("merged", forge.ada.branch_sha(SHOP, "main"))
    assert forge.ada.pull(SHOP, number)["merged_by"]["login"] == "oneshot"
    again = github.rest.pulls.merge_async(**AT, pull_number=number, sha=head)
    assert (again.status_code, again.parsed_data.status) == (200, "merged")


def test_while_one_is_pending_another_is_refused_with_its_uuid(forge, github, opened):
    number, head = opened
    forge.ada.set_merge_async(delay=SLOW)
    first = ask(forge, number, sha=head)["details"]["uuid"]
    with pytest.raises(RequestFailed) as second:
        github.rest.pulls.merge_async(**AT, pull_number=number, sha=head, merge_method="rebase")
    told = second.value.response.json()
    assert second.value.response.status_code == 409
    assert (told["details"]["uuid"], told["details"]["merge_method"]) == (first, "default")
    assert not forge.ada.pull(SHOP, number)["merged"]


@pytest.mark.parametrize("named", [True, False])
def test_a_push_in_between_cancels_it(forge, shop, opened, named):
    number, head = opened
    forge.ada.set_merge_async(delay=SLOW)
    asked = ask(forge, number, **({"sha": head} if named else {}))["details"]
    assert asked["expected_head_sha"] == head
    shop.push_branch("feature", {"price.txt": "13\n"}, start="feature")
    forge.ada.set_merge_async()
    done = ended(forge, number, asked["uuid"])
    assert (done["status"], "Head branch was modified" in done["details"]["message"]) == ("failed", True)
    assert not forge.ada.pull(SHOP, number)["merged"]


def test_rules_are_judged_when_it_runs(forge, opened):
    number, head = opened
    forge.ada.set_merge_async(delay=SLOW)
    uuid = ask(forge, number, sha=head)["details"]["uuid"]
    forge.ada.require_checks(SHOP, "audit")
    forge.ada.set_merge_async()
    done = ended(forge, number, uuid)
    assert done["status"] == "failed"
    assert 'Required status check "audit" is expected.' in done["details"]["message"]


def test_rules_are_passed_by_only_where_that_is_asked(forge, opened):
    number, head = opened
    forge.ada.set_protection(SHOP, "main", contexts=["audit"], enforce_admins=False)
    plain = ask(forge, number, "ada", sha=head)["details"]["uuid"]
    assert ended(forge, number, plain)["status"] == "failed"
    forced = ask(forge, number, "ada", sha=head, bypass_rules=True)["details"]["uuid"]
    assert ended(forge, number, forced)["status"] == "merged"


@pytest.mark.parametrize(("change", "said"), [({"state": "closed"}, "closed"), ({}, "draft")])
def test_a_closed_one_and_a_draft_are_refused_at_once(forge, shop, change, said):
    shop.push_branch("feature", {"x": "1\n"})
    body = {"head": "feature", "base": "main", "title": "x", "draft": not change}
    number = forge.oneshot.api("POST", SHOP, "/pulls", body)["number"]
    forge.oneshot.api("PATCH", SHOP, f"/pulls/{number}", change)
    with pytest.raises(ForgeError, match=said) as refused:
        ask(forge, number)
    assert refused.value.status == 400


def test_a_server_without_it_answers_404(forge, opened):
    number, _ = opened
    forge.ada.set_merge_async(offered=False)
    with pytest.raises(ForgeError) as absent:
        ask(forge, number)
    assert absent.value.status == 404
    forge.ada.set_merge_async()
    with pytest.raises(ForgeError) as unknown:
        result(forge, number, "11111111-2222-3333-4444-555555555555")
    assert unknown.value.status == 404


def test_a_reader_may_not_ask(forge, opened):
    with pytest.raises(ForgeError) as refused:
        ask(forge, opened[0], "eve")
    assert refused.value.status == 403


def test_what_was_asked_survives_a_kill(forge, opened):
    number, head = opened
    forge.ada.set_merge_async(delay=SLOW)
    uuid = ask(forge, number, sha=head)["details"]["uuid"]
    forge.kill()
    forge.start()
    assert result(forge, number, uuid)["status"] == "pending"
    forge.ada.set_merge_async()
    assert ended(forge, number, uuid)["status"] == "merged"
    assert forge.ada.violations() == []
