"""What holds of the gate over any facts, said again from GitHub's words and not from the gate's own parts."""

from dataclasses import replace

from gate_examples import GREEN, HEAD, OLD, PASSING, RED, check, gate, review, status, thread
from hypothesis import given, settings
from hypothesis import strategies as st

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate import GateFacts, GateRules, Opening, decide

NAMES = st.sampled_from(["ci", "lint", "e2e"])
SHAS = st.sampled_from([*[HEAD] * 5, OLD])
CHECKS = st.builds(
    check,
    NAMES,
    st.sampled_from([*PASSING, *PASSING, *PASSING, *RED, None, "novel"]),
    st.sampled_from(["completed", "completed", "completed", "queued", "in_progress"]),
)
STATUSES = st.builds(status, NAMES, st.sampled_from(["success", "success", "success", "failure", "error", "pending"]))
REVIEWS = st.builds(
    review,
    st.sampled_from(["ann", "bob"]),
    st.sampled_from([*["APPROVED"] * 5, "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]),
    SHAS,
    st.booleans(),
)


def few(of, most=2):
    return st.lists(of, max_size=most).map(tuple)


ANY_FACTS = st.builds(
    replace,
    st.just(GREEN),
    head_sha=SHAS,
    open=st.sampled_from([*[True] * 8, False]),
    draft=st.sampled_from([*[False] * 8, True]),
    mergeable_state=st.sampled_from(
        ["clean", "clean", "clean", "unstable", "blocked", "behind", "dirty", None, "novel"]
    ),
    checks=few(st.one_of(st.builds(check, NAMES), st.builds(check, NAMES), CHECKS)),
    statuses=few(STATUSES, 1),
    required_contexts=few(NAMES, 1),
    required_approvals=st.integers(0, 1),
    reviews=few(REVIEWS, 3),
    threads=few(st.builds(thread, st.sampled_from([True, True, False])), 1),
)
ANY_RULES = st.builds(
    GateRules,
    required_checks=few(NAMES, 1),
    approvals=st.integers(0, 1),
    reviewers=few(st.just("bob"), 1),
    allow_no_checks=st.booleans(),
    tests_advisory=st.booleans(),
)
ANY_LOCAL = st.sampled_from([*[Verdict.PASSED] * 5, Verdict.FAILED, Verdict.DID_NOT_RUN, None])


def reported(facts: GateFacts, name: str | None = None) -> list[bool]:
    """Whether each check and status of this name is green, said again from GitHub's words alone."""
    checks = [c.status == "completed" and c.conclusion in PASSING for c in facts.checks if name in {None, c.name}]
    return checks + [s.state == "success" for s in facts.statuses if name in {None, s.context}]


@settings(max_examples=300)
@given(ANY_FACTS, ANY_RULES, st.sampled_from([None, HEAD, OLD]), ANY_LOCAL)
def test_it_never_passes_unless_every_demand_is_met_at_that_sha(facts, rules, judged, local):
    passed = decide(facts, rules, judged=judged, local_report=local, expected_head=HEAD)
    if passed.opening is not Opening.PASSED:
        return
    for name in (*rules.required_checks, *facts.required_contexts):
        assert reported(facts, name)
        assert all(reported(facts, name))
    assert all(reported(facts))
    assert reported(facts) or rules.allow_no_checks
    assert facts.open
    assert not facts.draft
    assert facts.head_sha == HEAD
    assert judged in {None, HEAD}
    assert local is Verdict.PASSED or rules.tests_advisory
    assert all(t.is_resolved for t in facts.threads)
    approvers = {r.author for r in facts.reviews if r.state == "APPROVED" and r.commit_sha == HEAD}
    assert len(approvers) >= max(rules.approvals, facts.required_approvals)
    assert facts.mergeable_state in {"clean", "unstable"}


@given(ANY_FACTS, ANY_RULES, ANY_LOCAL)
def test_it_passes_exactly_where_every_condition_passes(facts, rules, local):
    said = gate(facts, rules, local=local)
    assert (said.opening is Opening.PASSED) == all(c.verdict is Verdict.PASSED for c in said.conditions)
    assert len({c.name for c in said.conditions}) == len(said.conditions)


@given(ANY_FACTS, ANY_RULES, ANY_LOCAL, CHECKS.filter(lambda c: c.conclusion not in PASSING))
def test_one_more_check_that_is_not_green_never_opens_it(facts, rules, local, one_more):
    worse = replace(facts, checks=(*facts.checks, one_more))
    assert gate(worse, rules, local=local).opening is not Opening.PASSED


@given(ANY_FACTS, ANY_RULES, ANY_LOCAL)
def test_a_push_voids_whatever_was_said(facts, rules, local):
    pushed = replace(facts, head_sha="d" * 40)
    assert gate(pushed, rules, local=local).opening in {Opening.HEAD_MOVED, Opening.CLOSED}


@given(ANY_FACTS, ANY_RULES, ANY_LOCAL)
def test_pending_always_has_something_that_waiting_may_change(facts, rules, local):
    said = gate(facts, rules, local=local)
    if said.opening is Opening.PENDING:
        ci_is_silent = not reported(facts) and not rules.allow_no_checks
        assert ci_is_silent or any(c.verdict is None for c in said.conditions)
