"""The client against the forge: a served stand-in of GitHub over real git, so that both sides of the contract are held."""

from dataclasses import replace

import pytest
from forge_shop import BRANCH, git

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.gate import GateRules, Opening, decide
from oneshot_dagster.services.github.client import GitHubClient

RULES = GateRules(required_checks=(), approvals=0, reviewers=(), allow_no_checks=False, tests_advisory=False)


def decided(facts, **rules):
    return decide(
        facts,
        replace(RULES, **rules),
        judged=None,
        local_report=Verdict.PASSED,
        expected_head=facts.head_sha,
    )


def test_who_we_are_and_what_we_see(shop):
    github = shop.github
    assert github.login == "oneshot"
    assert github.default_branch(shop.name) == "main"
    assert github.default_branch("acme/nothing") is None
    assert [github.permission(shop.name, who) for who in ("acme", "ann", "eve", "nobody")] == [
        "admin",
        "write",
        "read",
        "none",
    ]


def test_a_bad_token_needs_a_human(shop, forge):
    stranger = GitHubClient(api_url=f"{forge}/api/v3", graphql_url=f"{forge}/api/graphql", token=lambda: "wrong")
    with pytest.raises(NeedsHuman) as caught:
        stranger.default_branch(shop.name)
    stranger.close()
    assert caught.value.reason == "no_access"


def test_a_reader_may_read_and_not_open(shop, forge):
    reader = GitHubClient(api_url=f"{forge}/api/v3", graphql_url=f"{forge}/api/graphql", token=lambda: "eve-token")
    shop.commit(BRANCH, "greeting", "hi\n")
    assert reader.issue(shop.name, shop.issue) is not None
    with pytest.raises(NeedsHuman):
        reader.open_pull(shop.name, head=BRANCH, base="main", title="t", body="b")
    reader.close()


def test_an_issue_and_its_comments(shop):
    issue = shop.github.issue(shop.name, shop.issue)
    assert (issue.title, issue.body, issue.author, issue.open) == ("Greet", "please", "acme", True)
    assert (issue.labels, issue.is_pull_request) == (("oneshot",), False)
    said = [shop.github.comment(shop.name, shop.issue, f"number {n}") for n in range(103)]
    edited = shop.github.edit_comment(shop.name, said[-1].comment_id, "changed")
    assert (edited.comment_id, edited.author) == (said[-1].comment_id, "oneshot")
    read = shop.github.comments(shop.name, shop.issue)
    assert [c.body for c in read] == [*(f"number {n}" for n in range(102)), "changed"]
    assert shop.github.issue(shop.name, 999) is None


def test_a_pull_request_from_opening_to_merge(shop):
    number, sha = shop.open_pull()
    assert shop.github.open_pull(shop.name, head=BRANCH, base="main", title="again", body="b") is None
    assert shop.github.issue(shop.name, number).is_pull_request
    assert shop.github.update_pull(shop.name, number, title="Greet them", body="b2").number == number
    (found,) = shop.github.pulls_by_head(shop.name, BRANCH)
    assert (found.number, found.head_sha, found.open, found.merged) == (number, sha, True, False)
    stale = shop.github.merge(shop.name, number, sha="f" * 40, method="squash", title="t", message="m")
    assert (stale.merged, stale.status, stale.why) == (False, 409, "head_moved")
    landed = shop.github.merge(shop.name, number, sha=sha, method="squash", title="t", message="m")
    assert landed.merged
    assert landed.sha == shop.owner.branch_sha(shop.name, "main")
    for read in (
        shop.github.pull(shop.name, number),
        *shop.github.pulls_by_head(shop.name, BRANCH),
        shop.facts(number),
    ):
        assert (read.open, read.merged, read.merge_sha, read.merged_by) == (False, True, landed.sha, "oneshot")
    again = shop.github.merge(shop.name, number, sha=sha, method="squash", title="t", message="m")
    assert (again.merged, again.status) == (False, 405)
    assert decided(shop.facts(number)).opening is Opening.CLOSED


def test_a_person_who_merges_is_named(shop):
    number, _ = shop.open_pull()
    shop.as_("ann").merge_as_person(shop.name, number)
    assert shop.facts(number).merged_by == "ann"


