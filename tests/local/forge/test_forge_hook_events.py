"""What the forge's webhooks tell of, in payloads as GitHub describes them."""

import httpx
from forge_world import GREEN, SHOP, git
from hook_ear import app_that_listens

from oneshot_dagster.domain.webhook import read_event


def opened_pull(forge, shop, branch="work", files=None, **more):
    shop.push_branch(branch, files or {f"{branch}.txt": "work\n"})
    return forge.ada.create_pull(SHOP, head=branch, base="main", title=f"Work on {branch}", **more)["number"]


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
    forge.ada.api("POST", SHOP, f"/pulls/{number}/requested_reviewers", {"reviewers": ["grace"]})
    forge.ada.label(SHOP, number, "big")
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


def test_a_forced_push_is_told_as_one(forge, shop, hook, ear):
    before = shop.push_branch("work", {"a": "a\n"})
    git("commit", "-q", "--amend", "-m", "other words", cwd=shop.folder)
    shop.push("+work")
    pushed = ear.wait("push", 2).payload
    assert (pushed["before"], pushed["forced"]) == (before, True)
    assert [c["message"] for c in pushed["commits"]] == ["other words"]
    assert ear.misfits() == {}
    assert forge.ada.violations() == []


def test_what_a_button_of_the_page_does_is_told_of_the_person_who_pressed_it(forge, hook, ear):
    number = forge.oneshot.create_issue(SHOP, "One")["number"]
    page, origin = f"{forge.url}/{SHOP}/issues/{number}/label", {"origin": forge.url}
    assert httpx.post(page, data={"labels": "oneshot"}, headers=origin, timeout=20).status_code == 303
    assert ear.wait("issues labeled").payload["sender"]["login"] == "ada"


def test_pushes_that_a_killed_forge_did_not_hear_of_are_told_at_its_next_start(forge, shop, hook, ear):
    sha = shop.commit({"late.txt": "late\n"}, "late")
    forge.kill()
    git("push", "-q", str(forge.bare()), "main", cwd=shop.folder)
    forge.start()
    assert ear.wait("push").payload["after"] == sha


def test_our_reading_of_a_delivery_finds_its_number_its_commit_and_its_sender(forge, shop, hook, ear):
    number = opened_pull(forge, shop)
    heard = ear.wait("pull_request opened")
    read = read_event(delivery_id=heard.guid, event_type=heard.event, body=heard.body)
    assert (read.repository, read.pr_number, read.issue_number) == (SHOP, number, None)
    assert (read.commit_sha, read.sender_login, read.action) == (shop.head(), "ada", "opened")


def test_a_new_branch_tells_only_the_commits_that_no_other_branch_has(forge, shop, hook, ear):
    shop.push("main:same")
    sha = shop.push_branch("work", {"a": "a\n"})
    same, work = ear.wait("push").payload, ear.wait("push", 2).payload
    assert (same["created"], same["commits"], same["head_commit"]["message"]) == (True, [], "first")
    assert [c["id"] for c in work["commits"]] == [sha]
    assert work["commits"][0]["added"] == ["a"]
    assert ear.misfits() == {}
