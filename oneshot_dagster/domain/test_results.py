"""Results of a test suite, three-valued: no tests, or no answer, is did_not_run and never passed.
JUnit's XML is read in junit.py; running the suite is services.suites."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.junit import CaseResult, Unreadable, parse_junit

__all__ = [
    "CaseResult",
    "SuiteResult",
    "counting",
    "from_json",
    "judge_suite",
    "no_command",
    "not_begun",
    "overall",
    "parse_junit",
    "to_json",
]

LOG_TAIL = 20_000  # characters of a log that are kept with a result
_PYTEST_NO_TESTS = 5
_NOT_STARTED = {126: "it cannot be executed", 127: "it was not found"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteResult:
    """One command's result at one SHA. `reason` says why it failed or did not run, in one sentence.

    `round` counts the runs of the same command from 1; only the last one counts. 0: it was not begun, as was decided.
    """

    suite: str
    command: str
    sha: str
    verdict: Verdict
    reason: str
    exit_code: int | None
    seconds: float
    cases: tuple[CaseResult, ...] = ()
    log_tail: str = ""
    round: int = 1

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def counting(results: tuple[SuiteResult, ...]) -> tuple[SuiteResult, ...]:
    """Without those whose command was run once more after them."""
    return tuple(
        result
        for place, result in enumerate(results)
        if place + 1 == len(results) or results[place + 1].round <= result.round
    )


def overall(results: tuple[SuiteResult, ...]) -> Verdict:
    """Failed if any failed; else did_not_run if any did not run or there is none; else passed."""
    verdicts = {result.verdict for result in counting(results)}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    if not verdicts or Verdict.DID_NOT_RUN in verdicts:
        return Verdict.DID_NOT_RUN
    return Verdict.PASSED


def no_command(sha: str) -> SuiteResult:
    """What stands in the report where the policy has no test command at all."""
    return SuiteResult(
        suite="tests",
        command="",
        sha=sha,
        verdict=Verdict.DID_NOT_RUN,
        reason="the policy names no test command ([tests] commands)",
        exit_code=None,
        seconds=0.0,
    )


def not_begun(suite: str, command: str, sha: str, reason: str) -> SuiteResult:
    """What stands in the report where the lines before it had decided already."""
    return SuiteResult(
        suite=suite,
        command=command,
        sha=sha,
        verdict=Verdict.DID_NOT_RUN,
        reason=reason,
        exit_code=None,
        seconds=0.0,
        round=0,
    )


def judge_suite(
    suite: str,
    command: str,
    sha: str,
    *,
    exit_code: int | None,
    timed_out: bool,
    junit: bytes | None,
    log_tail: str,
    seconds: float,
    missing_command: bool = False,
) -> SuiteResult:
    """The verdict on one command. `junit` is its report's bytes, None where it left none.

    `missing_command`: it could not be started at all. `exit_code` None: it was ended from outside.
    """
    report = _report(junit)
    cases = report if isinstance(report, tuple) else ()
    if missing_command:
        verdict, reason = Verdict.DID_NOT_RUN, "the command could not be started"
    elif timed_out:
        verdict, reason = Verdict.FAILED, f"it was stopped at its time limit after {seconds:.0f} s"
    elif exit_code is None:
        verdict, reason = Verdict.DID_NOT_RUN, "it was stopped before it ended"
    elif "{junit}" in command:
        verdict, reason = _by_report(exit_code, report)
    else:
        verdict, reason = _by_exit(exit_code)
    return SuiteResult(
        suite=suite,
        command=command,
        sha=sha,
        verdict=verdict,
        reason=reason,
        exit_code=exit_code,
        seconds=seconds,
        cases=cases,
        log_tail=log_tail[-LOG_TAIL:],
    )


def _report(junit: bytes | None) -> tuple[CaseResult, ...] | Unreadable:
    if not junit:
        return Unreadable("it left no JUnit report")
    return parse_junit(junit)


def _by_report(exit_code: int, report: tuple[CaseResult, ...] | Unreadable) -> tuple[Verdict, str]:
    """A command that names {junit}: report and exit code must both say passed."""
    if isinstance(report, Unreadable):
        by_exit, reason = _by_exit(exit_code)
        return (Verdict.DID_NOT_RUN, report.why) if by_exit is Verdict.PASSED else (by_exit, f"{reason}; {report.why}")
    bad = [case.name for case in report if case.outcome in {"failed", "error"}]
    ran = sum(case.outcome == "passed" for case in report)
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        return Verdict.FAILED, f"{len(bad)} of {ran + len(bad)} tests failed: {', '.join(bad[:3])}{more}"
    if exit_code not in {0, _PYTEST_NO_TESTS}:
        verdict, reason = _by_exit(exit_code)
        return verdict, f"{reason} although no test in its report failed"
    if not ran:
        skipped = f", {len(report)} skipped" if report else ""
        return Verdict.DID_NOT_RUN, f"no test ran{skipped}"
    return _by_exit(exit_code)


def _by_exit(exit_code: int) -> tuple[Verdict, str]:
    if exit_code == 0:
        return Verdict.PASSED, ""
    if exit_code == _PYTEST_NO_TESTS:
        return Verdict.DID_NOT_RUN, "it ended with 5: no tests were collected"
    if exit_code in _NOT_STARTED:
        return Verdict.DID_NOT_RUN, f"the command did not run: {_NOT_STARTED[exit_code]} (exit code {exit_code})"
    return Verdict.FAILED, f"it ended with exit code {exit_code}"


def to_json(result: SuiteResult) -> dict[str, object]:
    return {
        "suite": result.suite,
        "command": result.command,
        "sha": result.sha,
        "verdict": str(result.verdict),
        "reason": result.reason,
        "exit_code": result.exit_code,
        "seconds": result.seconds,
        "cases": [
            {"name": case.name, "outcome": case.outcome, "seconds": case.seconds, "message": case.message}
            for case in result.cases
        ],
        "log_tail": result.log_tail,
        "round": result.round,
    }


def from_json(data: Mapping[str, object]) -> SuiteResult:
    """What `to_json` made. Raises KeyError, TypeError or ValueError for anything else."""
    fields = cast("dict[str, Any]", dict(data))
    fields["cases"] = tuple(CaseResult(**case) for case in fields["cases"])
    fields["verdict"] = Verdict(fields["verdict"])
    return SuiteResult(**fields)
