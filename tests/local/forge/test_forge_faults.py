"""Faults on demand, limits, conditional requests and the headers that GitHub sends with every answer."""

import concurrent.futures
import time

import httpx
import pytest
from forge_world import PEOPLE, SHOP, git

REPOSITORY = f"/api/v3/repos/{SHOP}"
VIEWER = {"query": "query { viewer { login } }"}


@pytest.fixture
def issue(forge, shop):
    return forge.ada.create_issue(SHOP, "A wish")["number"]


@pytest.fixture
def api(forge):
    """What the engine sees: status, headers, bodies and cut connections, none of them interpreted."""
    headers = {"authorization": f"Bearer {PEOPLE['oneshot']['token']}"}
    with httpx.Client(base_url=forge.url, headers=headers, timeout=10, trust_env=False) as client:
        yield client
    assert forge.ada.violations() == []


def comment(api, issue, body="hello"):
    return api.post(f"{REPOSITORY}/issues/{issue}/comments", json={"body": body})


def comments(forge, issue):
    return [c["body"] for c in forge.ada.comments(SHOP, issue)]


@pytest.mark.parametrize(("kind", "happens"), [("502_before", False), ("502_after", True)])
def test_a_502_comes_before_or_after_the_effect(forge, api, issue, kind, happens):
    forge.ada.arm(kind, method="POST", path="/comments$")
    assert comment(api, issue).status_code == 502
    assert comments(forge, issue) == (["hello"] if happens else [])
    assert comment(api, issue, "again").status_code == 201


def test_a_cut_answer_breaks_off_after_the_effect(forge, api, issue):
    forge.ada.arm("cut_after", method="POST", path="/comments$")
    with pytest.raises(httpx.RemoteProtocolError):
        comment(api, issue)
    assert comments(forge, issue) == ["hello"]


def test_an_empty_answer_is_cut_as_well(forge, api, issue):
    forge.ada.label(SHOP, issue, "wish")
    forge.ada.arm("cut_after", method="DELETE")
    with pytest.raises(httpx.RemoteProtocolError):
        api.delete(f"{REPOSITORY}/issues/{issue}/labels/wish")


def test_a_hanging_request_holds_up_neither_others_nor_the_end(forge, api, issue):
    forge.ada.arm("hang", method="GET", path="/issues/")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        hanging = pool.submit(api.get, f"{REPOSITORY}/issues/{issue}", timeout=30)
        while not forge.ada.faults()[0]["hit"]:
            time.sleep(0.01)
        assert api.get(REPOSITORY).status_code == 200
        assert not hanging.done()
        forge.end()
        assert concurrent.futures.wait([hanging], timeout=10).done == {hanging}
    forge.start()


def test_who_gives_up_waiting_is_logged_as_unanswered(forge, api, issue):
    forge.ada.clear_requests()
    forge.ada.arm("hang", path="/issues/")
    with pytest.raises(httpx.ReadTimeout):
        api.get(f"{REPOSITORY}/issues/{issue}", timeout=0.2)
    while not (rows := [r for r in forge.ada.requests() if r["fault"]]):
        time.sleep(0.01)
    assert [(r["fault"], r["status"], r["id"]) for r in rows] == [("hang", 499, forge.ada.faults()[0]["hit"][0])]


@pytest.mark.parametrize(("kind", "status"), [("403_limit", 403), ("429", 429)])
@pytest.mark.parametrize("seconds", [None, 7])
def test_a_secondary_limit_speaks_as_github_does(forge, api, issue, kind, status, seconds):
    forge.ada.arm(kind, retry_after=seconds)
    answer = api.get(REPOSITORY)
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == (None if seconds is None else "7")
    assert answer.json()["message"].startswith("You have exceeded a secondary rate limit.")
    assert answer.headers["x-ratelimit-remaining"] != "0"


def test_a_stale_read_shows_the_state_before_the_last_change(forge, api, issue):
    path = f"{REPOSITORY}/issues/{issue}/comments"
    assert api.get(path).json() == []
    comment(api, issue)
    forge.ada.arm("stale", method="GET", path="/comments$")
    assert api.get(path).json() == []
    assert [c["body"] for c in api.get(path).json()] == ["hello"]


def test_a_stale_read_of_graphql_too(forge, api, shop):
    shop.push_branch("topic", {"a": "1\n"})
    number = forge.ada.create_pull(SHOP, head="topic", base="main", title="t")["number"]
    query = f'{{ repository(owner: "acme", name: "shop") {{ pullRequest(number: {number}) {{ title }} }} }}'

    def title():
        return api.post("/api/graphql", json={"query": query}).json()["data"]["repository"]["pullRequest"]["title"]

    assert title() == "t"
    forge.ada.api("PATCH", SHOP, f"/pulls/{number}", {"title": "changed"})
    assert title() == "changed"
    forge.ada.arm("stale", graphql="pullRequest")
    assert [title(), title()] == ["t", "changed"]


