"""Results of a test suite, three-valued: no tests, or no answer, is did_not_run and never passed.
JUnit's XML is read here; running the suite is services.suites."""

from dataclasses import dataclass

from oneshot_dagster.domain.artifact import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResult:
    name: str
    outcome: str  # passed | failed | error | skipped
    seconds: float
    message: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class SuiteResult:
    """One command's result at one SHA. `reason` says why it failed or did not run, in one sentence."""

    suite: str
    command: str
    sha: str
    verdict: Verdict
    reason: str
    exit_code: int | None
    seconds: float
    cases: tuple[CaseResult, ...] = ()
    log_tail: str = ""

    def count(self, outcome: str) -> int:
        return sum(case.outcome == outcome for case in self.cases)


def overall(results: tuple[SuiteResult, ...]) -> Verdict:
    """Failed if any failed; else did_not_run if any did not run or there is none; else passed."""
    verdicts = {result.verdict for result in results}
    if Verdict.FAILED in verdicts:
        return Verdict.FAILED
    if not verdicts or Verdict.DID_NOT_RUN in verdicts:
        return Verdict.DID_NOT_RUN
    return Verdict.PASSED
