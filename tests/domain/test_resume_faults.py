"""What faults do to the resumer's decision: it waits as long as it was asked to, says what failed, and still comes to an end."""

from dataclasses import replace
from datetime import timedelta

import pytest
from resume_world import NOW, after, ago, attempt_in, awaiting, launched

from oneshot_dagster.domain.action import MoveTo, StartRun, WaitUntil
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.run import State

LIMITED = "GitHub limits our requests"


def test_no_run_is_started_before_the_time_that_was_asked_for():
    facts = after("failure", not_before=NOW + timedelta(seconds=50))
    action = next_action(attempt_in(State.TESTING), facts, NOW)
    assert isinstance(action, WaitUntil)
    assert action.until == NOW + timedelta(seconds=50)


def test_a_time_that_has_passed_holds_nothing_up():
    facts = after("failure", not_before=NOW)
    assert isinstance(next_action(attempt_in(State.TESTING), facts, NOW), StartRun)


def test_the_evidence_of_what_stopped_waits_as_well():
    facts = after("failure", not_before=NOW + timedelta(seconds=5))
    assert isinstance(next_action(attempt_in(State.NEEDS_HUMAN), facts, NOW), WaitUntil)


@pytest.mark.parametrize(("retries", "target"), [(0, StartRun), (5, MoveTo)])
def test_what_the_run_failed_of_stands_in_the_reason(retries, target):
    attempt = attempt_in(State.TESTING, infrastructure_retries=retries)
    action = next_action(attempt, after("failure", fault=LIMITED), NOW)
    assert isinstance(action, target)
    assert LIMITED in action.reason


def test_a_parked_attempt_that_cannot_be_looked_at_waits():
    attempt = attempt_in(State.AWAITING_CI, awaited=awaiting("ci"))
    action = next_action(attempt, after("success", unreadable=LIMITED), NOW)
    assert isinstance(action, WaitUntil)
    assert LIMITED in action.reason


def test_its_deadline_passes_all_the_same():
    attempt = attempt_in(State.AWAITING_CI, awaited=awaiting("ci", deadline=10))
    action = next_action(attempt, after("success", unreadable=LIMITED), NOW)
    assert isinstance(action, MoveTo)
    assert (action.target, action.human_reason) == (State.NEEDS_HUMAN, "ci_timeout")
    assert LIMITED in action.reason


def test_a_crash_is_retried_although_nothing_can_be_read():
    last = replace(launched(), created_at=ago(600))
    action = next_action(attempt_in(State.AWAITING_CI), after("failure", launch=last, unreadable=LIMITED), NOW)
    assert isinstance(action, StartRun)
    assert action.costs_retry