def test_no_checks_wait_then_green_passes_and_red_fails(shop):
    number, sha = shop.open_pull()
    assert decided(shop.facts(number)).opening is Opening.PENDING
    shop.report(sha, "ci", "success")
    assert decided(shop.facts(number)).opening is Opening.PASSED
    shop.report(sha, "lint", "failure", text="E501 line too long")
    assert decided(shop.facts(number)).opening is Opening.FAILED
    assert shop.github.check_log(shop.name, sha, "lint") == "E501 line too long"
    shop.report(sha, "lint", "success")
    assert decided(shop.facts(number)).opening is Opening.PASSED


def test_our_own_check_is_known_and_statuses_are_read(shop):
    number, sha = shop.open_pull()
    shop.report(sha, "oneshot", "failure", who="oneshot")
    for state in ("pending", "success"):
        shop.owner.api("POST", shop.name, f"/statuses/{sha}", {"state": state, "context": "build"})
    facts = shop.facts(number)
    assert [c.ours for c in facts.checks] == [True]
    assert [(s.context, s.state) for s in facts.statuses] == [("build", "success")]
    assert decided(facts).opening is Opening.PASSED


def test_checks_beyond_a_page_are_read(shop):
    number, sha = shop.open_pull()
    for n in range(104):
        shop.report(sha, f"job-{n}", "success" if n < 103 else "failure")
    facts = shop.facts(number)
    assert len(facts.checks) == 104
    assert decided(facts).opening is Opening.FAILED


def test_required_contexts_and_approvals_of_the_branch_are_asked_for(shop):
    number, sha = shop.open_pull()
    shop.owner.set_protection(shop.name, "main", contexts=["ci"], approvals=1)
    shop.report(sha, "lint", "success")
    facts = shop.facts(number)
    assert (facts.required_contexts, facts.required_approvals, facts.mergeable_state) == (("ci",), 1, "blocked")
    assert decided(facts).opening is Opening.PENDING
    shop.report(sha, "ci", "success")
    shop.as_("ann").review(shop.name, number, "APPROVE")
    assert decided(shop.facts(number)).opening is Opening.PASSED


def test_a_ruleset_asks_beside_the_protection(shop):
    number, _ = shop.open_pull()
    shop.owner.set_protection(shop.name, "main", contexts=["ci"])
    shop.owner.require_checks(shop.name, "e2e")
    assert shop.facts(number).required_contexts == ("ci", "e2e")


def test_a_context_that_is_pinned_to_an_app_counts_from_that_app_alone(shop):
    number, sha = shop.open_pull()
    shop.report(sha, "other", "success", who="oneshot")
    (oneshot,) = (c.app_id for c in shop.facts(number).checks)
    checks = [{"context": "ci", "integration_id": oneshot}]
    pin = {"strict_required_status_checks_policy": False, "required_status_checks": checks}
    shop.owner.add_ruleset(shop.name, {"type": "required_status_checks", "parameters": pin})
    shop.report(sha, "ci", "success", who="ci-runner")
    assert shop.facts(number).mergeable_state == "blocked"
    assert decided(shop.facts(number)).opening is Opening.PENDING
    shop.report(sha, "ci", "success", who="oneshot")
    assert decided(shop.facts(number)).opening is Opening.PASSED


def test_a_reviewer_without_write_access_does_not_count(shop):
    number, sha = shop.open_pull()
    shop.report(sha, "ci", "success")
    shop.as_("eve").review(shop.name, number, "REQUEST_CHANGES", "no")
    facts = shop.facts(number)
    assert [(r.author, r.state, r.has_write_access) for r in facts.reviews] == [("eve", "CHANGES_REQUESTED", False)]
    assert decided(facts).opening is Opening.PASSED
    assert decided(facts, reviewers=("eve",)).opening is Opening.FAILED


def test_an_approval_of_an_earlier_sha_does_not_count_and_a_push_moves_the_head(shop):
    number, old = shop.open_pull()
    shop.as_("ann").review(shop.name, number, "APPROVE")
    new = shop.commit(BRANCH, "greeting", "hello there\n")
    shop.report(new, "ci", "success")
    facts = shop.facts(number)
    assert facts.head_sha == new
    assert [r.commit_sha for r in facts.reviews] == [old]
    assert decided(facts, approvals=1).opening is Opening.PENDING
    moved = decide(facts, RULES, judged=None, local_report=Verdict.PASSED, expected_head=old)
    assert moved.opening is Opening.HEAD_MOVED


