"""The verification report: the policy's suites from the merged SHA against the deployed URL. Did not run is failure."""

from collections.abc import Iterator

from oneshot_dagster.domain.artifact import Artifact, Check, Link, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.attempt import Report
from oneshot_dagster.domain.messages import suites_table
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.test_results import SuiteResult, counting, overall, to_json
from oneshot_dagster.domain.verification import Fault, fault, is_settled
from oneshot_dagster.steps.bake import bake, in_words
from oneshot_dagster.steps.rollback import fail_after_merge, went_on
from oneshot_dagster.steps.rooms import told
from oneshot_dagster.steps.target import serving
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.verifying import Results, baseline, run_suites, suites_of


def verification_report(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state is not State.VERIFYING:
        return NotMyTurn(
            artifact=Artifact.VERIFICATION_REPORT,
            reason=f"the change is {attempt.state}; nothing is deployed to verify",
        )
    if went_on(turn):
        return NotMyTurn(artifact=Artifact.VERIFICATION_REPORT, reason=turn.attempt.reason)
    sha, verify = attempt.merge_sha or "", turn.policy.verify
    if not verify.suites:
        return _nothing_verified(turn, sha)
    serves = serving(turn.services, attempt)
    turn.fact("deployment", "verifies", {"revision": serves}, sha=sha)
    before = baseline(turn)
    with suites_of(turn, sha, serves=serves) as suites:
        results = run_suites(suites, rerun=verify.rerun, enough=lambda so_far: _enough(turn, before, so_far))
        broken = bake(turn, suites) if overall(results) is Verdict.PASSED else None
    turn.check_lease()  # what was ended for want of it says nothing
    whose, all_of_it = fault(before, results), (*results, broken) if broken else results
    verdict = overall(all_of_it)
    _keep(turn, all_of_it, verdict, sha)
    if verdict is not Verdict.FAILED and went_on(turn):
        turn.say(turn.attempt.reason)
    elif verdict is Verdict.PASSED:
        turn.set(verified_sha=serves, verified_in=turn.policy.deploy.environment)
    else:
        why = f"verification of {sha[:7]} {verdict.replace('_', ' ')}: {_why(results, broken, whose)}"
        fail_after_merge(turn, why, suites=[to_json(result) for result in counting(all_of_it)], whose=whose)
    return _record(turn, all_of_it, before, broken, sha)


def _enough(turn: Turn, before: Results | None, so_far: Results) -> str | None:
    """The failed revision serves as long as this goes on."""
    if turn.cancelled():
        return "it was not begun: somebody asked to take the change back"
    return f"it was not begun: {so_far[-1].suite} had not passed" if is_settled(before, so_far) else None


def _keep(turn: Turn, results: tuple[SuiteResult, ...], verdict: Verdict, sha: str) -> None:
    said = tuple(to_json(result) for result in results)
    report = Report(kind="verification", sha=sha, verdict=verdict, suites=said, at=turn.services.clock.now())
    turn.store.artifacts.add_report(turn.attempt.id, report)
    log = "".join(f"$ {r.command}\n{r.log_tail}\n[{r.verdict}: {r.reason}]\n\n" for r in results)
    turn.file("verification-log", log.encode(), "text/plain")
    said = {"verdict": verdict, "suites": [r.verdict for r in results], **told(turn, Purpose.VERIFY)}
    turn.fact("engine", "verification", said, sha=sha)


def _why(results: Results, broken: SuiteResult | None, whose: Fault) -> str:
    if broken is not None:
        return f"the suites passed, and then {in_words(broken)}"
    bad = next(r for r in counting(results) if r.verdict is not Verdict.PASSED)
    return f"{bad.suite}: {bad.reason}; {whose}"


def _nothing_verified(turn: Turn, sha: str) -> Record:
    """Only a waiver of the base branch or a person's merge leads here; it is never called passed."""
    waived = turn.policy.verify.waived
    said = f"waived ({waived})" if waived else f"none (merged by {turn.attempt.merged_by})"
    turn.fact("engine", "verification", {"verdict": Verdict.DID_NOT_RUN, "said": said}, sha=sha)
    return Record(
        artifact=Artifact.VERIFICATION_REPORT,
        what_happened=f"Nothing was verified: {said}.",
        shown={
            "verification": said,
            "deployed_sha": turn.attempt.deployed_sha or "none",
            "verdict": Verdict.DID_NOT_RUN.value,
        },
    )


def _record(
    turn: Turn,
    results: tuple[SuiteResult, ...],
    before: tuple[SuiteResult, ...] | None,
    broken: SuiteResult | None,
    sha: str,
) -> Record:
    last, verdict, verify = counting(results), overall(results), turn.policy.verify
    url = turn.policy.deploy.url or ""
    held = f"held for {verify.bake:.0f} s" if verdict is Verdict.PASSED else "did not run"
    return Record(
        artifact=Artifact.VERIFICATION_REPORT,
        what_happened=f"Verification {verdict.replace('_', ' ')} against {url} at {sha[:7]}.",
        shown={
            "url": Link(url),
            "deployed_sha": sha,
            "verdict": verdict.value,
            "suites": Markdown(suites_table(results)),
            "passed": sum(r.count("passed") for r in last),
            "failed": sum(r.count("failed") + r.count("error") for r in last),
            "run_again": len(results) - len(last),
            "baseline": "did not run" if before is None else overall(before).replace("_", " "),
            "bake": in_words(broken) if broken else held,
            "tests_seconds": round(sum(r.seconds for r in results), 3),
            **told(turn, Purpose.VERIFY),
        },
        checks=tuple(_checks(results)),
    )


def _checks(results: tuple[SuiteResult, ...]) -> Iterator[Check]:
    for name in ("integration", "e2e"):
        of_name = tuple(r for r in results if r.suite == name and r.round)
        if of_name:
            reasons = "; ".join(r.reason for r in counting(of_name))
            yield Check(name=name, passed=overall(of_name) is Verdict.PASSED, description=reasons)
