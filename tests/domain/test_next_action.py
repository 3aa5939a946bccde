from dataclasses import replace
from datetime import timedelta

import pytest
from resume_world import NOW, after, ago, attempt_in, awaiting, gate_of, launched

from oneshot_dagster.domain.action import FailRun, MoveTo, Nothing, RepeatStart, StartAttempt, StartRun, WaitUntil
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.gate import Opening
from oneshot_dagster.domain.resume import BACK_OFF, next_action
from oneshot_dagster.domain.resume_facts import ResumeFacts, RunState
from oneshot_dagster.domain.run import BEFORE_MERGE, LIVE, STOPPED, Kind, State, selection
from oneshot_dagster.domain.waiting import LANDING_LOOK, LANE_LOOK, rests

WORKING = sorted(LIVE - {State.ROLLING_BACK, State.ROLLED_BACK})
S = State


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("status", ["queued", "not_started", "starting", "started", "canceling", "managed"])
def test_nothing_is_done_while_a_run_is_alive(state, status):
    facts = after(status, lease_live=True)
    assert isinstance(next_action(attempt_in(state), facts, NOW), WaitUntil)


@pytest.mark.parametrize(
    ("ran_for", "expired_for", "dead"),
    [
        (29, None, False),
        (59, None, False),
        (60, None, True),
        (600, 29, False),
        (600, 30, True),
        (20, 500, False),  # the lease of an earlier run
        (60, 500, True),
    ],
)
def test_a_started_run_is_gone_when_its_lease_is(ran_for, expired_for, dead):
    last = launched(age=5000)
    run = RunState(run_id=last.dagster_run_id, status="started", started_at=ago(ran_for))
    facts = ResumeFacts(launches=(last,), last_run=run, lease_expired_for=expired_for)
    action = next_action(attempt_in(S.TESTING), facts, NOW)
    assert isinstance(action, FailRun if dead else WaitUntil)
    assert dead or action.until > NOW


def test_a_run_that_ended_is_not_followed_while_the_lease_is_held():
    action = next_action(attempt_in(S.TESTING), after("failure", lease_live=True), NOW)
    assert isinstance(action, WaitUntil)
    assert action.until > NOW


@pytest.mark.parametrize("state", WORKING)
def test_an_attempt_that_never_ran_is_launched_without_cost(state):
    action = next_action(attempt_in(state), ResumeFacts(), NOW)
    assert action == StartRun(
        selection=selection(state, head_moved=False), seq=1, reason=action.reason, costs_retry=False
    )


@pytest.mark.parametrize("state", WORKING)
@pytest.mark.parametrize("status", ["failure", "success", "unknown"])
def test_a_crash_goes_on_from_the_stored_state_and_costs_a_retry(state, status):
    action = next_action(attempt_in(state), after(status, launch=launched(3)), NOW)
    assert action == StartRun(
        selection=selection(state, head_moved=False), seq=4, reason=action.reason, costs_retry=True
    )


@pytest.mark.parametrize("spent", range(1, 5))
def test_each_retry_waits_longer_since_the_last_launch(spent):
    attempt = attempt_in(S.TESTING, infrastructure_retries=spent)
    due = BACK_OFF[spent]
    early = next_action(attempt, after("failure", launch=launched(age=due - 0.5)), NOW)
    assert isinstance(next_action(attempt, after("failure", launch=launched(age=due)), NOW), StartRun)
    assert early.until == NOW + timedelta(seconds=0.5)


@pytest.mark.parametrize("state", WORKING)
def test_spent_retries_need_a_human(state):
    action = next_action(attempt_in(state, infrastructure_retries=5), after("failure"), NOW)
    assert (action.target, action.human_reason) == (S.NEEDS_HUMAN, "infrastructure_retries_spent")


def test_a_run_that_ended_well_and_moved_costs_nothing():
    action = next_action(attempt_in(S.AWAITING_CI), after("success", last_run_moved=True), NOW)
    assert isinstance(action, StartRun)
    assert not action.costs_retry


