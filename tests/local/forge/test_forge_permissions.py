"""Which permission each endpoint asks of a token, and how its lack is told."""

import httpx
import pytest
from app_world import VERSION, WRITER, installed
from forge_world import SHOP

from oneshot_dagster.local.forge import binding, permissions
from oneshot_dagster.local.forge.client import ForgeClient, ForgeError

ENDPOINTS = [permissions.key(e.method, e.pattern) for module in binding.REST for e in module.ENDPOINTS]
NAMED = {*permissions.ACCEPTED, *permissions.PEOPLE_ONLY, *permissions.OPEN, *permissions.BY_JWT}


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_endpoint_says_what_it_accepts(endpoint):
    assert endpoint in NAMED


@pytest.mark.parametrize(
    ("held", "accepted", "enough"),
    [
        ({}, "metadata=read", True),
        ({}, "", True),
        ({}, "contents=read", False),
        ({"contents": "write"}, "contents=read", True),
        ({"contents": "read"}, "contents=write", False),
        ({"issues": "write"}, "issues=write; pull_requests=write", True),
        ({"contents": "write"}, "pull_requests=write,contents=write", False),
        ({"contents": "write", "pull_requests": "write"}, "pull_requests=write,contents=write", True),
    ],
)
def test_one_accepted_set_is_enough(held, accepted, enough):
    assert permissions.enough(held, accepted) is enough


@pytest.mark.parametrize(
    ("asked", "body", "lacking", "accepted"),
    [
        ("POST /pulls", {"title": "x", "head": "x", "base": "main"}, "pull_requests", "pull_requests=write"),
        ("PUT /pulls/1/merge", {"merge_method": "squash"}, "contents", "contents=write"),
        ("POST /check-runs", {"name": "x", "head_sha": "main"}, "checks", "checks=write"),
        ("POST /statuses/x", {"state": "success"}, "statuses", "statuses=write"),
        ("POST /deployments", {"ref": "main"}, "deployments", "deployments=write"),
        ("POST /issues", {"title": "x"}, "issues", "issues=write"),
        ("GET /branches/main/protection", None, "administration", "administration=read"),
        ("GET /commits/main/check-runs", None, "checks", "checks=read"),
    ],
)
def test_a_lacking_permission_is_403_and_names_what_would_do(forge, shop, asked, body, lacking, accepted):
    app = installed(forge, {name: level for name, level in WRITER.items() if name != lacking})
    headers = {"authorization": f"Bearer {app.made['token']}", **VERSION}
    method, path = asked.split()
    answer = httpx.request(method, f"{forge.url}/api/v3/repos/{SHOP}{path}", headers=headers, json=body)
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["x-accepted-github-permissions"] == accepted


def test_metadata_is_enough_to_see_a_repository_and_its_rules(forge, shop):
    bot = installed(forge, {}).bot()
    assert bot.ask("GET", f"/api/v3/repos/{SHOP}")["full_name"] == SHOP
    assert bot.api("GET", SHOP, "/rules/branches/main") == []


def test_administration_lets_an_app_read_and_write_protection(forge, shop):
    bot = installed(forge, {"administration": "write"}).bot()
    bot.set_protection(SHOP, "main", contexts=["ci"])
    assert bot.api("GET", SHOP, "/branches/main/protection")["required_status_checks"]["contexts"] == ["ci"]


def test_the_permission_for_pull_requests_comments_on_them_and_not_on_issues(forge, shop):
    wish = forge.ada.create_issue(SHOP, "A wish")["number"]
    shop.push_branch("feature", {"price.txt": "12\n"})
    pull = forge.ada.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]
    bot = installed(forge, {"pull_requests": "write"}).bot()
    assert bot.comment(SHOP, pull, "seen")["body"] == "seen"
    with pytest.raises(ForgeError, match="Resource not accessible by integration"):
        bot.comment(SHOP, wish, "seen")


def test_a_fine_grained_token_is_its_persons_and_no_more_than_it_says(forge, shop):
    forge.ada.put_user("grace", "github_pat_g", {SHOP: "write"}, token_permissions={"issues": "read"})
    forge.ada.put_user(
        "eve", "github_pat_e", {SHOP: "read"}, token_permissions={"issues": "write", "contents": "write"}
    )
    grace, eve = (ForgeClient(forge.url, f"github_pat_{letter}") for letter in "ge")
    assert grace.ask("GET", "/api/v3/user")["login"] == "grace"
    assert grace.issues(SHOP) == []
    for call in (lambda: grace.create_issue(SHOP, "No"), lambda: eve.label(SHOP, 1, "oneshot")):
        with pytest.raises(ForgeError, match="Resource not accessible by personal access token"):
            call()
    grace.close()
    eve.close()


def test_a_classic_token_tells_its_scopes(forge, shop):
    headers = {"authorization": "token token-of-oneshot", **VERSION}
    answer = httpx.get(f"{forge.url}/api/v3/repos/{SHOP}", headers=headers)
    assert "repo" in answer.headers["x-oauth-scopes"].split(", ")
    assert "x-accepted-github-permissions" not in answer.headers


ASK = """
query($n: Int!) {
  repository(owner: "acme", name: "shop") {
    pullRequest(number: $n) { number reviewThreads(first: 1) { nodes { id } } }
  }
}"""
RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"


def test_graphql_asks_for_the_same_permissions(forge, shop):
    shop.push_branch("feature", {"price.txt": "12\n"})
    number = forge.ada.create_pull(SHOP, head="feature", base="main", title="Prices")["number"]
    forge.ada.open_thread(SHOP, number, path="price.txt", line=1, body="why?")
    blind = installed(forge, {"issues": "read"}, name="Blind").bot().graphql(ASK, n=number)
    assert [e["type"] for e in blind["errors"]] == ["FORBIDDEN"]
    assert blind["errors"][0]["message"] == "Resource not accessible by integration"
    reader = installed(forge, {"pull_requests": "read"}, name="Reader").bot()
    pull = reader.graphql(ASK, n=number)["data"]["repository"]["pullRequest"]
    resolved = reader.graphql(RESOLVE, id=pull["reviewThreads"]["nodes"][0]["id"])
    assert [e["type"] for e in resolved["errors"]] == ["FORBIDDEN"]
    outside = installed(forge, WRITER, name="Outside", repositories=[]).bot().graphql(ASK, n=number)
    assert [e["type"] for e in outside["errors"]] == ["NOT_FOUND"]
