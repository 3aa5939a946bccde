"""What the client reads of a pull request for the gate, from a scripted server over real HTTP."""

import pytest
from scripted_github import Scripted

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain

SHOP = "/api/v3/repos/acme/shop"
PULL, GRAPH = f"{SHOP}/pulls/7", "/api/graphql"
SHA, OLD = "a" * 40, "b" * 40
CHECKS, STATUS = f"{SHOP}/commits/{SHA}/check-runs", f"{SHOP}/commits/{SHA}/status"
PROTECTION, RULES = f"{SHOP}/branches/main/protection", f"{SHOP}/rules/branches/main"


def pull(**changes):
    body = {
        "number": 7,
        "html_url": "http://127.0.0.1/acme/shop/pull/7",
        "state": "open",
        "draft": False,
        "merged": False,
        "mergeable": True,
        "mergeable_state": "clean",
        "head": {"ref": "codex/issue-2", "sha": SHA, "repo": {"full_name": "acme/shop"}},
        "base": {"ref": "main", "sha": "c" * 40},
        "labels": [{"name": "oneshot"}],
    }
    return Scripted(200, {**body, **changes})


def graph(*, head=SHA, threads=(), after=None, **changes):
    page = {"nodes": list(threads), "pageInfo": {"hasNextPage": after is not None, "endCursor": after}}
    node = {"headRefOid": head, "mergeStateStatus": "CLEAN", "mergeCommit": None, "mergedBy": None, **changes}
    return Scripted(200, {"data": {"repository": {"pullRequest": {**node, "reviewThreads": page}}}})


def thread(name, *, resolved=False):
    comments = {"nodes": [{"author": {"login": "ann"}, "body": f"about {name}"}]}
    return {"id": name, "isResolved": resolved, "path": "a.py", "line": 3, "comments": comments}


def run(number, name="ci", *, app="github-actions", conclusion="success", **more):
    return {"id": number, "name": name, "app": {"slug": app}, "status": "completed", "conclusion": conclusion, **more}


def review(login, state, sha=SHA):
    user = {"login": login} if login else None
    return {"user": user, "state": state, "commit_id": sha, "submitted_at": "2026-01-01T00:00:00Z"}


@pytest.fixture(autouse=True)
def quiet_pull_request(script):
    script.on("GET", PULL, pull())
    script.on("POST", GRAPH, graph())
    script.on("GET", CHECKS, Scripted(200, {"total_count": 0, "check_runs": []}))
    script.on("GET", STATUS, Scripted(200, {"state": "pending", "statuses": []}))
    script.on("GET", f"{PULL}/reviews", Scripted(200, []))


def facts(github):
    return github.gate_facts("acme/shop", 7)


def test_a_quiet_pull_request_is_read_whole(github):
    read = facts(github)
    assert (read.head_sha, read.base_ref, read.base_sha, read.open, read.merged) == (SHA, "main", "c" * 40, True, False)
    assert (read.mergeable_state, read.labels, read.draft) == ("clean", ("oneshot",), False)
    assert (read.checks, read.statuses, read.reviews, read.threads) == ((), (), (), ())
    assert (read.required_contexts, read.required_approvals) == ((), 0)


def test_a_second_reading_asks_five_times_and_not_for_the_protection(github, script):
    facts(github)
    first = len(script.received)
    facts(github)
    again = [(r.method, r.path) for r in script.received[first:]]
    assert again == [("GET", PULL), ("POST", GRAPH), ("GET", CHECKS), ("GET", STATUS), ("GET", f"{PULL}/reviews")]


def test_facts_of_two_heads_are_never_mixed(github, script):
    script.on("POST", GRAPH, graph(head=OLD), graph())
    assert facts(github).head_sha == SHA
    script.on("POST", GRAPH, graph(head=OLD))
    with pytest.raises(TryAgain, match="keeps moving"):
        facts(github)
    assert not [r for r in script.received if OLD in r.path]


def test_the_latest_run_of_each_name_and_app_counts(github, script):
    first = [run(2), run(1, conclusion="failure"), run(3, app="other", conclusion="failure")]
    link = {"Link": f'<http://127.0.0.1{CHECKS}?page=2>; rel="next"'}
    later = [run(4, "lint", conclusion=None, status="queued", output={"title": "t", "summary": "s"})]
    script.on("GET", CHECKS, Scripted(200, {"check_runs": first}, link), Scripted(200, {"check_runs": later}))
    read = {(c.name, c.app): (c.status, c.conclusion) for c in facts(github).checks}
    assert read == {
        ("ci", "github-actions"): ("completed", "success"),
        ("ci", "other"): ("completed", "failure"),
        ("lint", "github-actions"): ("queued", None),
    }