def test_threads_shut_the_gate_until_resolved(shop):
    number, sha = shop.open_pull()
    shop.report(sha, "ci", "success")
    shop.as_("ann").open_thread(shop.name, number, path="greeting", line=1, body="why?")
    (thread,) = shop.facts(number).threads
    assert (thread.is_resolved, thread.path, thread.author, thread.body) == (False, "greeting", "ann", "why?")
    assert decided(shop.facts(number)).opening is Opening.FAILED
    resolve = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { isResolved } } }"
    shop.owner.graphql(resolve, id=thread.thread_id)
    assert decided(shop.facts(number)).opening is Opening.PASSED


def test_a_branch_behind_a_strict_base_is_updated(shop):
    number, sha = shop.open_pull()
    git(shop.clone, "checkout", "-q", "main")
    shop.commit("main", "other", "x\n")
    shop.owner.set_protection(shop.name, "main", contexts=["ci"], strict=True)
    shop.report(sha, "ci", "success")
    assert decided(shop.facts(number)).opening is Opening.BEHIND
    assert not shop.github.update_branch(shop.name, number, expected_head="f" * 40)
    assert shop.github.update_branch(shop.name, number, expected_head=sha)
    assert shop.facts(number).head_sha != sha


def test_a_conflict_is_seen_and_refused(shop):
    number, sha = shop.open_pull()
    git(shop.clone, "checkout", "-q", "main")
    shop.commit("main", "greeting", "something else\n")
    shop.report(sha, "ci", "success")
    assert decided(shop.facts(number)).opening is Opening.CONFLICT
    assert not shop.github.update_branch(shop.name, number, expected_head=sha)
    answer = shop.github.merge(shop.name, number, sha=sha, method="squash", title="t", message="m")
    assert (answer.merged, answer.status) == (False, 405)


def test_deployments_are_made_once_and_found_by_key(shop):
    sha = shop.owner.branch_sha(shop.name, "main")
    made = shop.github.create_deployment(shop.name, sha=sha, environment="demo", key="k1", description="deploying")
    shop.github.deployment_status(shop.name, made, state="success", url="http://127.0.0.1:1/", description="serving")
    shop.github.deployment_status(shop.name, made, state="inactive", url="", description="gone")
    assert shop.github.deployments(shop.name, sha=sha, environment="demo") == {"k1": made}
    assert shop.github.deployments(shop.name, sha=sha, environment="other") == {}


def stand(shop, environment):
    """Which of four still stand; one failed, one was never said anything of, and somebody else's lies on top."""
    sha = shop.owner.branch_sha(shop.name, "main")
    made = {
        key: shop.github.create_deployment(shop.name, sha=sha, environment=environment, key=key, description="d")
        for key in ("k0", "k1", "k2", "k3")
    }
    shop.github.deployment_status(shop.name, made["k0"], state="failure", url="", description="broken")
    shop.github.deployment_status(shop.name, made["k1"], state="success", url="", description="serving")
    shop.github.deployment_status(shop.name, made["k2"], state="success", url="", description="serving")
    shop.owner.api("POST", shop.name, "/deployments", {"ref": "main", "environment": environment, "auto_merge": False})
    active = shop.github.active_deployments(shop.name, environment=environment)
    return {key for key, number in made.items() if number in active}


def test_deployments_of_ours_that_stand_are_told(shop):
    assert stand(shop, "production") == {"k1", "k2"}
    assert shop.github.active_deployments(shop.name, environment="other") == ()


def test_what_we_said_of_a_deployment_is_told_newest_first_and_not_what_others_say(shop):
    sha = shop.owner.branch_sha(shop.name, "main")
    made = shop.github.create_deployment(shop.name, sha=sha, environment="demo", key="k", description="d")
    for said in ("first", "second"):
        shop.github.deployment_status(shop.name, made, state="success", url="", description=said)
    body = {"state": "success", "description": "somebody else's"}
    shop.owner.api("POST", shop.name, f"/deployments/{made}/statuses", body)
    assert shop.github.deployment_told(shop.name, made) == ("second", "first")
    assert shop.github.deployment_told(shop.name, made + 999) == ()


def test_github_ends_earlier_deployments_outside_of_production(shop):
    assert stand(shop, "staging") == {"k2"}
