"""The gate over hand-made facts, each condition in its own table."""

from dataclasses import replace

import pytest
from gate_examples import GREEN, HEAD, OLD, PASSING, RED, RULES, check, condition, gate, review, status, thread

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import Opening, checks_failing, unproposed


def test_green_facts_pass_and_every_condition_says_so():
    passed = gate()
    assert passed.opening is Opening.PASSED
    assert [c.name for c in passed.conditions] == [
        "open",
        "head",
        "local_tests",
        "ci",
        "review",
        "threads",
        "mergeable",
    ]
    assert {c.verdict for c in passed.conditions} == {Verdict.PASSED}
    assert {c.sha for c in passed.conditions} == {HEAD}


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(GREEN, open=False), "PR #7 is closed without a merge"),
        (replace(GREEN, open=False, merged=True, merged_by="ann"), "PR #7 is merged already, by ann"),
        (replace(GREEN, merged=True), "PR #7 is merged already, by an unknown account"),
    ],
)
def test_a_closed_pull_request_says_who_closed_it(facts, said):
    closed = gate(facts, expected=OLD)
    assert (closed.opening, condition(closed, "open").fact) == (Opening.CLOSED, said)


@pytest.mark.parametrize("expected", [OLD, "", HEAD[:7]])
def test_any_other_expected_head_is_a_moved_head(expected):
    assert gate(expected=expected).opening is Opening.HEAD_MOVED


def test_an_unknown_head_is_never_the_expected_one():
    assert gate(replace(GREEN, head_sha=""), expected="").opening is Opening.HEAD_MOVED


def test_a_judgement_of_another_sha_is_a_moved_head():
    assert gate(judged=HEAD).opening is Opening.PASSED
    assert gate(judged=OLD).opening is Opening.HEAD_MOVED


@pytest.mark.parametrize("local", [Verdict.FAILED, Verdict.DID_NOT_RUN, None])
def test_local_tests_that_failed_or_did_not_run_shut_the_gate_unless_advisory(local):
    assert gate(local=local).opening is Opening.FAILED
    assert gate(rules=replace(RULES, tests_advisory=True), local=local).opening is Opening.PASSED


@pytest.mark.parametrize("conclusion", sorted(PASSING))
def test_success_skipped_and_neutral_pass(conclusion):
    assert gate(replace(GREEN, checks=(check(conclusion=conclusion),))).opening is Opening.PASSED


@pytest.mark.parametrize("conclusion", RED)
def test_each_red_conclusion_fails_and_names_the_check(conclusion):
    red = gate(replace(GREEN, checks=(check(), check("ci/test", conclusion))))
    assert red.opening is Opening.FAILED
    assert condition(red, "ci").fact == f"ci/test: {conclusion}"


@pytest.mark.parametrize(
    "checks",
    [
        (check(status="queued", conclusion=None),),
        (check(status="in_progress", conclusion=None), check("b")),
        (check(conclusion=None),),
        (check(conclusion="a_word_of_tomorrow"),),
    ],
)
def test_a_check_without_a_known_conclusion_waits(checks):
    assert gate(replace(GREEN, checks=checks)).opening is Opening.PENDING


@pytest.mark.parametrize(
    ("state", "opening"),
    [
        ("success", Opening.PASSED),
        ("failure", Opening.FAILED),
        ("error", Opening.FAILED),
        ("pending", Opening.PENDING),
        ("expected", Opening.PENDING),
    ],
)
def test_commit_statuses_count_beside_check_runs(state, opening):
    assert gate(replace(GREEN, statuses=(status(state=state),))).opening is opening


def test_no_checks_did_not_run_and_waits():
    none = gate(replace(GREEN, checks=()))
    assert (none.opening, condition(none, "ci").verdict) == (Opening.PENDING, Verdict.DID_NOT_RUN)


def test_no_checks_pass_where_the_policy_allows_none():
    assert gate(replace(GREEN, checks=()), replace(RULES, allow_no_checks=True)).opening is Opening.PASSED