@pytest.mark.parametrize("sha", ["", "ab" * 20])
def test_a_wrong_sha_is_named_once_in_place_of_each_while_the_effect_happens(forge, api, shop, sha):
    true = shop.push_branch("topic", {"a": "1\n"})
    forge.ada.arm("wrong_sha", path="/pulls", sha=sha)
    made = api.post(f"{REPOSITORY}/pulls", json={"head": "topic", "base": "main", "title": "t"}).json()
    assert made["head"]["sha"] == (sha or true[::-1])
    path = f"{REPOSITORY}/pulls/{made['number']}"
    truly = api.get(path)
    assert truly.json()["head"]["sha"] == true
    forge.ada.arm("wrong_sha", path="/pulls", sha=sha)
    again = api.get(path, headers={"if-none-match": truly.headers["etag"]})
    assert (again.status_code, again.json()["head"]["sha"]) == (200, sha or true[::-1])


@pytest.mark.parametrize(("kind", "word"), [("403", "FORBIDDEN"), ("404", "NOT_FOUND")])
def test_a_refusal_is_a_status_in_rest_and_an_error_in_graphql(forge, api, shop, kind, word):
    forge.ada.arm(kind, login="oneshot", times=0)
    assert api.get(REPOSITORY).status_code == int(kind)
    answer = api.post("/api/graphql", json=VIEWER)
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (200, word)


def test_a_fault_hits_the_nth_request_of_a_login_and_so_many_times(forge, api, shop):
    forge.ada.arm("502_before", login="oneshot", nth=3, times=2)
    forge.ada.ask("GET", REPOSITORY)
    assert [api.get(REPOSITORY).status_code for _ in range(6)] == [200, 200, 502, 502, 200, 200]
    armed = forge.ada.faults()[0]
    assert (armed["seen"], len(armed["hit"])) == (6, 2)


def test_a_lasting_fault_ends_when_it_is_cleared(forge, api, shop):
    forge.ada.arm("502_before", path="/repos/", times=0, login="oneshot")
    assert [api.get(REPOSITORY).status_code for _ in range(5)] == [502] * 5
    forge.ada.clear_faults()
    assert api.get(REPOSITORY).status_code == 200


def test_a_fault_that_makes_no_sense_is_refused(forge):
    for wrong in ({"kind": "500"}, {"kind": "hang", "path": "("}, {"kind": "hang", "nth": 0}):
        answer = httpx.post(
            f"{forge.url}/_forge/faults", json=wrong, headers={"authorization": f"Bearer {PEOPLE['ada']['token']}"}
        )
        assert answer.status_code == 422
    assert forge.ada.faults() == []


def test_only_an_admin_arms_faults_and_sets_limits(forge, api):
    assert api.post("/_forge/faults", json={"kind": "hang"}).status_code == 403
    assert api.get("/_forge/faults").status_code == 403
    assert api.put("/_forge/limits/ada", json={"remaining": 0}).status_code == 403


@pytest.mark.parametrize(("kind", "arrives"), [("502_before", False), ("cut_after", True), ("502_after", True)])
def test_a_push_can_be_refused_before_or_lost_after_it_was_received(forge, shop, kind, arrives):
    shop.branch("topic")
    sha = shop.commit({"a": "1\n"})
    forge.ada.arm(kind, path="git-receive-pack$", method="POST")
    assert shop.push("topic", check=False).returncode != 0
    listed = git("ls-remote", forge.remote("ada"), "topic", cwd=shop.folder).stdout
    assert listed.startswith(sha) is arrives
    assert shop.push("topic").returncode == 0


def test_requests_are_counted_by_login_and_resource(forge, api, shop):
    first, second = api.get(REPOSITORY), api.get(REPOSITORY)
    assert second.headers["x-ratelimit-limit"] == "5000"
    assert second.headers["x-ratelimit-resource"] == "core"
    used = [int(a.headers["x-ratelimit-used"]) for a in (first, second)]
    assert used[1] == used[0] + 1
    assert int(second.headers["x-ratelimit-remaining"]) == 5000 - used[1]
    assert 3500 < int(second.headers["x-ratelimit-reset"]) - time.time() <= 3601
    graphql = api.post("/api/graphql", json=VIEWER)
    assert (graphql.headers["x-ratelimit-resource"], graphql.headers["x-ratelimit-used"]) == ("graphql", "1")


