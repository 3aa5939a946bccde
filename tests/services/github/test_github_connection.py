"""How requests are sent: conditional reads, the pace of writes, API versions, and what is never sent."""

import httpx
import pytest
from scripted_github import Scripted, serving

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.github import etags
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.github.pace import Pace

SHOP = "/api/v3/repos/acme/shop"
COMMENTS = f"{SHOP}/issues/2/comments"
MAIN, TRUNK = {"default_branch": "main"}, {"default_branch": "trunk"}
TOO_OLD = (
    'Bad Request: The version you specified in the "X-GitHub-API-Version" request header, "2026-03-10", is not a '
    'supported version. The following versions are currently supported: "2022-11-28" (most recent).'
)


def comment(number):
    at = "2026-01-01T00:00:00Z"
    made = {"created_at": at, "updated_at": at, "html_url": "http://x", "issue_url": "http://x/issues/2"}
    return {"id": number, "user": {"login": "ann"}, "body": f"number {number}", **made}


def test_a_read_is_repeated_as_a_question_whether_it_still_holds(github, script):
    script.on("GET", SHOP, Scripted(200, MAIN, {"ETag": '"one"'}), Scripted(304, b"", {"ETag": '"one"'}))
    assert [github.default_branch("acme/shop") for _ in range(3)] == ["main"] * 3
    assert [r.headers.get("if-none-match") for r in script.received] == [None, '"one"', '"one"']


def test_what_changed_is_read_anew_and_remembered_instead(github, script):
    answers = (Scripted(200, MAIN, {"ETag": '"one"'}), Scripted(200, TRUNK, {"ETag": 'W/"two"'}), Scripted(304, b""))
    script.on("GET", SHOP, *answers)
    assert [github.default_branch("acme/shop") for _ in range(3)] == ["main", "trunk", "trunk"]
    assert script.received[-1].headers["if-none-match"] == 'W/"two"'


def test_nothing_remembered_is_given_without_githubs_word(github, script):
    script.on("GET", SHOP, Scripted(200, MAIN, {"ETag": '"one"'}), Scripted(503, None))
    assert github.default_branch("acme/shop") == "main"
    with pytest.raises(TryAgain):
        github.default_branch("acme/shop")


def test_each_page_is_remembered_with_where_it_goes_on(github, script):
    first = Scripted(200, [comment(1)], {"ETag": '"one"', "Link": '<x>; rel="next"'})
    same = Scripted(304, b"", {"ETag": '"one"'})
    script.on("GET", COMMENTS, first, Scripted(200, [comment(2)], {"ETag": '"two"'}), same)
    for _ in range(2):
        assert [c.comment_id for c in github.comments("acme/shop", 2)] == [1, 2]
    assert [r.headers.get("if-none-match") for r in script.received] == [None, None, '"one"', '"two"']


def test_one_token_is_not_shown_what_another_saw(script):
    tokens = iter(["first", "second"])
    script.on("GET", SHOP, Scripted(200, MAIN, {"ETag": '"one"'}), Scripted(404, {"message": "Not Found"}))
    with serving(script) as url:
        github = GitHubClient(api_url=f"{url}/api/v3", graphql_url=f"{url}/api/graphql", token=lambda: next(tokens))
        assert [github.default_branch("acme/shop") for _ in range(2)] == ["main", None]
        github.close()
    assert "if-none-match" not in script.received[1].headers


def test_what_is_remembered_is_bounded(github, script):
    large = Scripted(200, {**MAIN, "more": "x" * etags.LARGEST}, {"ETag": '"large"'})
    script.on("GET", SHOP, large)
    for _ in range(2):
        github.default_branch("acme/shop")
    assert "if-none-match" not in script.received[1].headers
    for number in range(etags.MOST + 1):
        script.on("GET", f"/api/v3/repos/acme/{number}", Scripted(200, MAIN, {"ETag": '"one"'}))
        github.default_branch(f"acme/{number}")
    assert len(github._connection._etags._known) == etags.MOST


def test_writes_are_apart_only_after_github_called_them_too_many():
    pace = Pace(between=60.0)
    post, get = (httpx.Request(method, "http://127.0.0.1/api/v3/x") for method in ("POST", "GET"))
    query, mutation = (
        httpx.Request("POST", "http://127.0.0.1/api/graphql", json={"query": q})
        for q in ("query { a }", "mutation { a }")
    )
    assert [pace.wait(request) for request in (post, post, mutation)] == [0.0, 0.0, 0.0]
    pace.slow_down()
    assert [pace.wait(request) for request in (get, query, post, get)] == [0.0] * 4
    assert 0 < pace.wait(mutation) <= 60 < pace.wait(post) <= 120


@pytest.mark.parametrize(
    ("headers", "slower"),
    [({"retry-after": "9"}, True), ({"x-ratelimit-remaining": "0"}, False)],
)
def test_a_secondary_limit_slows_our_writes_and_a_spent_hour_does_not(github, script, headers, slower):
    script.on("POST", COMMENTS, Scripted(403, {"message": "rate limit"}, headers))
    with pytest.raises(TryAgain):
        github.comment("acme/shop", 2, "hello")
    pace = github._connection._pace
    post = httpx.Request("POST", "http://127.0.0.1/x")
    pace.wait(post)
    assert (pace.wait(post) > 0) is slower


def test_an_older_server_is_asked_in_its_own_version_from_then_on(github, script):
    script.on("POST", COMMENTS, Scripted(400, {"message": TOO_OLD}), Scripted(201, comment(1)))
    script.on("GET", SHOP, Scripted(200, MAIN))
    assert github.comment("acme/shop", 2, "hello").comment_id == 1
    assert github.default_branch("acme/shop") == "main"
    versions = [r.headers["x-github-api-version"] for r in script.received]
    assert versions == ["2026-03-10", "2022-11-28", "2022-11-28"]


def test_a_server_that_knows_neither_version_needs_a_human(github, script):
    script.on("GET", SHOP, Scripted(400, {"message": TOO_OLD}))
    with pytest.raises(NeedsHuman, match="versions are currently supported"):
        github.default_branch("acme/shop")
    assert len(script.received) == 2


def test_another_bad_request_is_not_sent_again(github, script):
    script.on("GET", SHOP, Scripted(400, {"message": "Problems parsing JSON"}))
    with pytest.raises(NeedsHuman):
        github.default_branch("acme/shop")
    assert len(script.received) == 1


def test_what_is_for_us_alone_is_not_sent(github, script):
    with pytest.raises(NeedsHuman):
        github.resolve_thread("acme/shop", "PRRT_1")
    (sent,) = script.received
    assert not [name for name in sent.headers if "oneshot" in name]


def test_a_token_that_is_refused_is_not_tried_twice(github, script):
    script.on("GET", SHOP, Scripted(401, {"message": "Bad credentials"}))
    with pytest.raises(NeedsHuman):
        github.default_branch("acme/shop")
    assert len(script.received) == 1
