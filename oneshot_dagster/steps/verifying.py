"""Running the policy's verification suites against a deployed URL, from an exported tree of one SHA: with what they may know,
once more where one did not pass. What they leave as files is leavings.py's, what a result means is domain's."""

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Report
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.run import Kind
from oneshot_dagster.domain.test_results import SuiteResult, from_json, not_begun, overall, to_json
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.steps import leavings
from oneshot_dagster.steps.delivery import observe
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.holds import missing_secrets
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.rooms import with_network
from oneshot_dagster.steps.turn import Turn

Results = tuple[SuiteResult, ...]
_REDACTED = "[redacted]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Suites:
    """The suites of one SHA, ready to run in `folder`: those of `serves`, which is that SHA or a later one that holds it."""

    turn: Turn
    sha: str
    serves: str
    folder: Path
    secrets: Mapping[str, str]
    missing: tuple[str, ...]  # secrets that the policy names and the operator does not keep

    def run(self, suite: str, line: str, *, number: int = 1) -> SuiteResult:
        """One run of one line; `number` counts the runs of it."""
        turn, verify = self.turn, self.turn.policy.verify
        if self.missing:
            return _without_secrets(suite, line, self.sha, self.missing)
        env = {
            "ONESHOT_DEPLOYED_URL": turn.policy.deploy.url or "",
            "ONESHOT_DEPLOYED_SHA": self.serves,
            "ONESHOT_ARTIFACTS": str(leavings.room_for(self.folder)),
            **self.secrets,
        }
        request = SuiteRequest(
            suite=suite, command=line, folder=self.folder, sha=self.sha, timeout=verify.timeout, env=env
        )
        request = with_network(turn, request, Purpose.VERIFY)
        result = turn.services.suites.run(request, say=self._say, cancelled=turn.cancelled)
        return replace(self._redacted(result), round=number)

    def keep(self, name: str) -> None:
        """What the last run left, under that name."""
        leavings.keep(self.turn, self.folder, name, secrets=self.secrets.values())

    def _say(self, text: str) -> None:
        self.turn.say(self._clean(text))

    def _redacted(self, result: SuiteResult) -> SuiteResult:
        cases = tuple(replace(case, message=self._clean(case.message)) for case in result.cases)
        return replace(result, log_tail=self._clean(result.log_tail), reason=self._clean(result.reason), cases=cases)

    def _clean(self, text: str) -> str:
        for value in self.secrets.values():
            text = text.replace(value, _REDACTED) if value else text
        return text


@contextmanager
def suites_of(turn: Turn, sha: str, *, serves: str | None = None) -> Generator[Suites]:
    """The tests of an older revision may ask for what a later one took back."""
    serves = serves or sha
    with exported(turn, serves, purpose="verify") as folder:
        kept = turn.services.limits.secrets.get(turn.attempt.key.repository, {})
        names = turn.policy.verify.secrets
        missing = missing_secrets(turn.services, turn.attempt)
        secrets = {name: kept[name] for name in names if name in kept}
        yield Suites(turn=turn, sha=sha, serves=serves, folder=folder, secrets=secrets, missing=missing)


def run_suites(
    suites: Suites, *, rerun: bool, kept_as: str = "", enough: Callable[[Results], str | None] = lambda _: None
) -> Results:
    """Every line of the policy, in its order; a second run stands right behind the first. `kept_as` begins the files' names.

    `enough`: asked after each line, why those behind it are not begun any more.
    """
    results: list[SuiteResult] = []
    names, over = Counter[str](), None
    for suite, line in lines_of(suites.turn):
        if over is not None:
            results.append(not_begun(suite, line, suites.sha, over))
            continue
        names[suite] += 1
        name = f"{kept_as}{suite}" + (f"-{names[suite]}" if names[suite] > 1 else "")
        suites.turn.say(f"verifying {suites.turn.policy.deploy.url}: {line}")
        results.append(suites.run(suite, line))
        suites.keep(name)
        if rerun and results[-1].verdict is not Verdict.PASSED and not suites.turn.cancelled():
            suites.turn.say(f"{suite} is run once more: {results[-1].reason}")
            results.append(suites.run(suite, line, number=2))
            suites.keep(f"{name}-again")
        over = enough(tuple(results))
    return tuple(results)


def lines_of(turn: Turn) -> Iterator[tuple[str, str]]:
    verify = turn.policy.verify
    yield from (("integration", line) for line in verify.integration)
    yield from (("e2e", line) for line in verify.e2e)


def take_baseline(turn: Turn) -> None:
    """The suites of the revision that serves, before another one is started; once an attempt, and never after a start."""
    attempt, verify = turn.attempt, turn.policy.verify
    if not (verify.baseline and verify.suites) or attempt.kind is Kind.REVERT:
        return
    if _started(turn) or baseline(turn) is not None:
        return
    observed = observe(turn.services, attempt)
    sha = observed.revision if observed else None
    if observed is not None and observed.settling:
        _no_baseline(turn, f"what serves has not settled: {observed.detail}")
        return
    if sha is None or turn.services.git.resolve(attempt.key.repository, sha) is None:
        _no_baseline(turn, "nothing serves that git knows")
        return
    if sha == attempt.merge_sha:
        _no_baseline(turn, "what was merged serves already, without a start of ours")
        return
    with suites_of(turn, sha) as suites:
        results = run_suites(suites, rerun=verify.rerun, kept_as="baseline-")
    after = observe(turn.services, attempt)
    if after is None or after.revision != sha or after.settling:  # what follows the base by itself does not wait for us
        _no_baseline(turn, f"{sha[:7]} alone did not serve to its end")
        return
    verdict = overall(results)
    said = tuple(to_json(result) for result in results)
    report = Report(kind="baseline", sha=sha, verdict=verdict, suites=said, at=turn.services.clock.now())
    turn.store.artifacts.add_report(attempt.id, report)
    turn.fact("engine", "baseline", {"verdict": verdict}, sha=sha)


def _no_baseline(turn: Turn, detail: str) -> None:
    turn.fact("engine", "baseline", {"verdict": Verdict.DID_NOT_RUN, "detail": detail})


def baseline(turn: Turn) -> tuple[SuiteResult, ...] | None:
    """How the suites ended before the deployment, None where they did not run."""
    facts = (f for f in reversed(turn.store.facts.of(turn.attempt.id)) if f.kind == "baseline" and f.sha)
    newest = next(facts, None)
    if newest is None or newest.sha is None:
        return None
    report = turn.store.artifacts.report(turn.attempt.id, kind="baseline", sha=newest.sha)
    return tuple(map(from_json, report.suites)) if report else None


def _started(turn: Turn) -> bool:
    writes = turn.store.writes.of(turn.attempt.key)
    return any(w.attempt_id == turn.attempt.id and w.action == Action.START_DEPLOYMENT for w in writes)


def _without_secrets(suite: str, line: str, sha: str, missing: tuple[str, ...]) -> SuiteResult:
    return SuiteResult(
        suite=suite,
        command=line,
        sha=sha,
        verdict=Verdict.DID_NOT_RUN,
        reason=f"this platform keeps no secret {', '.join(missing)} for the repository ([verify.secrets] of its settings)",
        exit_code=None,
        seconds=0.0,
    )