def test_a_return_from_needs_human_costs_nothing():
    facts = after("success", launch=launched(selection=("evidence",)))
    assert not next_action(attempt_in(S.JUDGING), facts, NOW).costs_retry


@pytest.mark.parametrize(("age", "kind"), [(1, WaitUntil), (5, RepeatStart), (29, RepeatStart), (30, StartRun)])
@pytest.mark.parametrize("known", [True, False])
def test_a_launch_that_dagster_does_not_know_is_started_once_more_and_then_counts_as_crashed(age, kind, known):
    last = launched(age=age)
    run = RunState(run_id=last.dagster_run_id, status="unknown") if known else None
    assert isinstance(next_action(attempt_in(S.TESTING), ResumeFacts(launches=(last,), last_run=run), NOW), kind)


OPENED = [
    ("ci", {"gate": gate_of(Opening.PASSED)}),
    ("ci", {"gate": gate_of(Opening.FAILED)}),
    ("ci", {"gate": gate_of(Opening.BEHIND)}),
    ("ci", {"gate": gate_of(Opening.CONFLICT)}),
    ("review", {"gate": gate_of(Opening.HEAD_MOVED)}),
    ("review", {"gate": gate_of(Opening.CLOSED)}),
    ("head_moved", {"head_moved": True}),
    ("merge", {"merged_outside": True}),
    ("merge", {"head_moved": True}),
    ("merge", {"merge_free": True}),
    ("merge", {"gate": gate_of(Opening.FAILED)}),
    ("lane", {"lane_free": True}),
    ("lane", {"merged_outside": True}),
    ("deployment", {}),
]


@pytest.mark.parametrize(("what", "seen"), OPENED)
@pytest.mark.parametrize("state", [S.AWAITING_CI, S.JUDGING, S.MERGE_READY, S.DEPLOYING])
def test_a_parked_attempt_goes_on_when_what_it_awaits_is_there(what, seen, state):
    attempt = attempt_in(state, awaited=awaiting(what), infrastructure_retries=5)
    action = next_action(attempt, after("success", **seen), NOW)
    chosen = selection(state, head_moved=bool(seen.get("head_moved")))
    assert action == StartRun(selection=chosen, seq=2, reason=action.reason, costs_retry=False)


SHUT = [
    ("ci", {}),
    ("ci", {"gate": gate_of(Opening.PENDING)}),
    ("ci", {"lane_free": True, "merge_free": True}),
    ("head_moved", {"gate": gate_of(Opening.BEHIND)}),
    ("merge", {"gate": gate_of(Opening.PASSED), "lane_free": True}),
    ("merge", {"gate": gate_of(Opening.PENDING), "merge_free": True}),
]


@pytest.mark.parametrize(("what", "seen"), SHUT)
def test_a_parked_attempt_waits_until_its_deadline_and_then_needs_a_human(what, seen):
    attempt = attempt_in(S.MERGE_READY, awaited=awaiting(what))
    waits = next_action(attempt, after("success", **seen), NOW)
    late = next_action(attempt, after("success", **seen), attempt.awaited.deadline)
    assert waits == WaitUntil(until=attempt.awaited.deadline, reason=waits.reason)
    assert (late.target, late.human_reason) == (S.NEEDS_HUMAN, f"{what}_timeout")


@pytest.mark.parametrize("opening", [Opening.PASSED, Opening.BEHIND, Opening.PENDING])
def test_who_waits_for_its_lane_rests_is_looked_at_now_and_then_and_needs_a_human_after_its_deadline(opening):
    attempt = attempt_in(S.MERGE_READY, awaited=awaiting("lane"), reason="behind acme/shop#7, verifying")
    facts = after("success", gate=gate_of(opening), merge_free=True)
    waits = next_action(attempt, facts, NOW)
    assert waits == WaitUntil(
        until=NOW + timedelta(seconds=LANE_LOOK), reason="waits for lane: behind acme/shop#7, verifying"
    )
    assert rests(attempt, facts)
    assert next_action(attempt, facts, attempt.awaited.deadline).human_reason == "lane_timeout"