def test_a_job_that_bears_our_name_is_not_ours(github, script):
    runs = [run(1, "oneshot", app="oneshot-app"), run(2, "oneshot"), run(3)]
    script.on("GET", CHECKS, Scripted(200, {"check_runs": runs}))
    assert [(c.name, c.app) for c in facts(github).checks if c.ours] == [("oneshot", "oneshot-app")]


def test_statuses_of_all_pages_are_read(github, script):
    link = {"Link": '<x>; rel="next"'}
    pages = [Scripted(200, {"statuses": [{"context": c, "state": "success"}]}, h) for c, h in (("a", link), ("b", {}))]
    script.on("GET", STATUS, *pages)
    assert [(s.context, s.state) for s in facts(github).statuses] == [("a", "success"), ("b", "success")]


def test_protection_and_rulesets_add_up(github, script):
    classic = {
        "required_status_checks": {
            "strict": True,
            "contexts": ["ci"],
            "checks": [{"context": "ci"}, {"context": "lint"}],
        },
        "required_pull_request_reviews": {"required_approving_review_count": 1},
    }
    rules = [
        {"type": "deletion"},
        {"type": "required_status_checks", "parameters": {"required_status_checks": [{"context": "e2e"}]}},
        {"type": "pull_request", "parameters": {"required_approving_review_count": 2}},
    ]
    script.on("GET", PROTECTION, Scripted(200, classic))
    script.on("GET", RULES, Scripted(200, rules))
    read = facts(github)
    assert (read.required_contexts, read.required_approvals) == (("ci", "lint", "e2e"), 2)


def test_contexts_pinned_to_an_app_are_known_with_it(github, script):
    classic = [
        {"context": "ci", "app_id": 15368},
        {"context": "lint", "app_id": None},
        {"context": "any", "app_id": -1},
    ]
    rules = [{"context": "ci", "integration_id": 7}, {"context": "e2e", "integration_id": 8}, {"context": "docs"}]
    parameters = {"required_status_checks": rules}
    script.on("GET", PROTECTION, Scripted(200, {"required_status_checks": {"contexts": [], "checks": classic}}))
    script.on("GET", RULES, Scripted(200, [{"type": "required_status_checks", "parameters": parameters}]))
    script.on("GET", CHECKS, Scripted(200, {"check_runs": [{**run(1), "app": {"slug": "x", "id": 7}}, run(2, "lint")]}))
    read = facts(github)
    assert read.required_apps == {"ci": {15368, 7}, "e2e": {8}}
    assert [(c.name, c.app_id) for c in read.checks] == [("ci", 7), ("lint", 0)]


@pytest.mark.parametrize("status", [403, 404])
def test_a_hidden_protection_is_read_from_the_branch(github, script, status):
    script.on("GET", PROTECTION, Scripted(status, {"message": "Resource not accessible by integration"}))
    shown = {"protected": True, "protection": {"required_status_checks": {"contexts": ["ci"], "checks": []}}}
    script.on("GET", f"{SHOP}/branches/main", Scripted(200, shown))
    assert facts(github).required_contexts == ("ci",)


def test_a_limit_while_reading_the_protection_is_not_taken_for_no_protection(github, script):
    script.on("GET", PROTECTION, Scripted(403, {"message": "rate limit"}, {"retry-after": "9"}))
    with pytest.raises(TryAgain):
        facts(github)


def test_reviews_know_who_may_write_and_ask_once_for_each(github, script):
    reviews = [
        review("ann", "APPROVED"),
        review("ann", "COMMENTED"),
        review("bob", "CHANGES_REQUESTED", OLD),
        review(None, "APPROVED"),
    ]
    script.on("GET", f"{PULL}/reviews", Scripted(200, reviews))
    ann = f"{SHOP}/collaborators/ann/permission"
    script.on("GET", ann, Scripted(200, {"permission": "write", "role_name": "maintain"}))
    script.on(
        "GET", f"{SHOP}/collaborators/bob/permission", Scripted(200, {"permission": "read", "role_name": "triage"})
    )
    read = [(r.author, r.state, r.commit_sha == SHA, r.has_write_access) for r in facts(github).reviews]
    assert read == [
        ("ann", "APPROVED", True, True),
        ("ann", "COMMENTED", True, True),
        ("bob", "CHANGES_REQUESTED", False, False),
        ("ghost", "APPROVED", True, False),
    ]
    assert len(script.sent("GET", ann)) == 1


