"""Whose fault a failed verification is: what fails now and failed before the deployment too was not broken by it.
Running the suites is steps/verifying."""

from enum import StrEnum

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.test_results import SuiteResult, counting


class Fault(StrEnum):
    OURS = "we broke it"
    BEFORE = "it was broken before"
    UNKNOWN = "not known whether it was broken before"


def is_settled(before: tuple[SuiteResult, ...] | None, now: tuple[SuiteResult, ...]) -> bool:
    """Whether something failed for which the change is taken back, whatever the suites that have not run yet would say."""
    return bool(_failing(now)) and fault(before, now) is not Fault.BEFORE


def fault(before: tuple[SuiteResult, ...] | None, now: tuple[SuiteResult, ...]) -> Fault:
    """`before`: the same suites against what served until then, None where they did not run.

    Only a case that failed before excuses the same case; a suite that did not run excuses nothing.
    """
    failing = _failing(now)
    if before is None or not failing:
        return Fault.UNKNOWN
    return Fault.BEFORE if failing <= _failing(before, only=Verdict.FAILED) else Fault.OURS


def _failing(results: tuple[SuiteResult, ...], only: Verdict | None = None) -> set[tuple[str, str, str]]:
    """Suite, command and case; a command without cases, or whose cases all passed, stands for itself."""
    found: set[tuple[str, str, str]] = set()
    for result in counting(results):
        if not result.round:  # nobody began it
            continue
        if result.verdict is Verdict.PASSED or (only is not None and result.verdict is not only):
            continue
        cases = {case.name for case in result.cases if case.outcome in {"failed", "error"}}
        found |= {(result.suite, result.command, case) for case in cases or {""}}
    return found
