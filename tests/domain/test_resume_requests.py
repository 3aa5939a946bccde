from dataclasses import replace

import pytest
from resume_world import HEAD, NOW, after, asked, attempt_in, awaiting

from oneshot_dagster.domain.action import MoveTo, Settle, SettleIntents, StartAttempt, StartRun, WaitUntil
from oneshot_dagster.domain.requests import stopped_by
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.run import BEFORE_MERGE, LIVE, OBSERVE_ONLY, Kind, State

S = State
FROM_MERGE_ON = sorted(LIVE - BEFORE_MERGE)
ENDED = [S.COMPLETED, S.CANCELLED, S.SUPERSEDED]


def stopped_facts(*requests, **fields):
    return after("success", requests=requests, evidence_sealed=True, **fields)


@pytest.mark.parametrize("state", [*sorted(BEFORE_MERGE), S.NEEDS_HUMAN])
def test_a_stop_before_the_merge_cancels(state):
    action = next_action(attempt_in(state), stopped_facts(asked("stop"), asked("hold", number=2)), NOW)
    assert action == MoveTo(target=S.CANCELLED, reason="ada asked to stop", handle=(1, 2))


@pytest.mark.parametrize("state", sorted(BEFORE_MERGE))
def test_a_stop_settles_open_intents_before_it_cancels(state):
    action = next_action(attempt_in(state), stopped_facts(asked("stop"), open_intent=True), NOW)
    assert isinstance(action, SettleIntents)


@pytest.mark.parametrize("kind", ["stop", "hold"])
@pytest.mark.parametrize("status", ["success", "failure", "started", "queued"])
@pytest.mark.parametrize(
    ("attempt", "intended"),
    [
        *[(attempt_in(state), True) for state in FROM_MERGE_ON],
        (attempt_in(S.MERGE_READY), True),
        (attempt_in(S.NEEDS_HUMAN, human_from=S.MERGE_READY), True),
        (attempt_in(S.NEEDS_HUMAN, human_from=S.VERIFYING), False),
    ],
)
def test_stop_and_hold_are_too_late_from_the_merge_intent_on(kind, status, attempt, intended):
    facts = after(status, requests=(asked(kind),), merge_intended=intended, open_intent=True, lease_live=True)
    action = next_action(attempt, facts, NOW)
    assert isinstance(action, Settle)
    assert action.reply.startswith("too late")
    assert action.handle == (1,)


@pytest.mark.parametrize(
    ("kinds", "stopped"),
    [((), False), (("stop",), True), (("stop", "retry"), False), (("retry", "hold", "stop"), True)],
)
def test_the_last_word_says_whether_another_attempt_may_follow(kinds, stopped):
    assert (stopped_by([asked(kind) for kind in kinds]) is not None) == stopped


def test_a_stop_waits_for_the_run_that_works():
    action = next_action(attempt_in(S.TESTING), after("started", requests=(asked("stop"),), lease_live=True), NOW)
    assert isinstance(action, WaitUntil)


def test_a_stop_between_two_attempts_cancels_over_needs_human():
    first = next_action(attempt_in(S.NEEDS_ITERATION), stopped_facts(asked("stop")), NOW)
    then = attempt_in(S.NEEDS_HUMAN, human_from=S.NEEDS_ITERATION)
    assert (first.target, first.human_reason, first.handle) == (S.NEEDS_HUMAN, "stopped", ())
    assert next_action(then, stopped_facts(asked("stop")), NOW).target is S.CANCELLED


@pytest.mark.parametrize("state", [*sorted(BEFORE_MERGE), S.NEEDS_ITERATION, S.NEEDS_HUMAN])
@pytest.mark.parametrize("status", ["success", "failure", "unknown"])
@pytest.mark.parametrize("sealed", [True, False])
def test_a_hold_lets_nothing_start(state, status, sealed):
    requests = (asked("resume", number=1), asked("hold", number=2), asked("retry", number=3))
    facts = after(status, requests=requests, evidence_sealed=sealed, head_moved=True)
    action = next_action(attempt_in(state, awaited=awaiting("ci")), facts, NOW)
    assert action == WaitUntil(until=None, reason=action.reason)


def test_a_resume_lifts_the_hold():
    requests = (asked("hold", number=1), asked("resume", number=2))
    assert next_action(attempt_in(S.TESTING), stopped_facts(*requests), NOW).handle == (1, 2)


@pytest.mark.parametrize("kind", ["resume", "retry", "approve", "answer"])
@pytest.mark.parametrize("human_from", sorted(LIVE))
def test_a_person_sends_it_back_to_where_it_was(kind, human_from):
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=human_from)
    request = asked(kind, sha=HEAD if kind == "approve" else None, text="yes")
    action = next_action(attempt, stopped_facts(request), NOW)
    assert action.handle == (1,)
    if human_from is S.ROLLED_BACK:
        assert isinstance(action, Settle if kind == "approve" else StartAttempt)
    elif kind == "answer" and human_from in {S.TESTING, S.PR_READY, S.AWAITING_CI, S.JUDGING}:
        assert isinstance(action, StartAttempt)  # the agent's part of this one is over
    else:
        assert action.target == human_from


@pytest.mark.parametrize(("kind", "starts"), [("retry", True), ("answer", True), ("resume", False)])
@pytest.mark.parametrize("reason", ["no_progress", "undone"])
def test_what_made_no_progress_is_tried_again_and_not_read_again(kind, starts, reason):
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.AWAITING_CI, human_reason=reason)
    action = next_action(attempt, stopped_facts(asked(kind, text="yes")), NOW)
    assert isinstance(action, StartAttempt) is starts


def test_an_approved_protected_path_goes_back_to_judging():
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.AWAITING_CI, human_reason="protected_path")
    assert next_action(attempt, stopped_facts(asked("approve", sha=HEAD)), NOW).target is S.JUDGING


