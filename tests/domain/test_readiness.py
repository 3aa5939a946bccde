"""Claims about readiness: each rule of GitHub on a stated example, which modes it stops, and that the rest is let through."""

from dataclasses import replace

import pytest
from readiness_examples import APP, FACTS, PERSON, WELL, level, with_facts, with_rule

from oneshot_dagster.domain.permissions import PERMISSIONS
from oneshot_dagster.domain.policy_sections import DeploySection, GateSection, MergeSection, Policy
from oneshot_dagster.domain.readiness import findings, impossible
from oneshot_dagster.domain.readiness_facts import Access, Level, Pattern, Unread, WebhookFacts
from oneshot_dagster.domain.readiness_pushes import fulfils
from oneshot_dagster.domain.run import Mode

MERGE, PROPOSE, OBSERVE = Mode.MERGE, Mode.PROPOSE, Mode.OBSERVE


def levels(situation, code):
    """In merge, propose and observe."""
    return tuple(level(replace(situation, mode=mode), code) for mode in (MERGE, PROPOSE, OBSERVE))


def test_where_all_is_well_every_finding_is_ok_and_nothing_is_impossible():
    assert {finding.level for finding in findings(WELL)} == {Level.OK}
    assert impossible(WELL) is None


def test_the_gravest_come_first_and_each_of_them_says_what_to_do():
    bad = replace(WELL, facts=replace(FACTS, archived=True, methods=("merge",)), webhook=Unread(why="no right"))
    found = findings(bad)
    order = [list(Level).index(finding.level) for finding in found]
    assert order == sorted(order)
    assert all(finding.do for finding in found if finding.level in {Level.IMPOSSIBLE, Level.WARNING})
    assert impossible(bad) == found[0]


def test_an_archived_repository_lets_nothing_be_written():
    assert levels(with_facts(archived=True), "archived") == ("impossible", "impossible", "warning")


def without(*names, **instead):
    held = {p.name: p.access for p in PERMISSIONS if p.name not in names}
    return with_facts(access=replace(APP, permissions={**held, **instead}))


@pytest.mark.parametrize(
    ("situation", "name", "expected"),
    [
        (without("contents"), "contents", ("impossible", "impossible", "impossible")),
        (without(contents="read"), "contents", ("impossible", "impossible", "warning")),
        (without(pull_requests="read"), "pull_requests", ("impossible", "impossible", "warning")),
        (without(issues="read"), "issues", ("warning", "warning", "warning")),
        (without(checks="read"), "checks", ("warning", "warning", "warning")),
        (without("checks"), "checks", ("impossible", "impossible", "impossible")),
        (without("administration"), "administration", ("warning", "warning", "warning")),
        (without("deployments"), "deployments", ("warning", "warning", "warning")),
    ],
)
def test_an_app_needs_its_permissions_and_each_lack_says_for_what(situation, name, expected):
    assert levels(situation, f"permission_{name}") == expected
    told = [f for f in findings(situation) if f.code == f"permission_{name}"]
    assert next(p.why for p in PERMISSIONS if p.name == name) in told[0].found


def test_an_app_that_cannot_record_a_deployment_would_stop_after_the_merge():
    deploys = replace(without("deployments"), policy=Policy(deploy=DeploySection(kind="command", stated=True)))
    assert levels(deploys, "permission_deployments") == ("impossible", "warning", "warning")


def test_what_github_does_not_tell_of_an_app_is_unknown():
    assert level(with_facts(access=replace(APP, permissions=None)), "permissions") == "unknown"


@pytest.mark.parametrize(("role", "expected"), [("read", "impossible"), ("none", "impossible"), ("write", "ok")])
def test_a_person_needs_write_access(role, expected):
    assert level(with_facts(access=replace(PERSON, role=role)), "role") == expected


@pytest.mark.parametrize(
    ("scopes", "expected"), [(("read:org",), "impossible"), ((), "impossible"), (("repo",), None), (None, "unknown")]
)
def test_a_classic_token_needs_the_scope_repo_and_of_others_nothing_is_known(scopes, expected):
    assert level(with_facts(access=replace(PERSON, scopes=scopes)), "token") == expected


