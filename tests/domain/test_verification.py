"""Claims about the results of a verification: the last run of a command counts, and what failed before excuses only itself."""

import pytest

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.test_results import CaseResult, SuiteResult, counting, from_json, overall, to_json
from oneshot_dagster.domain.verification import Fault, fault, is_settled

PASSED, FAILED, DID_NOT_RUN = Verdict.PASSED, Verdict.FAILED, Verdict.DID_NOT_RUN


def result(verdict: Verdict, *cases: str, command: str = "check", again: int = 1) -> SuiteResult:
    found = tuple(CaseResult(name=name, outcome="failed", seconds=0.1, message="") for name in cases)
    return SuiteResult(
        suite="integration", command=command, sha="a" * 40, verdict=verdict, reason="", exit_code=0, seconds=1.0,
        cases=found, round=again,
    )  # fmt: skip


def test_the_second_run_of_a_command_counts_and_the_first_is_kept():
    both = (result(FAILED, "a"), result(PASSED, again=2))
    assert overall(both) is PASSED
    assert counting(both) == both[1:]
    assert tuple(from_json(to_json(one)) for one in both) == both


def test_a_second_run_that_fails_fails_whatever_the_first_said():
    assert overall((result(DID_NOT_RUN), result(FAILED, again=2))) is FAILED


def test_the_same_line_twice_in_the_policy_is_two_suites_and_both_count():
    assert overall((result(FAILED), result(PASSED))) is FAILED


@pytest.mark.parametrize(
    ("before", "now", "whose"),
    [
        ((result(FAILED, "a", "b"),), (result(FAILED, "a"),), Fault.BEFORE),
        ((result(FAILED, "a"),), (result(FAILED, "a", "b"),), Fault.OURS),
        ((result(PASSED),), (result(FAILED, "a"),), Fault.OURS),
        ((result(FAILED),), (result(FAILED),), Fault.BEFORE),
        ((result(FAILED, "a"),), (result(FAILED),), Fault.OURS),
        ((result(FAILED, "a", command="other"),), (result(FAILED, "a"),), Fault.OURS),
        ((result(DID_NOT_RUN),), (result(DID_NOT_RUN),), Fault.OURS),
        ((result(FAILED, "a"), result(PASSED, again=2)), (result(FAILED, "a"),), Fault.OURS),
        (None, (result(FAILED, "a"),), Fault.UNKNOWN),
        ((result(FAILED, "a"),), (result(PASSED),), Fault.UNKNOWN),
    ],
)
def test_what_failed_before_excuses_the_same_case_alone(before, now, whose):
    assert fault(before, now) is whose


def test_what_was_not_begun_is_nobodys_fault_and_no_pass():
    before, now = (
        (result(FAILED, "a"), result(PASSED, command="b")),
        (result(FAILED, "a"), result(DID_NOT_RUN, again=0)),
    )
    assert fault(before, now) is Fault.BEFORE
    assert overall((result(PASSED), result(DID_NOT_RUN, again=0))) is DID_NOT_RUN
    assert counting(now) == now


@pytest.mark.parametrize(
    ("before", "now", "settled"),
    [
        (None, (result(PASSED),), False),
        (None, (result(FAILED, "a"),), True),
        (None, (result(FAILED, "a"), result(PASSED, again=2)), False),
        ((result(FAILED, "a"),), (result(FAILED, "a"),), False),
        ((result(FAILED, "a"),), (result(FAILED, "b"),), True),
        ((result(PASSED),), (result(DID_NOT_RUN),), True),
    ],
)
def test_it_is_settled_by_the_first_failure_that_was_not_there_before(before, now, settled):
    assert is_settled(before, now) is settled