def test_what_was_only_observed_goes_back_to_its_tests_and_is_proposed_from_there():
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.JUDGING, human_reason=OBSERVE_ONLY)
    assert next_action(attempt, stopped_facts(asked("retry")), NOW).target is S.TESTING
    opened = replace(attempt, pr_number=3, human_from=S.AWAITING_CI)
    assert next_action(opened, stopped_facts(asked("retry")), NOW).target is S.AWAITING_CI


@pytest.mark.parametrize("sha", [None, "b" * 40, HEAD[:7]])
@pytest.mark.parametrize("state", [S.NEEDS_HUMAN, S.MERGE_READY])
def test_an_approval_of_another_commit_is_refused_and_names_the_head(sha, state):
    action = next_action(attempt_in(state), stopped_facts(asked("approve", sha=sha)), NOW)
    assert isinstance(action, Settle)
    assert HEAD in action.reply


def test_a_retry_after_the_last_attempt_starts_one_more():
    attempt = attempt_in(
        S.NEEDS_HUMAN, human_from=S.NEEDS_ITERATION, human_reason="attempts_spent", next_prompt="mend it"
    )
    action = next_action(attempt, stopped_facts(asked("retry"), attempts_made=3), NOW)
    assert action == StartAttempt(next_prompt="mend it", reason=action.reason, handle=(1,))


def test_an_answer_starts_the_next_attempt_which_is_told_why_the_last_came_back():
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.NEEDS_ITERATION, next_prompt="mend it")
    action = next_action(attempt, stopped_facts(asked("answer", text="round up")), NOW)
    assert action == StartAttempt(next_prompt="mend it", reason=action.reason, handle=(1,))


def test_an_approval_starts_no_attempt():
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.NEEDS_ITERATION, human_reason="attempts_spent")
    assert isinstance(next_action(attempt, stopped_facts(asked("approve", sha=HEAD)), NOW), Settle)


def test_a_retried_revert_is_not_made_anew():
    attempt = attempt_in(S.NEEDS_HUMAN, kind=Kind.REVERT, human_from=S.NEEDS_ITERATION)
    assert next_action(attempt, stopped_facts(asked("retry")), NOW).target is S.AWAITING_CI


@pytest.mark.parametrize("kind", ["stop", "hold", "resume", "retry", "approve", "answer"])
@pytest.mark.parametrize("state", ENDED)
def test_nothing_moves_what_has_ended(kind, state):
    action = next_action(attempt_in(state), stopped_facts(asked(kind, sha=HEAD)), NOW)
    assert isinstance(action, Settle)
    assert state in action.reply


@pytest.mark.parametrize("kind", ["resume", "retry", "answer", "approve"])
def test_a_word_that_nobody_waits_for_is_settled_and_the_work_goes_on(kind):
    attempt, facts = attempt_in(S.TESTING), after("failure", requests=(asked(kind, sha=HEAD),))
    action = next_action(attempt, facts, NOW)
    assert isinstance(action, Settle)
    assert isinstance(next_action(attempt, replace(facts, requests=()), NOW), StartRun)


@pytest.mark.parametrize("state", sorted(set(State) - {S.COMPLETED, S.CANCELLED, S.SUPERSEDED}))
@pytest.mark.parametrize("kind", ["stop", "hold"])
def test_a_revert_is_not_stopped(state, kind):
    attempt = attempt_in(state, kind=Kind.REVERT)
    assert isinstance(next_action(attempt, stopped_facts(asked(kind)), NOW), Settle)


def test_what_was_taken_back_may_be_stopped():
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=S.ROLLED_BACK, merge_sha="b" * 40)
    assert next_action(attempt, stopped_facts(asked("stop"), merge_intended=True), NOW).target is S.CANCELLED


@pytest.mark.parametrize("state", [S.MERGED, S.DEPLOYING, S.VERIFYING])
def test_a_rollback_is_left_to_the_next_step_of_what_is_merged(state):
    action = next_action(attempt_in(state), stopped_facts(asked("rollback")), NOW)
    assert isinstance(action, StartRun)


@pytest.mark.parametrize("state", [S.MERGED, S.DEPLOYING, S.VERIFYING])
def test_a_rollback_takes_it_out_of_needs_human_and_stays_open_for_the_step(state):
    action = next_action(attempt_in(S.NEEDS_HUMAN, human_from=state), stopped_facts(asked("rollback")), NOW)
    assert (action.target, action.handle) == (state, ())


@pytest.mark.parametrize(("code", "kind"), [("revert_failed", Kind.REVERT), ("post_deploy_failed", Kind.IMPLEMENT)])
@pytest.mark.parametrize("state", [S.DEPLOYING, S.VERIFYING])
def test_what_failed_its_verification_is_deployed_again_before_it_is_verified_again(code, kind, state):
    attempt = attempt_in(S.NEEDS_HUMAN, human_from=state, human_reason=code, kind=kind, merge_sha="b" * 40)
    assert next_action(attempt, stopped_facts(asked("retry")), NOW).target is S.DEPLOYING


def test_a_rollback_that_was_asked_for_as_it_was_completed_takes_it_back_once():
    attempt, facts = attempt_in(S.COMPLETED, merge_sha="b" * 40), stopped_facts(asked("rollback"))
    action = next_action(attempt, facts, NOW)
    assert action == StartAttempt(kind=Kind.REVERT, next_prompt="", reason=action.reason, handle=(1,))
    revert = attempt_in(S.COMPLETED, kind=Kind.REVERT, number=2)
    assert isinstance(next_action(attempt, replace(facts, revert=revert), NOW), Settle)
    assert isinstance(next_action(revert, facts, NOW), Settle)