@pytest.mark.parametrize("state", [S.AWAITING_CI, S.MERGE_READY])
def test_who_has_to_catch_up_when_its_lane_is_free_begins_with_its_tests(state):
    facts = after("success", lane_free=True, catches_up=True)
    action = next_action(attempt_in(state, awaited=awaiting("lane")), facts, NOW)
    assert action.selection == selection(state, head_moved=True)
    assert action.selection[0] is Artifact.LOCAL_TEST_REPORT


@pytest.mark.parametrize("what", ["merge", "lane"])
def test_the_deadline_of_a_wait_does_not_run_while_it_is_frozen(what):
    attempt = attempt_in(S.MERGE_READY, awaited=awaiting(what, deadline=60))
    frozen = after("success", frozen_for=timedelta(hours=5))
    over = attempt.awaited.deadline + timedelta(hours=5)
    assert isinstance(next_action(attempt, frozen, over - timedelta(seconds=1)), WaitUntil)
    assert next_action(attempt, frozen, over).human_reason == f"{what}_timeout"
    opened = replace(frozen, lane_free=True, merge_free=True, launches=(launched(age=-90),))
    assert isinstance(next_action(attempt, opened, over - timedelta(seconds=1)), StartRun)


def test_what_opens_with_the_deadline_is_tried_once_and_no_more():
    attempt = attempt_in(S.AWAITING_CI, awaited=awaiting("ci", deadline=60))
    passed = gate_of(Opening.PASSED)
    before = after("success", launch=launched(age=90), gate=passed)
    since = after("success", launch=launched(age=30), gate=passed)
    assert isinstance(next_action(attempt, before, NOW), StartRun)
    assert next_action(attempt, since, NOW).human_reason == "ci_timeout"


def test_a_continuation_that_crashed_while_something_was_awaited_is_a_crash():
    attempt = attempt_in(S.AWAITING_CI, awaited=awaiting("ci"))
    action = next_action(attempt, after("failure", gate=gate_of(Opening.PENDING)), NOW)
    assert action.costs_retry


def test_a_park_that_opens_at_once_again_and_again_slows_down():
    attempt = attempt_in(S.AWAITING_CI, awaited=awaiting("ci"))
    chosen = tuple(selection(S.AWAITING_CI, head_moved=False))
    rows = tuple(launched(seq, age=10, selection=chosen) for seq in range(1, 7))
    facts = replace(after("success", launch=rows[-1], gate=gate_of(Opening.PASSED)), launches=rows)
    assert next_action(attempt, facts, NOW).until == ago(10) + timedelta(seconds=BACK_OFF[-1])


@pytest.mark.parametrize("state", sorted(STOPPED))
def test_every_end_seals_its_evidence_alone_and_first(state):
    action = next_action(attempt_in(state), after("failure"), NOW)
    assert action == StartRun(selection=(Artifact.EVIDENCE,), seq=2, reason=action.reason, costs_retry=False)


@pytest.mark.parametrize("state", sorted(STOPPED - {State.NEEDS_ITERATION}))
def test_sealed_an_ended_attempt_rests(state):
    rows = tuple(launched(seq, selection=("evidence",)) for seq in (1, 2, 3))
    facts = replace(after("failure", launch=rows[-1], evidence_sealed=True), launches=rows)
    assert isinstance(next_action(attempt_in(state), facts, NOW), Nothing)


@pytest.mark.parametrize("state", sorted(STOPPED))
def test_what_earlier_stops_took_to_seal_leaves_the_last_one_all_its_tries(state):
    rows = tuple(launched(seq, age=60 - seq, selection=("evidence",)) for seq in (1, 2, 3))
    facts = replace(after("failure", launch=rows[-1]), launches=rows)
    action = next_action(attempt_in(state, finished_at=ago(57.5)), facts, NOW)
    assert (type(action), action.selection) == (StartRun, ("evidence",))


def test_the_next_attempt_starts_from_the_sealed_one_with_its_prompt():
    attempt = attempt_in(S.NEEDS_ITERATION, next_prompt="make ci pass")
    action = next_action(attempt, after("success", evidence_sealed=True), NOW)
    assert action == StartAttempt(next_prompt="make ci pass", reason=action.reason)


