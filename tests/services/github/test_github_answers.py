"""What the client makes of each answer, sent by a scripted server over real HTTP."""

import time

import pytest
from scripted_github import Scripted

from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, TryAgain
from oneshot_dagster.services.github.client import GitHubClient

SHOP = "/api/v3/repos/acme/shop"
MERGE = f"{SHOP}/pulls/7/merge"
COMMENTS = f"{SHOP}/issues/2/comments"
SHA = "a" * 40
FOUND = Scripted(200, {"default_branch": "main"})
COMMENT = {
    "id": 5,
    "user": {"login": "ann"},
    "body": "hello",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "issue_url": "http://127.0.0.1/api/v3/repos/acme/shop/issues/2",
    "html_url": "http://127.0.0.1/acme/shop/issues/2#issuecomment-5",
}


def merge(github):
    return github.merge("acme/shop", 7, sha=SHA, method="squash", title="t", message="m")


def raised(call, *args, **kwargs) -> OneshotError:
    with pytest.raises(OneshotError) as caught:
        call(*args, **kwargs)
    return caught.value


def limited(headers, status=403, message="no"):
    return Scripted(status, {"message": message}, headers)


def test_absence_is_a_value(github):
    assert github.default_branch("acme/shop") is None
    assert github.issue("acme/shop", 2) is None
    assert github.pull("acme/shop", 7) is None
    assert github.permission("acme/shop", "nobody") == "none"


@pytest.mark.parametrize("status", [401, 403, 451])
def test_no_access_needs_a_human_and_quotes_github(github, script, status):
    script.on("GET", SHOP, Scripted(status, {"message": "Resource not accessible"}))
    error = raised(github.default_branch, "acme/shop")
    assert isinstance(error, NeedsHuman)
    assert error.reason == "no_access"
    assert "Resource not accessible" in str(error)


def test_a_write_to_what_is_hidden_needs_a_human(github):
    error = raised(github.comment, "acme/shop", 2, "hello")
    assert (type(error), error.reason) == (NeedsHuman, "no_access")


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (limited({"retry-after": "17"}), 17),
        (limited({"retry-after": "17"}, status=429), 17),
        (limited({}, status=429), 60),
        (limited({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), 60),
        (limited({}, message="You have exceeded a secondary rate limit. Please wait"), 60),
        (limited({"x-ratelimit-remaining": "0"}), 60),
    ],
)
def test_a_limit_is_another_try_after_what_github_says(github, script, answer, after):
    script.on("GET", SHOP, answer)
    error = raised(github.default_branch, "acme/shop")
    assert isinstance(error, TryAgain)
    assert error.after == after
    assert len(script.received) == 1


def test_a_spent_budget_waits_until_its_reset(github, script):
    reset = int(time.time()) + 300
    script.on("GET", SHOP, limited({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(reset)}))
    error = raised(github.default_branch, "acme/shop")
    assert isinstance(error, TryAgain)
    assert 200 < error.after <= 300


def test_a_403_with_budget_left_is_a_missing_permission(github, script):
    script.on("GET", SHOP, limited({"x-ratelimit-remaining": "4999"}))
    assert isinstance(raised(github.default_branch, "acme/shop"), NeedsHuman)


def test_github_names_the_permission_that_is_missing(github, script):
    headers = {"x-accepted-github-permissions": "contents=write,workflows=write; administration=write"}
    script.on("POST", COMMENTS, limited(headers, message="Resource not accessible by integration"))
    said = str(raised(github.comment, "acme/shop", 2, "hello"))
    assert "the permission contents: write and workflows: write or administration: write" in said


def test_no_permission_is_asked_for_where_none_would_help(github, script):
    script.on("POST", COMMENTS, limited({}, message="Repository was archived so is read-only."))
    said = str(raised(github.comment, "acme/shop", 2, "hello"))
    assert "archived" in said
    assert "permission" not in said


def test_what_is_gone_is_absent_like_what_never_was(github, script):
    script.on("GET", f"{SHOP}/issues/2", Scripted(410, {"message": "This issue was deleted"}))
    assert github.issue("acme/shop", 2) is None


@pytest.mark.parametrize("status", [408, 423, 500, 502, 503, 504])
def test_a_fault_of_the_moment_is_another_try(github, script, status):
    script.on("POST", COMMENTS, Scripted(status, {"message": "no"}))
    assert isinstance(raised(github.comment, "acme/shop", 2, "hello"), TryAgain)