def test_our_own_check_never_counts():
    ours = check("oneshot", "failure", ours=True)
    assert gate(replace(GREEN, checks=(check(), ours))).opening is Opening.PASSED
    assert gate(replace(GREEN, checks=(check("oneshot", ours=True),))).opening is Opening.PENDING


def test_a_required_context_that_never_reported_waits_even_where_no_checks_are_allowed():
    rules = replace(RULES, required_checks=("ci/test",), allow_no_checks=True)
    waiting = gate(replace(GREEN, checks=()), rules)
    assert waiting.opening is Opening.PENDING
    assert condition(waiting, "ci:ci/test").fact == "ci/test: has not reported at this SHA"


def test_contexts_required_by_policy_and_by_protection_are_each_a_condition():
    facts = replace(GREEN, required_contexts=("ci", "lint"), statuses=(status("lint"),))
    names = [c.name for c in gate(facts, replace(RULES, required_checks=("ci", "e2e"))).conditions]
    assert [n for n in names if n.startswith("ci:")] == ["ci:ci", "ci:e2e", "ci:lint"]


def test_a_check_and_a_status_of_one_name_must_both_pass():
    facts = replace(GREEN, required_contexts=("ci",), statuses=(status("ci", "failure"),))
    assert condition(gate(facts), "ci:ci").verdict is Verdict.FAILED


@pytest.mark.parametrize(
    ("reviews", "needed", "verdict"),
    [
        ((), 0, Verdict.PASSED),
        ((), 1, None),
        ((review(),), 1, Verdict.PASSED),
        ((review(sha=OLD),), 1, None),
        ((review(), review(state="COMMENTED")), 1, Verdict.PASSED),
        ((review(), review(state="PENDING", sha=None)), 1, Verdict.PASSED),
        ((review(), review(state="DISMISSED")), 1, None),
        ((review(), review()), 2, None),
        ((review(), review("bob")), 2, Verdict.PASSED),
        ((review(writes=False),), 1, None),
        ((review("cat", writes=False),), 1, Verdict.PASSED),
        ((review(state="CHANGES_REQUESTED"),), 0, Verdict.FAILED),
        ((review(state="CHANGES_REQUESTED", sha=OLD),), 0, None),
        ((review(state="CHANGES_REQUESTED", writes=False),), 0, Verdict.PASSED),
        ((review(state="CHANGES_REQUESTED"), review(state="COMMENTED")), 0, Verdict.FAILED),
        ((review(state="CHANGES_REQUESTED"), review("bob")), 1, Verdict.FAILED),
        ((review(state="CHANGES_REQUESTED"), review()), 1, Verdict.PASSED),
        ((review(state="CHANGES_REQUESTED"), review(sha=OLD)), 0, Verdict.PASSED),
        ((review(state="CHANGES_REQUESTED"), review(state="DISMISSED")), 0, Verdict.PASSED),
        ((review("Ann", "CHANGES_REQUESTED"), review("ann")), 1, Verdict.PASSED),
    ],
)
def test_the_last_word_of_each_reviewer_counts(reviews, needed, verdict):
    rules = replace(RULES, approvals=needed, reviewers=("@Cat",))
    assert condition(gate(replace(GREEN, reviews=reviews), rules), "review").verdict is verdict


def test_the_stricter_of_policy_and_protection_says_how_many_approvals():
    facts = replace(GREEN, required_approvals=2, reviews=(review(), review("bob", sha=OLD)))
    waiting = condition(gate(facts, replace(RULES, approvals=1)), "review")
    assert waiting.fact == "1 of 2 approvals at this SHA; 1 of an earlier SHA"


def test_an_unresolved_thread_fails():
    assert gate(replace(GREEN, threads=(thread(resolved=True),))).opening is Opening.PASSED
    assert gate(replace(GREEN, threads=(thread(), thread(resolved=True)))).opening is Opening.FAILED


@pytest.mark.parametrize(
    ("state", "opening"),
    [
        ("clean", Opening.PASSED),
        ("has_hooks", Opening.PASSED),
        ("unstable", Opening.PASSED),
        ("blocked", Opening.PENDING),
        ("behind", Opening.BEHIND),
        ("dirty", Opening.CONFLICT),
        ("draft", Opening.PENDING),
        ("unknown", Opening.PENDING),
        (None, Opening.PENDING),
        ("", Opening.PENDING),
        ("a_word_of_tomorrow", Opening.PENDING),
    ],
)
def test_mergeability_goes_through_a_closed_table(state, opening):
    assert gate(replace(GREEN, mergeable_state=state)).opening is opening