def test_a_workflows_own_token_starts_no_workflow():
    access = Access(login="github-actions[bot]", is_app=True, permissions=APP.permissions)
    assert level(with_facts(access=access), "github_token") == "impossible"


def test_a_wrong_policy_stops_every_mode_and_a_missing_one_none():
    assert levels(replace(WELL, problem="line 1: no TOML", policy=None), "policy_invalid") == ("impossible",) * 3
    assert level(replace(WELL, policy=None), "policy") == "warning"


def test_the_policys_merge_method_has_to_be_allowed():
    assert levels(with_facts(methods=("merge", "rebase")), "merge_method") == ("impossible", "warning", "warning")
    assert level(with_facts(methods=None), "merge_method") == "unknown"
    assert levels(with_rule("pull_request", methods=("rebase",)), "merge_method")[0] == "impossible"
    assert level(with_rule("pull_request", methods=("rebase", "squash")), "merge_method") == "ok"


@pytest.mark.parametrize(("method", "expected"), [("merge", "impossible"), ("squash", "ok"), ("rebase", "ok")])
def test_a_linear_history_takes_no_merge_commit(method, expected):
    situation = with_rule("required_linear_history")
    assert level(replace(situation, policy=Policy(merge=MergeSection(method=method))), "merge_method") == expected


@pytest.mark.parametrize(
    ("method", "expected"), [("rebase", "impossible"), ("squash", "warning"), ("merge", "warning")]
)
def test_github_cannot_sign_what_it_rebases(method, expected):
    situation = with_rule("required_signatures")
    assert level(replace(situation, policy=Policy(merge=MergeSection(method=method))), "signatures") == expected


def test_a_merge_queue_is_used_and_needs_checks_of_its_own():
    assert levels(with_rule("merge_queue"), "merge_queue") == ("warning", "warning", "warning")


def test_a_locked_base_takes_nothing():
    assert levels(with_rule("lock_branch"), "base_locked") == ("impossible", "impossible", "warning")


def test_who_may_change_the_base_are_those_on_the_list():
    assert levels(with_rule("update"), "base_restricted") == ("impossible", "warning", "warning")
    assert level(with_rule("restrictions", names=("olga",)), "base_restricted") == "impossible"
    assert level(with_rule("restrictions", names=("Oneshot",)), "base_restricted") is None
    team = with_rule("restrictions", names=("team core",))
    assert level(team, "base_restricted") == "impossible"
    assert level(replace(team, facts=replace(team.facts, access=PERSON)), "base_restricted") == "unknown"
    admin = replace(PERSON, role="admin")
    assert level(replace(team, facts=replace(team.facts, access=admin)), "base_restricted") is None


def test_a_rule_that_we_may_bypass_holds_nothing_and_one_of_which_we_do_not_know_refuses_nothing():
    assert level(with_rule("merge_queue", bypassed=True), "merge_queue") is None
    assert level(with_rule("merge_queue", bypassed=None), "merge_queue") == "warning"
    assert level(with_rule("creation", head=True, bypassed=True), "branch_creation") is None
    assert level(with_rule("creation", head=True, bypassed=None), "branch_creation") == "unknown"


def approvals(needed, approvers, mode=MERGE):
    situation = with_rule("pull_request", approvals=needed, mode=mode)
    return level(replace(situation, facts=replace(situation.facts, approvers=approvers)), "approvals")


def test_approvals_need_as_many_others_with_write_access():
    assert approvals(1, ("ada",)) == "warning"
    assert approvals(1, ()) == "impossible"
    assert approvals(2, ("ada",), PROPOSE) == "impossible"
    assert approvals(0, ()) is None
    assert approvals(1, Unread(why="no right")) == "warning"


def test_the_policys_approvals_count_like_githubs():
    asks = replace(WELL, policy=Policy(gate=GateSection(approvals=2)))
    assert level(replace(asks, facts=replace(FACTS, approvers=("ada",))), "approvals") == "impossible"


