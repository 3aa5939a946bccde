"""The forge's webhooks: what is told, how it is signed and sent, and that it comes twice, late, never or out of order."""

import hashlib
import hmac
import itertools
import threading

import httpx
import pytest
from app_world import WRITER, installed
from forge_world import GREEN, SHOP, git
from hook_ear import SECRET, Ear

from oneshot_dagster.local.forge.client import ForgeError

API = f"/api/v3/repos/{SHOP}"


@pytest.fixture
def ear():
    ear = Ear().listen()
    yield ear
    ear.close()


@pytest.fixture
def hook(forge, shop, ear):
    made = forge.ada.add_hook(SHOP, ear.url, secret=SECRET)
    ear.wait("ping")
    return made["id"]


def opened_pull(forge, shop, branch="work", files=None, **more):
    shop.push_branch(branch, files or {f"{branch}.txt": "work\n"})
    return forge.ada.create_pull(SHOP, head=branch, base="main", title=f"Work on {branch}", **more)["number"]


def test_a_hook_is_pinged_and_a_delivery_is_signed_over_its_raw_body(forge, hook, ear):
    forge.oneshot.create_issue(SHOP, "Grüße an alle")
    heard = ear.wait("issues opened")
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(SECRET.encode(), heard.body, "sha256").hex()
    assert heard.headers["x-hub-signature"] == "sha1=" + hmac.new(SECRET.encode(), heard.body, hashlib.sha1).hexdigest()
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert heard.headers["x-github-hook-id"] == str(hook)
    assert "Grüße".encode() in heard.body
    assert heard.payload["sender"]["login"] == "oneshot"
    assert ear.misfits() == {}


def test_issues_and_their_comments_are_told_as_they_change(forge, hook, ear):
    number = forge.oneshot.create_issue(SHOP, "Empty cart", labels=["oneshot"])["number"]
    issue = f"/issues/{number}"
    forge.ada.api("PATCH", SHOP, issue, {"title": "Empty carts"})
    comment = forge.ada.comment(SHOP, number, "Sure?")["id"]
    forge.ada.api("PATCH", SHOP, f"/issues/comments/{comment}", {"body": "Surely."})
    forge.ada.api("DELETE", SHOP, f"/issues/comments/{comment}")
    forge.ada.api("DELETE", SHOP, f"{issue}/labels/oneshot")
    forge.ada.api("PATCH", SHOP, issue, {"state": "closed"})
    forge.ada.api("PATCH", SHOP, issue, {"state": "open"})
    ear.wait("issues reopened")
    assert [h.name for h in ear.heard[1:]] == [
        "issues opened",
        "issues labeled",
        "issues edited",
        "issue_comment created",
        "issue_comment edited",
        "issue_comment deleted",
        "issues unlabeled",
        "issues closed",
        "issues reopened",
    ]
    assert ear.named("issues labeled")[0].payload["label"]["name"] == "oneshot"
    assert ear.named("issues labeled")[0].payload["sender"]["login"] == "oneshot"
    assert ear.named("issues edited")[0].payload["changes"] == {"title": {"from": "Empty cart"}}
    assert ear.named("issue_comment edited")[0].payload["changes"] == {"body": {"from": "Sure?"}}
    assert ear.misfits() == {}


def test_a_pull_request_is_told_from_its_push_to_its_merge(forge, shop, hook, ear):
    number = opened_pull(forge, shop)
    head = shop.commit({"more.txt": "more\n"}, "more")
    shop.push("work")
    forge.ada.label(SHOP, number, "big")
    forge.ada.api("POST", SHOP, f"/pulls/{number}/requested_reviewers", {"reviewers": ["grace"]})
    forge.wait_checks(head)
    ear.wait("workflow_run completed", 2)
    forge.ada.merge_as_person(SHOP, number)
    closed = ear.wait("pull_request closed").payload
    assert closed["pull_request"]["merged"] is True
    assert closed["pull_request"]["merged_by"]["login"] == "ada"
    moved = ear.named("pull_request synchronize")[0].payload
    assert (moved["before"], moved["after"]) == (ear.named("push")[0].payload["after"], head)
    assert ear.named("pull_request review_requested")[0].payload["requested_reviewer"]["login"] == "grace"
    landed = ear.wait("push", 3).payload
    assert (landed["ref"], landed["head_commit"]["modified"]) == ("refs/heads/main", [])
    assert sorted(landed["head_commit"]["added"]) == ["more.txt", "work.txt"]
    told = {h.name for h in ear.heard}
    assert {"create", "pull_request opened", "pull_request labeled", "check_suite completed"} <= told
    assert not {name for name in told if name.startswith("issues")}
    assert {h.payload["sender"]["login"] for h in ear.heard if h.event == "check_run"} == {"github-actions[bot]"}
    assert ear.misfits() == {}