@pytest.mark.parametrize(
    ("fields", "facts", "code"),
    [
        ({}, {"evidence_sealed": True, "attempts_made": 3}, "attempts_spent"),
        ({"kind": Kind.REVERT}, {"evidence_sealed": True}, "revert_failed"),
    ],
)
def test_needs_iteration_without_a_next_attempt_needs_a_human(fields, facts, code):
    action = next_action(attempt_in(S.NEEDS_ITERATION, **fields), after("success", **facts), NOW)
    assert (action.target, action.human_reason) == (S.NEEDS_HUMAN, code)


def test_no_attempt_follows_one_whose_evidence_cannot_be_sealed():
    rows = tuple(launched(seq, selection=("evidence",)) for seq in (1, 2, 3))
    facts = replace(after("failure", launch=rows[-1]), launches=rows)
    assert next_action(attempt_in(S.NEEDS_ITERATION), facts, NOW).human_reason == "evidence_not_sealed"


def test_what_is_rolling_back_starts_one_revert_waits_for_it_and_is_rolled_back_with_it():
    broken = attempt_in(S.ROLLING_BACK)
    starts = next_action(broken, after("success"), NOW)
    assert (type(starts), starts.kind) == (StartAttempt, Kind.REVERT)
    for state in State:
        revert = attempt_in(state, id="att-2", number=2, kind=Kind.REVERT, merge_sha="b" * 40, evidence_head="e")
        action = next_action(broken, after("success", revert=revert), NOW)
        assert (type(action), getattr(action, "target", None)) == (
            (MoveTo, S.ROLLED_BACK) if state in {S.COMPLETED, S.SUPERSEDED} else (WaitUntil, None)
        )


@pytest.mark.parametrize(("goes_on", "target"), [(True, S.NEEDS_ITERATION), (False, S.NEEDS_HUMAN)])
def test_what_was_rolled_back_is_tried_again_or_waits_for_a_person(goes_on, target):
    assert next_action(attempt_in(S.ROLLED_BACK), after("success", goes_on=goes_on), NOW).target is target


def test_after_a_stop_that_came_too_late_what_was_rolled_back_is_not_tried_again():
    action = next_action(attempt_in(S.ROLLED_BACK), after("success", goes_on=True, stopped_by="ada"), NOW)
    assert (action.target, action.human_reason) == (S.NEEDS_HUMAN, "rolled_back")
    assert action.reason.endswith("no other attempt follows: ada asked to stop")


@pytest.mark.parametrize("state", [S.QUEUED, S.WORKTREE_READY, S.IMPLEMENTING, S.TESTING, S.PR_READY])
def test_a_revert_begins_with_its_pull_request(state):
    action = next_action(attempt_in(state, kind=Kind.REVERT), ResumeFacts(), NOW)
    assert action.selection[0] is Artifact.PULL_REQUEST


@pytest.mark.parametrize("state", sorted(BEFORE_MERGE))
def test_terminate_in_the_ui_is_a_stop_before_the_merge(state):
    assert next_action(attempt_in(state), after("canceled"), NOW).target is S.CANCELLED


@pytest.mark.parametrize("state", [S.QUEUED, S.AWAITING_CI, S.MERGE_READY])
def test_terminate_in_the_ui_does_not_end_a_revert(state):
    action = next_action(attempt_in(state, kind=Kind.REVERT), after("canceled"), NOW)
    assert (type(action), action.costs_retry) == (StartRun, True)


def test_a_terminated_evidence_run_stops_nothing():
    facts = after("canceled", launch=launched(selection=("evidence",)))
    assert isinstance(next_action(attempt_in(S.JUDGING), facts, NOW), StartRun)