def test_a_server_that_says_when_it_is_back_is_not_asked_before(github, script):
    script.on("GET", SHOP, Scripted(503, None, {"retry-after": "30"}))
    assert raised(github.default_branch, "acme/shop").after == 30
    assert len(script.received) == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_limit_is_met_once_by_each_read_and_write(github, script, status):
    script.on("GET", SHOP, limited({"retry-after": "9"}, status=status))
    script.on("POST", "/api/graphql", limited({"retry-after": "9"}, status=status))
    script.on("PUT", MERGE, limited({"retry-after": "9"}, status=status))
    for call in (lambda: github.default_branch("acme/shop"), lambda: github.login, lambda: merge(github)):
        assert raised(call).after == 9
    assert len(script.received) == 3


def test_a_read_is_sent_again_after_a_5xx_or_a_cut(github, script):
    script.on("GET", SHOP, Scripted(502, b"<html>bad gateway</html>"), Scripted(cut=True), FOUND)
    assert github.default_branch("acme/shop") == "main"
    assert len(script.received) == 3


def test_a_read_gives_up_after_three_sendings(github, script):
    script.on("GET", SHOP, Scripted(503, None))
    assert isinstance(raised(github.default_branch, "acme/shop"), TryAgain)
    assert len(script.received) == 3


@pytest.mark.parametrize("fault", [Scripted(502, None), Scripted(cut=True), Scripted(hang=True)])
def test_a_write_is_sent_once_whatever_happens_to_it(hasty, script, fault):
    script.on("PUT", MERGE, fault)
    script.on("POST", COMMENTS, fault)
    assert isinstance(raised(merge, hasty), TryAgain)
    assert isinstance(raised(hasty.comment, "acme/shop", 2, "hello"), TryAgain)
    assert (len(script.sent("PUT", MERGE)), len(script.sent("POST", COMMENTS))) == (1, 1)


def test_a_server_that_never_answers_is_another_try_and_not_asked_again(hasty, script):
    script.on("GET", SHOP, Scripted(hang=True))
    assert "in time" in str(raised(hasty.default_branch, "acme/shop"))
    assert len(script.received) == 1


def test_nobody_listening_is_another_try():
    github = GitHubClient(api_url="http://127.0.0.1:1/api/v3", graphql_url="http://127.0.0.1:1/g", token=lambda: "t")
    assert isinstance(raised(github.default_branch, "acme/shop"), TryAgain)


