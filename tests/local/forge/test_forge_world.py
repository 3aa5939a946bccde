"""What the forge remembers, logs and refuses to tell, and what its pages do."""

import re
import sqlite3
import subprocess

import httpx
import pytest
from forge_world import SHOP

from oneshot_dagster.local.forge.client import ForgeError

FILES_QUERY = """
{ repository(owner: "acme", name: "shop") { pullRequest(number: 1) { files(first: 1) { nodes { path } } } } }"""


def test_everything_answered_is_there_after_kill_9(forge, shop):
    issue = forge.ada.create_issue(SHOP, "Prices", "please")["number"]
    forge.ada.label(SHOP, issue, "oneshot")
    forge.oneshot.comment(SHOP, issue, "on it")
    head = shop.push_branch("feature", {"x": "1\n"})
    pull = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    forge.wait_checks(head)
    forge.ada.set_protection(SHOP, "main", contexts=["ci"])
    before = [forge.ada.issue(SHOP, issue), forge.ada.pull(SHOP, pull), forge.ada.comments(SHOP, issue)]
    forge.kill()
    forge.start()
    assert [forge.ada.issue(SHOP, issue), forge.ada.pull(SHOP, pull), forge.ada.comments(SHOP, issue)] == before
    assert forge.ada.merge_as_person(SHOP, pull, sha=head)
    assert forge.ada.create_issue(SHOP, "next")["number"] == 3


def test_a_merge_that_reached_git_before_the_kill_is_known_after_it(forge, shop):
    head = shop.push_branch("feature", {"x": "1\n"})
    pull = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    forge.wait_checks(head)
    # the state between git's move and its record: the intent is written, the base has moved, the answer is not out
    tip = shop.head()
    forge.kill()
    rows = "update records set body = json_set(body, '$.landing', ?, '$.merged_by', 'ada') where kind = 'Pull'"
    with sqlite3.connect(forge.home / "world.sqlite") as db:
        db.execute(rows, (tip,))
    shop.remote = str(forge.bare())
    shop.push("HEAD:main")
    forge.start()
    merged = forge.ada.pull(SHOP, pull)
    assert (merged["merged"], merged["merged_by"]["login"], merged["state"]) == (True, "ada", "closed")


def test_the_request_log_names_method_path_login_status_and_query(forge, shop):
    forge.ada.clear_requests()
    with pytest.raises(ForgeError):
        forge.as_("eve").label(SHOP, 1, "x")
    forge.oneshot.graphql("{ viewer { login } }")
    forge.oneshot.pulls(SHOP, state="all")
    shop.push("main")
    logged = {(r["method"], r["path"]): r for r in forge.ada.requests()}
    refused = logged["POST", f"/api/v3/repos/{SHOP}/issues/1/labels"]
    assert (refused["login"], refused["status"]) == ("eve", 403)
    assert logged["POST", "/api/graphql"]["graphql"] == "{ viewer { login } }"
    assert logged["GET", f"/api/v3/repos/{SHOP}/pulls"]["query"] == "state=all&per_page=100"
    assert logged["GET", f"/{SHOP}.git/info/refs"]["login"] == "ada"


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/api/v3/repos/acme/shop/pulls/1/files", "application/json"),
        ("/api/v3/repos/acme/shop/compare/main...feature", "application/json"),
        ("/api/v3/repos/acme/shop/commits/main", "application/json"),
        ("/api/v3/repos/acme/shop/pulls/1", "application/vnd.github.diff"),
        ("/api/v3/repos/acme/shop/pulls/1", "application/vnd.github.v3.patch"),
        ("/acme/shop/pull/1.diff", "*/*"),
    ],
)
def test_asking_for_files_or_patches_is_a_violation(forge, shop, path, accept):
    headers = {"authorization": "Bearer token-of-oneshot", "accept": accept}
    answer = httpx.get(forge.url + path, headers=headers)
    assert answer.status_code == 418
    assert "come from git" in answer.json()["message"]
    (violation,) = forge.ada.violations()
    assert (violation["target"], violation["login"]) == (path, "oneshot")