def test_code_owners_and_the_last_pusher_are_told():
    assert level(with_rule("pull_request", code_owners=True), "code_owners") == "warning"
    assert level(with_rule("pull_request", last_push=True), "last_push") == "warning"
    assert level(with_rule("pull_request", last_push=True, approvals=1), "last_push") is None


def test_required_deployments_are_told():
    assert level(with_rule("required_deployments", names=("staging",)), "required_deployments") == "warning"


@pytest.mark.parametrize(
    ("kind", "code"), [("creation", "branch_creation"), ("required_signatures", "signatures_head")]
)
def test_a_rule_that_refuses_our_branches_stops_what_writes(kind, code):
    assert levels(with_rule(kind, head=True), code) == ("impossible", "impossible", "warning")


@pytest.mark.parametrize("kind", ["update", "pull_request"])
def test_a_rule_that_refuses_later_pushes_alone_is_told(kind):
    assert level(with_rule(kind, head=True), "branch_update") == "warning"


def test_checks_required_on_our_own_branches_refuse_their_first_push_unless_creation_is_spared():
    assert level(with_rule("required_status_checks", head=True), "branch_creation") == "impossible"
    spared = with_rule("required_status_checks", head=True, spares_creation=True)
    assert (level(spared, "branch_creation"), level(spared, "branch_update")) == (None, "warning")


def named(operator, text, *, negate=False):
    return Pattern(operator=operator, text=text, negate=negate)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (named("starts_with", "feature/"), "impossible"),
        (named("starts_with", "codex/"), None),
        (named("contains", "codex", negate=True), "impossible"),
        (named("regex", "^(feature|fix|codex)/"), None),
        (named("regex", "^(feature|fix)/"), "impossible"),
        (named("regex", "^(a+)+$"), "unknown"),
        (named("regex", "("), "unknown"),
        (named("resembles", "x"), "unknown"),
    ],
)
def test_a_branch_name_has_to_fit_and_what_cannot_be_judged_refuses_nothing(pattern, expected):
    assert level(with_rule("branch_name_pattern", head=True, pattern=pattern), "branch_name") == expected


def test_the_authors_address_has_to_fit():
    wants = with_rule("commit_author_email_pattern", head=True, pattern=named("ends_with", "@acme.example"))
    assert level(wants, "commit_email") == "impossible"
    assert level(replace(wants, email="bot@acme.example"), "commit_email") is None


@pytest.mark.parametrize("kind", ["file_path_restriction", "max_file_size", "file_extension_restriction"])
def test_what_a_push_may_not_hold_is_told(kind):
    assert level(with_rule(kind, head=True, names=("x",)), "push_rules") == "warning"


def test_a_message_pattern_is_told():
    assert level(with_rule("commit_message_pattern", head=True, pattern=named("regex", "^JIRA-")), "commit_message")


def test_an_expression_that_could_take_for_ever_is_not_tried():
    assert fulfils(named("regex", "(x+x+)+y"), "x" * 90) is None
    assert fulfils(named("regex", r"(.*)(.*)(.*)(.*)\1"), "x" * 90) is None


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (None, None),
        (WebhookFacts(), "ok"),
        (WebhookFacts(url="https://x.example/webhooks/github", deliveries=3), "ok"),
        (WebhookFacts(url="https://x.example/webhooks/github", deliveries=3, failed=1, status="timed out"), "warning"),
        (WebhookFacts(url="https://x.example/webhooks/github", active=False), "warning"),
        (Unread(why="no right"), "unknown"),
    ],
)
def test_a_webhook_that_fails_is_told_and_none_is_no_fault(hook, expected):
    assert level(replace(WELL, webhook=hook), "webhook") == expected


def test_what_was_not_looked_at_is_unknown_and_refuses_nothing():
    hidden = with_facts(base_rules=Unread(why="a"), head_rules=Unread(why="b"), classic=Unread(why="c"))
    found = {f.code: f.level for f in findings(hidden)}
    assert {found[code] for code in ("base_rules", "head_rules", "protection")} == {Level.UNKNOWN}
    assert impossible(hidden) is None