def test_a_proxy_of_the_environment_is_not_asked_for_our_own_machine(github, script, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    script.on("GET", SHOP, FOUND)
    assert github.default_branch("acme/shop") == "main"


def test_a_moved_repository_is_not_followed(github, script):
    script.on("GET", SHOP, Scripted(301, {"message": "Moved Permanently"}, {"Location": "/api/v3/repositories/1"}))
    error = raised(github.default_branch, "acme/shop")
    assert (type(error), error.reason) == (NeedsHuman, "moved")
    assert len(script.received) == 1


@pytest.mark.parametrize("body", [b"<html>sign in to the wifi</html>", [], {}, {"name": "shop"}, None])
def test_an_unreadable_success_is_another_try(github, script, body):
    script.on("GET", SHOP, Scripted(200, body))
    assert isinstance(raised(github.default_branch, "acme/shop"), TryAgain)


def test_a_merge_says_what_landed_and_sends_the_judged_sha(github, script):
    script.on("PUT", MERGE, Scripted(200, {"sha": "c" * 40, "merged": True, "message": "done"}))
    answer = merge(github)
    assert (answer.merged, answer.sha, answer.status) == (True, "c" * 40, 200)
    assert script.received[0].body == {
        "sha": SHA,
        "merge_method": "squash",
        "commit_title": "t",
        "commit_message": "m",
    }


@pytest.mark.parametrize(
    ("status", "message", "why"),
    [
        (409, "Head branch was modified. Review and try the merge again.", "head_moved"),
        (409, "sha does not match", "head_moved"),
        (405, "Base branch was modified. Review and try the merge again.", "base_moved"),
        (405, "Changes must be made through the merge queue", "queue_required"),
        (405, "Merge conflict", "conflict"),
        (405, "Pull Request is not mergeable", "not_mergeable"),
        (405, "Pull Request is still a draft", "not_mergeable"),
        (405, "Repository rule violations found\n\nChanges must be made through the merge queue\n\n", "queue_required"),
        (405, "Squash merges are not allowed on this repository.", "method_not_allowed"),
        (405, "Merge method rebase is not allowed on this branch", "method_not_allowed"),
        (405, 'Required status check "ci" is expected.', "rules"),
        (405, 'Required status check "no-conflicts on the merge queue" is failing.', "rules"),
        (405, "At least 1 approving review is required by reviewers with write access.", "rules"),
        (405, "1 review requesting changes by reviewers with write access.", "rules"),
        (405, "Repository rule violations found\n\nCommits must have verified signatures.\n\n", "rules"),
        (422, "Validation Failed", "invalid"),
    ],
)
def test_a_refused_merge_is_a_value_that_says_why(github, script, status, message, why):
    script.on("PUT", MERGE, Scripted(status, {"message": message}))
    answer = merge(github)
    assert (answer.merged, answer.sha, answer.status, answer.message, answer.why) == (False, None, status, message, why)


def test_a_pull_request_that_github_will_not_open_is_none(github, script):
    refusal = {"message": "Validation Failed", "errors": [{"message": "A pull request already exists"}]}
    script.on("POST", f"{SHOP}/pulls", Scripted(422, refusal))
    assert github.open_pull("acme/shop", head="codex/issue-2", base="main", title="t", body="b") is None


def test_a_refusal_nobody_expects_needs_a_human_with_githubs_reasons(github, script):
    script.on("POST", COMMENTS, Scripted(422, {"message": "Validation Failed", "errors": [{"code": "too_long"}, "x"]}))
    error = raised(github.comment, "acme/shop", 2, "hello")
    assert (type(error), error.reason) == (NeedsHuman, "github_refused")
    assert "Validation Failed: too_long: x" in str(error)


@pytest.mark.parametrize(("status", "moved"), [(202, True), (422, False)])
def test_updating_a_branch_says_whether_github_took_it(github, script, status, moved):
    script.on("PUT", f"{SHOP}/pulls/7/update-branch", Scripted(status, {"message": "Updating"}))
    assert github.update_branch("acme/shop", 7, expected_head=SHA) is moved
    assert script.received[0].body == {"expected_head_sha": SHA}


def test_all_pages_are_read_and_no_address_of_the_server_is_followed(github, script):
    link = {"Link": '<http://127.0.0.1:1/elsewhere?page=2>; rel="next"'}
    second = {**COMMENT, "id": 6}
    script.on("GET", COMMENTS, Scripted(200, [COMMENT], link), Scripted(200, [second]))
    assert [c.comment_id for c in github.comments("acme/shop", 2)] == [5, 6]
    assert [r.query for r in script.received] == [{"per_page": "100", "page": "1"}, {"per_page": "100", "page": "2"}]


def test_the_token_is_asked_for_each_time_and_goes_into_the_header_alone(script):
    from scripted_github import serving

    tokens = iter(["first", "second"])
    script.on("GET", SHOP, FOUND)
    with serving(script) as url:
        github = GitHubClient(api_url=f"{url}/api/v3", graphql_url=f"{url}/g", token=lambda: next(tokens))
        github.default_branch("acme/shop")
        github.default_branch("acme/shop")
        github.close()
    assert [r.headers["authorization"] for r in script.received] == ["Bearer first", "Bearer second"]
    assert [r.query for r in script.received] == [{}, {}]
    assert {r.headers["x-github-api-version"] for r in script.received} == {"2026-03-10"}


def test_no_error_shows_the_token(github, script):
    for answer in (Scripted(401, None), Scripted(502, None), Scripted(cut=True), Scripted(200, b"?")):
        script.on("GET", SHOP, answer)
        error = raised(github.default_branch, "acme/shop")
        assert "secret-token" not in repr(error) + repr(error.__cause__) + repr(error.__context__)


def test_a_token_that_cannot_be_got_is_not_called_a_network_fault(script):
    def no_token() -> str:
        raise NeedsHuman("no token is set", reason="no_token")

    github = GitHubClient(api_url="http://127.0.0.1:1/", graphql_url="http://127.0.0.1:1/g", token=no_token)
    error = raised(github.default_branch, "acme/shop")
    assert (type(error), error.reason) == (NeedsHuman, "no_token")


def test_a_deployment_asks_for_no_merge_and_no_contexts(github, script):
    path = f"{SHOP}/deployments"
    script.on("POST", path, Scripted(201, {"id": 9}))
    made = github.create_deployment("acme/shop", sha=SHA, environment="demo", key="k", description="d" * 200)
    assert made == 9
    sent = script.received[0].body
    assert (sent["auto_merge"], sent["required_contexts"], sent["payload"]) == (False, [], {"key": "k"})
    assert len(sent["description"]) == 140


def test_deployments_are_found_by_the_key_in_their_payload(github, script):
    listed = [{"id": 3, "payload": {"key": "a"}}, {"id": 2, "payload": '{"key": "b"}'}, {"id": 1, "payload": ""}]
    script.on("GET", f"{SHOP}/deployments", Scripted(200, listed))
    assert github.deployments("acme/shop", sha=SHA, environment="demo") == {"a": 3, "b": 2}