def test_asking_graphql_for_files_is_a_violation(forge, shop):
    with pytest.raises(ForgeError) as refused:
        forge.oneshot.graphql(FILES_QUERY)
    assert refused.value.status == 418
    forge.kill()
    forge.start()
    assert [v["reason"] for v in forge.ada.violations()] == ["files through GraphQL"]


def test_ordinary_work_violates_nothing(forge, shop):
    head = shop.push_branch("feature", {"x": "1\n"})
    pull = forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")["number"]
    forge.wait_checks(head)
    forge.ada.merge_as_person(SHOP, pull)
    assert forge.ada.violations() == []


def test_what_is_not_imitated_says_so(forge, shop):
    with pytest.raises(ForgeError, match="does not imitate GET /api/v3/repos/acme/shop/releases") as refused:
        forge.ada.api("GET", SHOP, "/releases")
    assert refused.value.status == 404


def test_a_person_opens_labels_and_merges_on_the_pages(forge, shop):
    page = httpx.Client(base_url=forge.url, headers={"origin": forge.url}, follow_redirects=True)
    made = page.post(f"/{SHOP}/issues", data={"title": "Cheaper <b>now</b>", "body": "by 10 %"})
    assert made.url.path == f"/{SHOP}/issues/1"
    assert "Cheaper &lt;b&gt;now&lt;/b&gt;" in made.text
    page.post(f"/{SHOP}/issues/1/label")
    events = forge.ada.api("GET", SHOP, "/issues/1/timeline")
    assert [(e["event"], e["actor"]["login"], e["label"]["name"]) for e in events] == [("labeled", "ada", "oneshot")]
    head = shop.push_branch("feature", {"x": "1\n"})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="The feature")
    forge.wait_checks(head)
    shown = page.get(f"/{SHOP}/pull/2").text
    assert "ci: success" in shown
    (sha,) = re.findall(r'name="sha" value="(\w+)"', shown)
    assert "Merged as" in page.post(f"/{SHOP}/pull/2/merge", data={"sha": sha}).text
    assert forge.ada.pull(SHOP, 2)["merged_by"]["login"] == "ada"
    assert "The feature" in page.get("/").text
    page.close()


def test_a_merge_of_a_head_that_nobody_saw_is_refused_on_the_page(forge, shop):
    seen = shop.push_branch("feature", {"x": "1\n"})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    shop.push_branch("feature", {"x": "2\n"}, start="feature")
    answer = httpx.post(f"{forge.url}/{SHOP}/pull/1/merge", data={"sha": seen}, headers={"origin": forge.url})
    assert answer.status_code == 409
    assert "Head branch was modified" in answer.text


def test_a_form_without_an_origin_or_from_elsewhere_does_nothing(forge, shop):
    for headers in ({}, {"origin": "http://evil.example"}):
        answer = httpx.post(f"{forge.url}/{SHOP}/issues", data={"title": "x"}, headers=headers)
        assert answer.status_code == 403
    assert forge.ada.issues(SHOP) == []


def test_the_log_of_a_check_has_a_page(forge, shop):
    head = shop.push_branch("feature", {"x": "1\n"})
    forge.oneshot.create_pull(SHOP, head="feature", base="main", title="x")
    check = forge.wait_checks(head)["ci"]
    assert head in httpx.get(check["html_url"]).text


def test_a_client_that_goes_away_leaves_no_git_behind(forge, shop):
    shop.branch("large")
    (shop.folder / "noise").write_bytes(open("/dev/urandom", "rb").read(20 * 2**20))  # noqa: PTH123, SIM115
    shop.commit({})
    push = subprocess.Popen(["git", "push", "-q", shop.remote, "large"], cwd=shop.folder, stderr=subprocess.DEVNULL)
    push.kill()
    push.wait()
    forge.end()
    left = subprocess.run(["pgrep", "-f", str(forge.bare())], capture_output=True, text=True, check=False)
    assert left.stdout == ""