@pytest.mark.parametrize(
    "launch", [launched(), launched(selection=("evidence",))], ids=["its run", "its evidence's run"]
)
def test_terminate_between_two_attempts_starts_no_further_one_and_cancels(launch):
    facts = after("canceled", launch=launch, evidence_sealed=True)
    first = next_action(attempt_in(S.NEEDS_ITERATION), facts, NOW)
    assert (first.target, first.human_reason) == (S.NEEDS_HUMAN, "stopped")
    then = attempt_in(S.NEEDS_HUMAN, human_from=S.NEEDS_ITERATION, human_reason=first.human_reason)
    assert next_action(then, facts, NOW).target is S.CANCELLED


def test_a_run_that_was_terminated_after_its_merge_is_no_word_on_the_attempt_after_the_rollback():
    facts = after("canceled", merge_intended=True, evidence_sealed=True)
    assert isinstance(next_action(attempt_in(S.NEEDS_ITERATION), facts, NOW), StartAttempt)
    alone = after("canceled", launch=launched(selection=("evidence",)), merge_intended=True, evidence_sealed=True)
    assert next_action(attempt_in(S.NEEDS_ITERATION), alone, NOW).target is S.NEEDS_HUMAN


@pytest.mark.parametrize("state", sorted(BEFORE_MERGE))
def test_terminate_does_not_end_what_takes_back(state):
    assert isinstance(next_action(attempt_in(state, kind=Kind.REVERT), after("canceled"), NOW), StartRun)


def test_a_terminated_run_does_not_cancel_what_waits_for_a_person():
    assert isinstance(next_action(attempt_in(S.NEEDS_HUMAN), after("canceled", evidence_sealed=True), NOW), Nothing)


@pytest.mark.parametrize("state", [S.MERGED, S.DEPLOYING, S.VERIFYING])
def test_terminate_in_the_ui_does_not_end_what_is_merged(state):
    assert isinstance(next_action(attempt_in(state), after("canceled"), NOW), StartRun)


def test_a_moved_head_runs_from_tests_and_snapshot_on():
    attempt = attempt_in(S.AWAITING_CI, awaited=awaiting("ci"))
    chosen = next_action(attempt, after("success", head_moved=True), NOW).selection
    assert chosen[:2] == (Artifact.LOCAL_TEST_REPORT, Artifact.FILE_SNAPSHOT)


def test_the_fields_of_a_move_name_why_a_human_is_needed_and_give_fresh_retries_on_the_way_back():
    to_human = MoveTo(target=S.NEEDS_HUMAN, reason="r", human_reason="ci_timeout")
    back = MoveTo(target=S.JUDGING, reason="r")
    assert to_human.fields(attempt_in(S.AWAITING_CI)) == {"evidence_head": None, "human_reason": "ci_timeout"}
    assert back.fields(attempt_in(S.NEEDS_HUMAN)) == {
        "evidence_head": None,
        "infrastructure_retries": 0,
    }


def landing(**facts: object):
    """GitHub was asked to merge it; that intent is open."""
    attempt = attempt_in(S.MERGE_READY, awaited=awaiting("landing"), reason="it is in the merge queue")
    return next_action(attempt, after("success", open_intent=True, merge_intended=True, **facts), NOW)


@pytest.mark.parametrize("seen", [{}, {"gate": gate_of(Opening.FAILED)}, {"head_moved": True}, {"merge_free": True}])
def test_while_github_has_the_merge_nothing_else_is_begun_and_it_is_looked_at_again_soon(seen):
    action = landing(landing=True, **seen)
    assert isinstance(action, WaitUntil)
    assert NOW < action.until <= NOW + timedelta(seconds=LANDING_LOOK)


@pytest.mark.parametrize("seen", [{"landing": False}, {"landing": True, "merged_outside": True}])
def test_once_github_has_ended_the_merge_the_step_goes_on(seen):
    action = landing(**seen)
    assert isinstance(action, StartRun)
    assert action.selection[0] is Artifact.MERGE


def test_a_merge_that_github_never_ends_is_for_a_person():
    attempt = attempt_in(S.MERGE_READY, awaited=awaiting("landing", deadline=1), reason="it is in the merge queue")
    action = next_action(attempt, after("success", landing=True, merge_intended=True), NOW)
    assert (action.target, action.human_reason) == (S.NEEDS_HUMAN, "landing_timeout")