def test_two_jobs_of_one_workflow_are_two_check_runs_and_one_suite_and_one_run(forge, shop, hook, ear):
    jobs = GREEN + "  lint:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'false'\n"
    opened_pull(forge, shop, files={".github/workflows/ci.yml": jobs})
    run = ear.wait("workflow_run completed").payload["workflow_run"]
    suite = ear.wait("check_suite completed").payload["check_suite"]
    ear.wait("check_run completed", 2)
    assert (run["conclusion"], suite["conclusion"]) == ("failure", "failure")
    counted = {name: len(ear.named(name)) for name in ("workflow_run requested", "check_suite completed")}
    assert counted == {"workflow_run requested": 1, "check_suite completed": 1}
    assert len(ear.named("check_run created")) == 2
    assert ear.misfits() == {}


def test_reviews_and_threads_are_told(forge, shop, hook, ear):
    number = opened_pull(forge, shop)
    review = forge.as_("grace").review(SHOP, number, "APPROVE")["id"]
    forge.ada.api("PUT", SHOP, f"/pulls/{number}/reviews/{review}/dismissals", {"message": "too early"})
    forge.as_("grace").open_thread(SHOP, number, path="work.txt", line=1, body="Why?")
    query = 'query { repository(owner: "acme", name: "shop") { pullRequest(number: %d) { reviewThreads(first: 1) { nodes { id } } } } }'
    found = forge.ada.graphql(query % number)["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0]["id"]
    for word in ("resolve", "unresolve"):
        forge.ada.graphql(f'mutation {{ {word}ReviewThread(input: {{threadId: "{found}"}}) {{ thread {{ id }} }} }}')
    unresolved = ear.wait("pull_request_review_thread unresolved").payload
    assert unresolved["sender"]["login"] == "ada"
    assert [c["body"] for c in unresolved["thread"]["comments"]] == ["Why?"]
    told = [h.name for h in ear.heard if h.event.startswith("pull_request_")]
    assert told == [
        "pull_request_review submitted",
        "pull_request_review dismissed",
        "pull_request_review_comment created",
        "pull_request_review_thread resolved",
        "pull_request_review_thread unresolved",
    ]
    assert ear.misfits() == {}


def test_statuses_and_deployments_and_branches_that_go_are_told(forge, shop, hook, ear):
    sha = shop.push_branch("work", {"a": "a\n"})
    forge.ada.api("POST", SHOP, f"/statuses/{sha}", {"state": "success", "context": "outside"})
    body = {"ref": sha, "auto_merge": False, "required_contexts": [], "environment": "demo"}
    deployment = forge.ada.api("POST", SHOP, "/deployments", body)["id"]
    forge.ada.api("POST", SHOP, f"/deployments/{deployment}/statuses", {"state": "success"})
    shop.push(":work")
    ear.wait("delete")
    status = ear.named("status")[0].payload
    assert (status["sha"], [b["name"] for b in status["branches"]]) == (sha, ["work"])
    assert ear.named("push")[-1].payload["deleted"] is True
    assert {"deployment created", "deployment_status created"} <= {h.name for h in ear.heard}
    assert ear.misfits() == {}


def test_only_the_events_that_were_asked_for_come_and_none_while_it_is_off(forge, shop, ear):
    hook = forge.ada.add_hook(SHOP, ear.url, secret=SECRET, events=["issues"])["id"]
    number = forge.ada.create_issue(SHOP, "One")["number"]
    forge.ada.comment(SHOP, number, "unheard")
    forge.ada.api("PATCH", SHOP, f"/hooks/{hook}", {"active": False})
    forge.ada.create_issue(SHOP, "Two")
    forge.ada.api("PATCH", SHOP, f"/hooks/{hook}", {"active": True, "add_events": ["issue_comment"]})
    forge.ada.comment(SHOP, number, "heard")
    ear.wait("issue_comment created")
    assert [h.name for h in ear.heard] == ["ping", "issues opened", "issue_comment created"]


def test_a_failed_delivery_is_not_sent_again_until_somebody_asks_and_keeps_its_guid(forge, hook, ear):
    ear.status = 503
    forge.ada.create_issue(SHOP, "One")
    first = ear.wait("issues opened")
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 2)
    failed = forge.ada.hook_deliveries(SHOP, hook)[0]
    assert (failed["status"], failed["status_code"], failed["redelivery"]) == ("Invalid HTTP Response: 503", 503, False)
    assert len(ear.named("issues opened")) == 1
    ear.status = 200
    forge.ada.api("POST", SHOP, f"/hooks/{hook}/deliveries/{failed['id']}/attempts")
    again = ear.wait("issues opened", 2)
    assert (again.guid, again.body) == (first.guid, first.body) == (failed["guid"], again.body)
    ear.until(lambda: forge.ada.hook_deliveries(SHOP, hook)[0]["redelivery"] is True)
    found = forge.ada.api("GET", SHOP, f"/hooks/{hook}/deliveries/{failed['id']}")
    assert found["request"]["payload"] == first.payload
    assert found["request"]["headers"]["X-GitHub-Delivery"] == first.guid