def test_asking_for_the_limit_costs_nothing(forge, api, shop):
    used = int(api.get(REPOSITORY).headers["x-ratelimit-used"])
    api.get("/api/v3/rate_limit")
    core = api.get("/api/v3/rate_limit").json()["resources"]["core"]
    assert (core["used"], core["remaining"], core["limit"]) == (used, 5000 - used, 5000)


def test_a_spent_limit_refuses_until_its_reset(forge, api, shop):
    forge.ada.set_limit("oneshot", remaining=1, reset_in=600)
    assert api.get(REPOSITORY).status_code == 200
    refused = api.get(REPOSITORY)
    assert (refused.status_code, refused.headers["x-ratelimit-remaining"]) == (403, "0")
    assert refused.json()["message"].startswith("API rate limit exceeded for user ID")
    assert api.get("/api/v3/rate_limit").status_code == 200
    assert forge.ada.ask("GET", REPOSITORY)["name"] == "shop"
    reset = int(time.time()) + 2
    forge.ada.set_limit("oneshot", remaining=0, reset_in=2)
    while (answer := api.get(REPOSITORY)).status_code == 403:
        time.sleep(0.05)
    assert answer.status_code == 200
    assert time.time() >= reset


def test_graphql_tells_its_spent_limit_with_a_200(forge, api, shop):
    forge.ada.set_limit("oneshot", remaining=0, resource="graphql")
    answer = api.post("/api/graphql", json=VIEWER)
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (200, "RATE_LIMITED")
    assert api.get(REPOSITORY).status_code == 200


def test_a_limit_that_is_not_enforced_is_only_told(forge, api, shop):
    forge.ada.set_limit("oneshot", remaining=0, enforced=False)
    answer = api.get(REPOSITORY)
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (200, "0")


def test_a_secondary_limit_holds_for_its_time_and_for_its_login(forge, api, shop):
    forge.ada.set_secondary_limit("oneshot", seconds=60, status=429, retry_after=60)
    answer = api.get(REPOSITORY)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert forge.ada.ask("GET", REPOSITORY)["name"] == "shop"
    forge.ada.clear_limits("oneshot")
    assert api.get(REPOSITORY).status_code == 200


def test_an_unchanged_answer_is_a_304_that_costs_nothing(forge, api, issue):
    path = f"{REPOSITORY}/issues/{issue}/comments"
    first = api.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('W/"')
    for named in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
        again = api.get(path, headers={"if-none-match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["x-ratelimit-used"] == first.headers["x-ratelimit-used"]
    comment(api, issue)
    changed = api.get(path, headers={"if-none-match": tag})
    assert (changed.status_code, len(changed.json())) == (200, 1)
    assert changed.headers["etag"] != tag


def test_writes_and_refusals_have_no_etag(forge, api, issue):
    assert "etag" not in comment(api, issue).headers
    assert "etag" not in api.get(f"{REPOSITORY}/issues/99").headers


def test_every_answer_names_its_request_and_the_log_knows_it(forge, api, shop):
    forge.ada.clear_requests()
    seen = [api.get(REPOSITORY).headers["x-github-request-id"] for _ in range(2)]
    assert [r["id"] for r in forge.ada.requests() if r["login"] == "oneshot"] == seen
    assert seen[0] != seen[1]


def test_the_version_is_told_and_a_wrong_one_refused(forge, api, shop):
    def ask(version):
        headers = {"x-github-api-version": version} if version else {}
        answer = api.get(REPOSITORY, headers=headers)
        return answer.status_code, answer.headers.get("x-github-api-version-selected")

    assert ask(None) == (200, "2022-11-28")
    assert ask("2026-03-10") == (200, "2026-03-10")
    assert ask("v3") == (400, None)
    message = api.get(REPOSITORY, headers={"x-github-api-version": "v3"}).json()["message"]
    assert '"v3", is not a supported version' in message


def test_a_bad_token_is_told_before_a_wrong_version(forge, shop):
    headers = {"authorization": "Bearer wrong", "x-github-api-version": "v3"}
    answer = httpx.get(forge.url + REPOSITORY, headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    assert "x-github-api-version-selected" not in answer.headers


def test_the_media_type_is_told(forge, api, shop):
    assert api.get(REPOSITORY).headers["x-github-media-type"] == "github.v3; format=json"
    assert api.post("/api/graphql", json=VIEWER).headers["x-github-media-type"] == "github.v4; format=json"