@pytest.mark.parametrize(("conclusion", "verdict"), [("failure", Verdict.FAILED), (None, None)])
def test_unstable_is_as_ci_says(conclusion, verdict):
    unstable = replace(GREEN, mergeable_state="unstable", checks=(check(conclusion=conclusion),))
    assert condition(gate(unstable), "mergeable").verdict is verdict


def test_a_draft_waits_whatever_github_says_of_it():
    assert gate(replace(GREEN, draft=True)).opening is Opening.PENDING


@pytest.mark.parametrize(("state", "opening"), [("dirty", Opening.CONFLICT), ("behind", Opening.BEHIND)])
def test_what_else_keeps_a_draft_shut_is_said_first(state, opening):
    draft = gate(replace(GREEN, draft=True, mergeable_state=state))
    assert draft.opening is opening
    assert "draft" not in condition(draft, "mergeable").fact


def test_blocked_names_the_conditions_that_explain_it():
    blocked = gate(replace(GREEN, mergeable_state="blocked", required_approvals=1))
    assert condition(blocked, "mergeable").fact == "GitHub blocks the merge, as review would"


RUNS, DONE, RED_ONE = (
    check("oneshot", None, "in_progress", ours=True),
    check("oneshot", ours=True),
    status("oneshot", "failure"),
)
BLOCKED = replace(GREEN, mergeable_state="blocked", required_contexts=("ci", "oneshot"))
A_PERSON, OURS_FIRST = "a rule that it does not tell us", "until our own check"


@pytest.mark.parametrize(
    ("ours", "judged", "opening", "said"),
    [
        ((), None, Opening.PASSED, OURS_FIRST),
        ((RUNS,), None, Opening.PASSED, OURS_FIRST),
        ((status("oneshot", "pending"),), None, Opening.PASSED, OURS_FIRST),
        ((RED_ONE,), None, Opening.PASSED, OURS_FIRST),
        ((DONE,), None, Opening.PENDING, A_PERSON),
        ((status("oneshot"),), None, Opening.PENDING, A_PERSON),
        ((RUNS, status("oneshot")), None, Opening.PASSED, OURS_FIRST),
        ((), HEAD, Opening.PENDING, OURS_FIRST),
        ((RUNS,), HEAD, Opening.PENDING, OURS_FIRST),
        ((DONE,), HEAD, Opening.PENDING, A_PERSON),
        ((DONE, RED_ONE), HEAD, Opening.PENDING, OURS_FIRST),
    ],
)
def test_blocked_by_our_own_required_check_opens_for_the_judge_and_never_for_the_merge(ours, judged, opening, said):
    facts = replace(
        BLOCKED,
        checks=(check(), *(one for one in ours if one in {RUNS, DONE})),
        statuses=tuple(one for one in ours if one not in {RUNS, DONE}),
    )
    found = gate(facts, judged=judged)
    assert found.opening is opening
    assert said in condition(found, "mergeable").fact
    assert found.awaits_github is (opening is Opening.PENDING)


@pytest.mark.parametrize(
    "missing",
    [
        {"checks": ()},
        {"checks": (check(conclusion=None),)},
        {"checks": (check(conclusion="failure"),)},
        {"required_contexts": ("ci", "oneshot", "e2e")},
        {"required_approvals": 1},
        {"threads": (thread(),)},
        {"draft": True},
    ],
)
@pytest.mark.parametrize("judged", [None, HEAD])
def test_our_own_required_check_excuses_nothing_else_that_is_missing(missing, judged):
    assert gate(replace(BLOCKED, **missing), judged=judged).opening is not Opening.PASSED
    assert not gate(replace(BLOCKED, **missing), judged=judged).awaits_github or missing == {"draft": True}