def test_nobody_listening_is_a_failed_delivery(forge, shop):
    closed = Ear().listen()
    hook = forge.ada.add_hook(SHOP, closed.url, secret=SECRET)["id"]
    closed.close()
    forge.ada.create_issue(SHOP, "One")
    closed.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 2)
    newest = forge.ada.hook_deliveries(SHOP, hook)[0]
    assert (newest["status"], newest["status_code"]) == ("failed to connect to host", 502)


def test_held_deliveries_go_in_the_order_in_which_they_are_let_go(forge, hook, ear):
    forge.ada.set_hooks(held=True)
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    one, two, three = (d["id"] for d in forge.ada.waiting_deliveries())
    forge.ada.release_deliveries(three, one)
    ear.wait("issues opened", 2)
    forge.ada.set_hooks()
    ear.wait("issues opened", 3)
    assert [h.payload["issue"]["title"] for h in ear.heard[1:]] == ["Three", "One", "Two"]
    assert [d["id"] for d in forge.ada.hook_deliveries(SHOP, hook)][:3] == [three, two, one]


def test_deliveries_come_twice_or_never_when_told_so(forge, hook, ear):
    forge.ada.set_hooks(duplicate=1)
    forge.ada.create_issue(SHOP, "Twice")
    ear.wait("issues opened", 2)
    forge.ada.set_hooks(drop=1)
    forge.ada.create_issue(SHOP, "Never")
    forge.ada.create_issue(SHOP, "Once")
    ear.wait("issues opened", 3)
    titles = [h.payload["issue"]["title"] for h in ear.heard[1:]]
    assert titles == ["Twice", "Twice", "Once"]
    assert ear.heard[1].guid == ear.heard[2].guid
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 4)
    assert [d["status"] for d in forge.ada.hook_deliveries(SHOP, hook)][:2] == ["OK", "failed to connect to host"]


def test_a_killed_forge_sends_at_its_next_start_what_it_had_not_sent(forge, hook, ear):
    forge.ada.set_hooks(held=True)
    forge.ada.create_issue(SHOP, "One")
    forge.ada.create_issue(SHOP, "Two")
    assert len(forge.ada.waiting_deliveries()) == 2
    forge.kill()
    forge.start()
    ear.wait("issues opened", 2)
    assert [h.payload["issue"]["title"] for h in ear.heard[1:]] == ["One", "Two"]


