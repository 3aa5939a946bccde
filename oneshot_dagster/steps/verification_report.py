"""The verification report: the policy's suites from the merged SHA against the deployed URL. Did not run is failure."""

import tempfile
from pathlib import Path

from oneshot_dagster.domain.artifact import Artifact, Check, Link, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.attempt import Report
from oneshot_dagster.domain.messages import suites_table
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.run import State
from oneshot_dagster.domain.test_results import SuiteResult, overall, to_json
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.steps.rollback import fail_after_merge
from oneshot_dagster.steps.rooms import told, with_network
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.turn import Turn


def verification_report(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state is not State.VERIFYING:
        return NotMyTurn(
            artifact=Artifact.VERIFICATION_REPORT,
            reason=f"the change is {attempt.state}; nothing is deployed to verify",
        )
    sha, verify = attempt.merge_sha or "", turn.policy.verify
    if not verify.suites:
        return _nothing_verified(turn, sha)
    results = _run(turn, sha)
    verdict = overall(results)
    suites = tuple(to_json(result) for result in results)
    report = Report(kind="verification", sha=sha, verdict=verdict, suites=suites, at=turn.services.clock.now())
    turn.store.artifacts.add_report(attempt.id, report)
    log = "".join(f"$ {r.command}\n{r.log_tail}\n[{r.verdict}: {r.reason}]\n\n" for r in results)
    turn.file("verification-log", log.encode(), "text/plain")
    turn.fact("engine", "verification", {"verdict": verdict, "suites": [s["verdict"] for s in suites]}, sha=sha)
    gone = _gone(turn, sha)
    if verdict is not Verdict.PASSED or gone is not None:
        bad = next((r for r in results if r.verdict is not Verdict.PASSED), None)
        why = f"{bad.suite}: {bad.reason}" if bad else f"after the suites {sha[:7]} did not serve any more: {gone}"
        fail_after_merge(turn, f"verification of {sha[:7]} {verdict.replace('_', ' ')}: {why}", suites=suites)
    else:
        turn.set(verified_sha=sha)
    return _record(turn, results, verdict, sha)


def _run(turn: Turn, sha: str) -> tuple[SuiteResult, ...]:
    verify, services = turn.policy.verify, turn.services
    services.limits.scratch.mkdir(parents=True, exist_ok=True)
    url = turn.policy.deploy.url or ""
    with tempfile.TemporaryDirectory(dir=services.limits.scratch, prefix="verify-") as scratch:
        folder = Path(scratch) / "tree"
        services.git.export(turn.attempt.key.repository, sha=sha, target=folder)
        results: list[SuiteResult] = []
        for suite, lines in (("integration", verify.integration), ("e2e", verify.e2e)):
            for line in lines:
                turn.say(f"verifying {url}: {line}")
                env = {"ONESHOT_DEPLOYED_URL": url, "ONESHOT_DEPLOYED_SHA": sha}
                request = SuiteRequest(
                    suite=suite, command=line, folder=folder, sha=sha, timeout=turn.policy.tests.timeout, env=env
                )
                request = with_network(turn, request, Purpose.VERIFY)
                results.append(services.suites.run(request, say=turn.say, cancelled=lambda: turn.held.lost))
        return tuple(results)


def _gone(turn: Turn, sha: str) -> str | None:
    """What serves instead of `sha`, ready; None where it does, or nothing is deployed."""
    deploy = turn.services.deploys.get(turn.policy.deploy.kind)
    if deploy is None or deploy.kind == "none":
        return None
    aim = target(turn.services, turn.attempt)
    seen = deploy.observe(aim)
    return None if deploy.ready(aim, seen, sha=sha) else seen.detail


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


def _record(turn: Turn, results: tuple[SuiteResult, ...], verdict: Verdict, sha: str) -> Record:
    checks: list[Check] = []
    for name in ("integration", "e2e"):
        of_name = tuple(r for r in results if r.suite == name)
        if of_name:
            reasons = "; ".join(r.reason for r in of_name)
            checks.append(Check(name=name, passed=overall(of_name) is Verdict.PASSED, description=reasons))
    return Record(
        artifact=Artifact.VERIFICATION_REPORT,
        what_happened=f"Verification {verdict.replace('_', ' ')} against {turn.policy.deploy.url} at {sha[:7]}.",
        shown={
            "url": Link(turn.policy.deploy.url or ""),
            "deployed_sha": sha,
            "verdict": verdict.value,
            "suites": Markdown(suites_table(results)),
            "passed": sum(r.count("passed") for r in results),
            "failed": sum(r.count("failed") + r.count("error") for r in results),
            "tests_seconds": round(sum(r.seconds for r in results), 3),
            **told(turn, Purpose.VERIFY),
        },
        checks=tuple(checks),
    )