def test_threads_of_all_pages_are_read(github, script):
    script.on("POST", GRAPH, graph(threads=[thread("one")], after="x"), graph(threads=[thread("two", resolved=True)]))
    assert [(t.thread_id, t.is_resolved, t.body) for t in facts(github).threads] == [
        ("one", False, "about one"),
        ("two", True, "about two"),
    ]
    assert [r.body["variables"].get("after") for r in script.sent("POST", GRAPH)] == [None, "x"]


@pytest.mark.parametrize(
    ("mergeable", "rest", "later", "state"),
    [
        (True, "clean", "DIRTY", "clean"),
        (False, "dirty", "CLEAN", "dirty"),
        (None, "unknown", "UNKNOWN", "unknown"),
        (None, "unknown", "BEHIND", "behind"),
        (None, "clean", None, "unknown"),
    ],
)
def test_mergeability_is_unknown_until_github_has_worked_it_out(github, script, mergeable, rest, later, state):
    script.on("GET", PULL, pull(mergeable=mergeable, mergeable_state=rest))
    script.on("POST", GRAPH, graph(mergeStateStatus=later))
    assert facts(github).mergeable_state == state


def test_a_merge_queue_is_seen_whoever_tells_of_it(github, script):
    assert not facts(github).merge_queue
    script.on("POST", GRAPH, graph(isMergeQueueEnabled=True))
    assert facts(github).merge_queue


def test_a_server_that_knows_no_merge_queue_is_asked_without_one_from_then_on(github, script):
    unknown = {"message": "No such field", "extensions": {"code": "undefinedField"}}
    script.on("POST", GRAPH, Scripted(200, {"errors": [unknown]}), graph())
    for _ in range(2):
        assert not facts(github).merge_queue
    asked = ["isMergeQueueEnabled" in r.body["query"] for r in script.sent("POST", GRAPH)]
    assert asked == [True, False, False]


def test_a_merged_pull_request_says_by_whom_and_as_what(github, script):
    script.on("GET", PULL, pull(state="closed", merged=True, merged_by={"login": "shop[bot]"}))
    script.on("POST", GRAPH, graph(mergeCommit={"oid": "d" * 40}, mergedBy={"login": "shop"}))
    for read in (facts(github), github.pull("acme/shop", 7)):
        assert (read.open, read.merged, read.merge_sha, read.merged_by) == (False, True, "d" * 40, "shop[bot]")


def test_pulls_by_head_leave_out_what_github_lists_beyond_the_filter(github, script):
    mine, merged = pull().body, pull(number=6, state="closed", merged_at="2026-01-01T00:00:00Z").body
    fork = {**mine, "number": 8, "head": {**mine["head"], "repo": {"full_name": "eve/shop"}}}
    gone = {**mine, "number": 9, "head": {**mine["head"], "repo": None}}
    other = {**mine, "number": 10, "head": {**mine["head"], "ref": "main"}}
    script.on("GET", f"{SHOP}/pulls", Scripted(200, [other, gone, fork, mine, merged]))
    script.on("POST", GRAPH, graph(mergeCommit={"oid": "d" * 40}, mergedBy={"login": "ann"}))
    found = github.pulls_by_head("acme/shop", "codex/issue-2")
    assert [(p.number, p.open, p.merge_sha, p.merged_by) for p in found] == [
        (7, True, None, None),
        (6, False, "d" * 40, "ann"),
    ]
    assert script.received[0].query["head"] == "acme:codex/issue-2"
    assert script.received[0].query["state"] == "all"


@pytest.mark.parametrize(
    ("errors", "family"),
    [
        ([{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}], TryAgain),
        ([{"message": "You have exceeded a secondary rate limit."}], TryAgain),
        ([{"message": "Something went wrong while executing your query."}], TryAgain),
        ([{"type": "UNPROCESSABLE", "message": "Thread is locked"}], NeedsHuman),
        ([{"message": "Field 'x' doesn't exist", "extensions": {"code": "undefinedField"}}], NeedsHuman),
        ([{"type": "FORBIDDEN", "message": "Resource not accessible"}], NeedsHuman),
        ([{"type": "NOT_FOUND", "message": "Could not resolve to a Repository"}], NeedsHuman),
    ],
)
def test_graphql_faults_come_with_http_200_and_are_told_apart(github, script, errors, family):
    script.on("POST", GRAPH, Scripted(200, {"data": None, "errors": errors}))
    with pytest.raises(family):
        facts(github)


def test_a_graphql_query_is_sent_again_after_a_5xx(github, script):
    script.on("POST", GRAPH, Scripted(502, None), graph())
    assert facts(github).head_sha == SHA


def test_a_thread_that_cannot_be_read_is_another_try(github, script):
    script.on("POST", GRAPH, graph(threads=[{"id": "x"}]))
    with pytest.raises(TryAgain, match="cannot be read"):
        facts(github)
