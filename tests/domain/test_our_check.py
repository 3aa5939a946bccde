"""What our check says in each state: green for a passed judgement of exactly this head, and for nothing else."""

from dataclasses import replace

import pytest
from attempts import attempt
from gate_examples import GREEN, check, gate

from oneshot_dagster.domain.attempt import StoredEvaluation
from oneshot_dagster.domain.our_check import our_check
from oneshot_dagster.domain.run import State

HEAD, OTHER = "a" * 40, "d" * 40
RULE = {"name": "size", "verdict": "failed", "detail": "larger than what is merged without a person"}


def judged(sha=HEAD, decision="pass"):
    return StoredEvaluation(
        decision=decision, sha=sha, reasons={"rules": [RULE]}, missing_items=(), next_prompt=None, model=None,
        prompt_sha256=None, raw_output=None, at=GREEN.read_at,
    )  # fmt: skip


AFTER = [State.MERGE_READY, State.MERGED, State.DEPLOYING, State.VERIFYING, State.COMPLETED]


@pytest.mark.parametrize("state", AFTER)
def test_a_passed_judgement_of_the_head_is_a_success_and_says_the_same_ever_after(state):
    says = our_check(attempt(state=state, judged_sha=HEAD, reason=f"why {state}"), evaluations=(judged(),))
    first = our_check(attempt(state=State.MERGE_READY, judged_sha=HEAD), evaluations=(judged(),))
    assert says.conclusion == "success"
    assert says == first


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("sha", [None, OTHER])
def test_without_a_passed_judgement_of_this_very_head_it_is_never_one_that_github_lets_through(state, sha):
    says = our_check(attempt(state=state, judged_sha=sha, human_from=State.MERGE_READY))
    assert says.conclusion not in {"success", "neutral", "skipped"}


@pytest.mark.parametrize(
    "state", sorted(set(State) - {*AFTER, State.NEEDS_HUMAN, State.ROLLING_BACK, State.ROLLED_BACK})
)
def test_a_judgement_left_on_record_in_a_state_that_voids_it_is_no_success(state):
    assert our_check(attempt(state=state, judged_sha=HEAD)).conclusion not in {"success", "neutral"}


@pytest.mark.parametrize("state", [State.PR_READY, State.AWAITING_CI, State.JUDGING])
def test_on_the_way_it_is_in_progress_and_does_not_change(state):
    says = our_check(attempt(state=state, reason=f"in {state}"))
    assert says.conclusion is None
    assert says == our_check(attempt(state=State.AWAITING_CI))


def test_a_gate_that_failed_is_a_failure_with_its_conditions_of_this_head_alone():
    red = gate(replace(GREEN, checks=(check("e2e", "failure"),)))
    stopped = attempt(state=State.NEEDS_ITERATION, reason="e2e: failure")
    says = our_check(stopped, gate=red)
    assert says.conclusion == "failure"
    assert "e2e: failure" in says.title
    assert "| ci | **failed** | e2e: failure |" in says.summary
    assert "e2e" not in our_check(attempt(state=State.NEEDS_ITERATION, head_sha=OTHER), gate=red).summary


def test_a_person_is_asked_with_the_brief_and_a_verdict_that_stands_stays_green():
    asked = attempt(state=State.NEEDS_HUMAN, human_from=State.JUDGING, reason="protected", judged_sha=None)
    assert our_check(asked, brief="## the brief").conclusion == "action_required"
    assert "## the brief" in our_check(asked, brief="## the brief").summary
    unmerged = attempt(state=State.NEEDS_HUMAN, human_from=State.MERGE_READY, judged_sha=HEAD)
    assert our_check(unmerged).conclusion == "success"


def test_what_a_person_merged_unjudged_is_neutral_and_what_was_stopped_cancelled():
    merged = attempt(state=State.MERGED, merge_sha=OTHER, merged_by="ada")
    assert our_check(merged).conclusion == "neutral"
    assert "ada" in our_check(merged).title
    for state in (State.CANCELLED, State.SUPERSEDED):
        assert our_check(attempt(state=state, judged_sha=HEAD)).conclusion == "cancelled"


def test_words_of_others_in_the_title_are_one_neutral_line():
    says = our_check(attempt(state=State.NEEDS_ITERATION, reason="@ada closes #7\n" + "x" * 500))
    assert "\n" not in says.title
    assert len(says.title) <= 120
    assert "@ada" not in says.title