def test_a_slow_receiver_delays_no_request_and_no_other_hook(forge, hook, ear):
    forge.ada.set_hooks(delay=0.2)
    other = Ear().listen()
    forge.ada.add_hook(SHOP, other.url, secret=SECRET, events=["issues"])
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    assert len(ear.named("issues opened")) < 3
    other.wait("issues opened", 3)
    ear.wait("issues opened", 3)
    assert [h.payload["issue"]["title"] for h in ear.named("issues opened")] == ["One", "Two", "Three"]
    other.close()


def test_a_hook_is_for_admins_for_loopback_and_once(forge, shop, ear):
    forge.ada.add_hook(SHOP, ear.url, secret=SECRET)
    for client, url, status in ((forge.oneshot, ear.url, 403), (forge.ada, "http://example.org/x", 422)):
        with pytest.raises(ForgeError) as refused:
            client.add_hook(SHOP, url, secret=SECRET)
        assert refused.value.status == status
    with pytest.raises(ForgeError, match="Hook already exists on this repository"):
        forge.ada.add_hook(SHOP, ear.url, secret=SECRET)


def test_a_secret_is_never_shown_and_a_hook_that_is_gone_tells_nothing(forge, hook, ear):
    shown = forge.ada.api("GET", SHOP, f"/hooks/{hook}")
    assert shown["config"]["secret"] == "********"
    forge.ada.api("POST", SHOP, f"/hooks/{hook}/pings")
    ear.wait("ping", 2)
    forge.ada.api("DELETE", SHOP, f"/hooks/{hook}")
    forge.ada.create_issue(SHOP, "One")
    assert forge.ada.api("GET", SHOP, "/hooks") == []
    assert [h.name for h in ear.heard] == ["ping", "ping"]


def test_deliveries_are_paged_by_a_cursor(forge, hook, ear):
    for title in ("One", "Two", "Three"):
        forge.ada.create_issue(SHOP, title)
    ear.until(lambda: len(forge.ada.hook_deliveries(SHOP, hook)) == 4)
    whole = [d["id"] for d in forge.ada.hook_deliveries(SHOP, hook)]
    seen, url = [], f"{forge.url}{API}/hooks/{hook}/deliveries?per_page=3"
    while url:
        page = httpx.get(url, headers={"authorization": f"Bearer {forge.ada.token}"}, timeout=20)
        seen.append([d["id"] for d in page.json()])
        url = page.links.get("next", {}).get("url")
    assert [len(page) for page in seen] == [3, 1]
    assert list(itertools.chain(*seen)) == whole


def app_that_listens(forge, ear, *events, **more):
    asked = {"hook_attributes": {"url": ear.url}, "default_events": list(events), **more}
    return installed(forge, {**WRITER, "merge_queues": "read"}, **asked)


def test_an_app_hears_its_repositories_with_its_installation_in_each_payload(forge, shop, ear):
    app = app_that_listens(forge, ear, "issues", "check_run")
    forge.ada.create_repository("acme/other")
    forge.ada.create_issue("acme/other", "Not yours")
    forge.ada.create_issue(SHOP, "Yours")
    heard = ear.wait("issues opened")
    assert heard.payload["issue"]["title"] == "Yours"
    assert heard.payload["installation"]["id"] == app.installation
    secret = app.made["webhook_secret"].encode()
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(secret, heard.body, "sha256").hex()
    app.bot().api("POST", SHOP, "/check-runs", {"name": "oneshot", "head_sha": shop.head()})
    assert ear.wait("check_run created").payload["sender"]["login"] == f"{app.slug}[bot]"
    assert ear.misfits() == {}


def test_an_app_hears_of_its_own_installation_whatever_it_asked_for(forge, shop, ear):
    app = app_that_listens(forge, ear)
    forge.ada.create_repository("acme/other")
    forge.ada.set_app_repositories(app.installation, ["acme/other"])
    forge.ada.suspend(app.installation)
    forge.ada.suspend(app.installation, lifted=True)
    forge.ada.set_app_permissions(app.slug, {"issues": "write"})
    app.itself().ask("DELETE", f"/api/v3/app/installations/{app.installation}")
    ear.wait("installation deleted")
    assert [h.name for h in ear.heard] == [
        "installation created",
        "installation_repositories added",
        "installation_repositories removed",
        "installation suspend",
        "installation unsuspend",
        "installation new_permissions_accepted",
        "installation deleted",
    ]
    assert [r["full_name"] for r in ear.heard[1].payload["repositories_added"]] == ["acme/other"]
    assert ear.misfits() == {}