def test_blocked_where_our_check_is_not_required_is_for_a_person():
    facts = replace(BLOCKED, required_contexts=("ci",))
    assert gate(facts).opening is Opening.PENDING
    assert A_PERSON in condition(gate(facts), "mergeable").fact


def test_after_the_judgement_github_itself_has_to_say_that_it_can_merge():
    assert (
        gate(replace(BLOCKED, mergeable_state="clean", checks=(check(), DONE)), judged=HEAD).opening is Opening.PASSED
    )


@pytest.mark.parametrize("word", ["success", "failure", "error", "pending"])
def test_a_status_of_our_name_opens_nothing_and_shuts_nothing_whoever_set_it(word):
    named = replace(GREEN, statuses=(status("oneshot", word),))
    assert gate(named).opening is Opening.PASSED
    assert gate(replace(named, checks=())).opening is Opening.PENDING
    assert checks_failing(named) == ()


def test_a_job_of_our_name_is_the_repository_s_own_and_counts():
    assert gate(replace(GREEN, checks=(check(), check("oneshot", "failure")))).opening is Opening.FAILED


def test_without_a_pull_request_nothing_opens_the_gate_and_the_local_tests_shut_it():
    rules = replace(RULES, required_checks=("e2e", "oneshot"))
    passed = unproposed(rules, sha=HEAD, local_report=Verdict.PASSED)
    names = ["open", "head", "local_tests", "ci:e2e", "ci", "review", "threads", "mergeable"]
    assert [c.name for c in passed.conditions] == names
    assert passed.opening is Opening.DID_NOT_RUN
    assert {c.name for c in passed.conditions if c.verdict is not Verdict.DID_NOT_RUN} == {"local_tests"}
    for local in (Verdict.FAILED, Verdict.DID_NOT_RUN, None):
        assert unproposed(rules, sha=HEAD, local_report=local).opening is Opening.FAILED


def test_the_worse_opening_goes_before_the_milder():
    facts = replace(GREEN, open=False, mergeable_state="dirty", threads=(thread(),), checks=(check(conclusion=None),))
    assert gate(facts, expected=OLD).opening is Opening.CLOSED
    facts = replace(facts, open=True)
    assert gate(facts, expected=OLD).opening is Opening.HEAD_MOVED
    assert gate(facts).opening is Opening.CONFLICT
    facts = replace(facts, mergeable_state="behind")
    assert gate(facts).opening is Opening.FAILED
    facts = replace(facts, threads=())
    assert gate(facts).opening is Opening.PENDING
    assert gate(replace(facts, checks=GREEN.checks)).opening is Opening.BEHIND
    assert gate(replace(facts, mergeable_state="clean")).opening is Opening.PENDING


@pytest.mark.parametrize("missing", [{"checks": ()}, {"required_approvals": 1}, {"required_contexts": ("ci", "e2e")}])
def test_who_waits_for_something_else_is_not_brought_up_to_date_for_nothing(missing):
    assert gate(replace(GREEN, mergeable_state="behind", **missing)).opening is Opening.PENDING


def test_the_reason_holds_each_shut_condition_and_each_says_what_opens_it():
    shut = gate(replace(GREEN, checks=(check("ci/test", "failure"),), threads=(thread(),)))
    assert shut.reason == "ci/test: failure; 1 unresolved review threads (a.py)"
    assert all(c.opens for c in shut.conditions if c.verdict is not Verdict.PASSED)


def test_failing_checks_are_named_once_and_ours_is_not_among_them():
    checks = (check(conclusion="failure"), check("b"), check("oneshot", "failure", ours=True))
    facts = replace(GREEN, checks=checks, statuses=(status("ci", "error"), status("d", "failure")))
    assert checks_failing(facts) == ("ci", "d")


def test_a_thread_that_a_stranger_began_waits_for_a_person_and_sets_no_agent_on_it():
    strange = replace(thread(), author="Eve", has_write_access=False)
    assert gate(replace(GREEN, threads=(strange,))).opening is Opening.PENDING
    assert gate(replace(GREEN, threads=(strange, thread()))).opening is Opening.FAILED
    assert gate(replace(GREEN, threads=(strange,)), replace(RULES, reviewers=("@eve",))).opening is Opening.FAILED