def test_an_app_finds_what_failed_and_has_it_delivered_again(forge, shop, ear):
    app = app_that_listens(forge, ear, "issues")
    ear.wait("installation created")
    ear.status = 500
    forge.ada.create_issue(SHOP, "Lost")
    first = ear.wait("issues opened")
    itself, own = app.itself(), "/api/v3/app/hook/deliveries"
    ear.until(lambda: [d for d in itself.ask("GET", own) if d["status"] != "OK"])
    failed = next(d for d in itself.ask("GET", own) if d["status"] != "OK")
    assert (failed["guid"], failed["installation_id"]) == (first.guid, app.installation)
    ear.status = 202
    itself.ask("POST", f"{own}/{failed['id']}/attempts")
    assert ear.wait("issues opened", 2).guid == first.guid
    assert itself.ask("GET", f"{own}/{failed['id']}")["response"]["payload"] == "ok"


def test_a_merge_group_is_told_and_a_pull_request_that_waits_in_its_queue(forge, shop, hook, ear):
    queue = {"merge_method": "SQUASH", "grouping_strategy": "ALLGREEN", "check_response_timeout_minutes": 5}
    sizes = {"max_entries_to_build": 1, "max_entries_to_merge": 1, "min_entries_to_merge": 1}
    rule = {"type": "merge_queue", "parameters": {**queue, **sizes, "min_entries_to_merge_wait_minutes": 0}}
    forge.ada.add_ruleset(SHOP, rule)
    number = opened_pull(forge, shop)
    head = forge.ada.pull(SHOP, number)["head"]["sha"]
    forge.wait_checks(head)
    forge.ada.api("PUT", SHOP, f"/pulls/{number}/merge-async", {"sha": head})
    ear.wait("pull_request closed")
    ear.wait("merge_group destroyed")
    told = [h.name for h in ear.heard if h.event == "merge_group" or h.name.endswith("queued")]
    assert told[0] == "pull_request enqueued"
    assert {"merge_group checks_requested", "pull_request dequeued"} <= set(told)
    assert ear.named("merge_group destroyed")[0].payload["reason"] == "merged"
    assert ear.misfits() == {}


def test_a_form_carries_the_same_payload(forge, shop, ear):
    config = {"url": ear.url, "content_type": "form", "secret": SECRET}
    forge.ada.api("POST", SHOP, "/hooks", {"config": config, "events": ["issues"]})
    ear.until(lambda: bool(ear.heard))
    heard = ear.heard[0]
    assert heard.headers["content-type"] == "application/x-www-form-urlencoded"
    assert httpx.QueryParams(heard.body.decode())["payload"].startswith('{"zen":')
    assert heard.headers["x-hub-signature-256"] == "sha256=" + hmac.digest(SECRET.encode(), heard.body, "sha256").hex()


def test_many_writers_at_once_are_told_in_the_order_of_their_numbers(forge, hook, ear):
    writers = [threading.Thread(target=forge.ada.create_issue, args=(SHOP, f"No {i}")) for i in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    ear.wait("issues opened", 8)
    assert [h.payload["issue"]["number"] for h in ear.named("issues opened")] == list(range(1, 9))


def test_a_forced_push_is_told_as_one(forge, shop, hook, ear):
    before = shop.push_branch("work", {"a": "a\n"})
    git("commit", "-q", "--amend", "-m", "other words", cwd=shop.folder)
    shop.push("+work")
    pushed = ear.wait("push", 2).payload
    assert (pushed["before"], pushed["forced"]) == (before, True)
    assert [c["message"] for c in pushed["commits"]] == ["other words"]
    assert ear.misfits() == {}
    assert forge.ada.violations() == []
