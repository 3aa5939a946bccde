"""The local test report: the policy's test commands at exactly the head SHA, in an export of that tree.
After a person pushed, this is where the new head is taken over."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from oneshot_dagster.domain.artifact import Artifact, Check, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.attempt import Report
from oneshot_dagster.domain.messages import suites_table
from oneshot_dagster.domain.policy_sections import Purpose
from oneshot_dagster.domain.resume_facts import Awaiting
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, State
from oneshot_dagster.domain.test_results import SuiteResult, no_command, overall, to_json
from oneshot_dagster.services.suites.protocol import SuiteRequest
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.human_push import leave_to_a_person
from oneshot_dagster.steps.on_record import shown_again
from oneshot_dagster.steps.rooms import told, with_network
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.up_to_date import catch_up


def local_test_report(turn: Turn) -> Record | NotMyTurn:
    if turn.attempt.state in HEAD_IS_PUBLIC:
        called = turn.attempt.awaited is not None and turn.attempt.awaited.what == Awaiting.LANE
        asked = called and catch_up(turn)
        if turn.attempt.state not in HEAD_IS_PUBLIC or not _take_over_new_head(turn):
            return _as_it_is(turn, called=called, asked=asked)
    if turn.attempt.state is State.IMPLEMENTING:
        turn.move(State.TESTING, f"testing {(turn.attempt.head_sha or '')[:7]}")
    sha = turn.attempt.head_sha or ""
    results = _run_suites(turn, sha)
    if turn.cancelled():
        return NotMyTurn(artifact=Artifact.LOCAL_TEST_REPORT, reason="a person asked to stop while the tests ran")
    verdict = overall(results)
    suites = tuple(to_json(result) for result in results)
    turn.store.artifacts.add_report(
        turn.attempt.id, Report(kind="local", sha=sha, verdict=verdict, suites=suites, at=turn.services.clock.now())
    )
    _append_to_log(turn, results)
    turn.fact(
        "engine", "local_tests", {"verdict": verdict, "suites": [s["verdict"] for s in suites], **_rooms(turn)}, sha=sha
    )
    ci_status = {Verdict.PASSED: "pending", Verdict.FAILED: "failure", Verdict.DID_NOT_RUN: "did_not_run"}[verdict]
    turn.then(State.PR_READY, f"local tests {verdict} at {sha[:7]}", ci_status=ci_status)
    return _record(turn, results, verdict, sha)


def _as_it_is(turn: Turn, *, called: bool, asked: bool) -> Record | NotMyTurn:
    """Who was called to land what is on record goes on with that; who asked for a new head waits for it."""
    if called and not asked:
        return shown_again(turn)
    reason = turn.attempt.reason if asked else "the head on record is the head of the branch"
    return NotMyTurn(artifact=Artifact.LOCAL_TEST_REPORT, reason=reason)


def _take_over_new_head(turn: Turn) -> bool:
    """A person pushed (or the branch was updated): what was said of the old head is void."""
    attempt, git = turn.attempt, turn.services.git
    git.fetch(attempt.key.repository)
    head = git.remote_head(attempt.key.repository, attempt.inputs.head)
    if head is None or head == attempt.head_sha:
        return False
    git.provision(
        attempt.key, base=attempt.inputs.base, head=attempt.inputs.head, recorded_head=head, branch=attempt.inputs.head
    )
    base_sha = (
        git.merge_base(attempt.key.repository, head, f"refs/remotes/origin/{attempt.inputs.base}") or attempt.base_sha
    )
    if attempt.state is not State.AWAITING_CI:
        turn.move(State.AWAITING_CI, f"the head moved to {head[:7]}", judged_sha=None, awaited=None)
    turn.move(
        State.IMPLEMENTING,
        f"taking over the head {head[:7]}",
        head_sha=head,
        base_sha=base_sha,
        judged_sha=None,
        awaited=None,
    )
    leave_to_a_person(turn, before=attempt.head_sha, head=head)
    return True


def _run_suites(turn: Turn, sha: str) -> tuple[SuiteResult, ...]:
    if not turn.policy.tests.commands:
        return (no_command(sha),)
    with exported(turn, sha, purpose="tests") as folder:
        unready = first_unready(run_setup(turn, folder, sha))
        return (unready,) if unready else run_tests(turn, folder, sha)


def run_setup(
    turn: Turn, folder: Path, sha: str, *, home: Path | None = None, held: int | None = None
) -> tuple[SuiteResult, ...]:
    """The commands of `[agent] setup`, up to the first that does not succeed."""
    results: list[SuiteResult] = []
    for number, line in enumerate(turn.policy.agent.setup, 1):
        request = _request(turn, f"setup {number}", line, folder, sha, home=home)
        results.append(_run(turn, with_network(turn, replace(request, held=held), Purpose.SETUP)))
        if first_unready(results) is not None:
            break
    return tuple(results)


def first_unready(results: Sequence[SuiteResult]) -> SuiteResult | None:
    """The command of set-up that did not succeed."""
    return next((result for result in results if result.exit_code != 0), None)


def run_tests(turn: Turn, folder: Path, sha: str, *, where: str = "") -> tuple[SuiteResult, ...]:
    """`where` is said in the names of the suites."""
    commands = turn.policy.tests.commands
    names = [f"tests {number}" if len(commands) > 1 else "tests" for number in range(1, len(commands) + 1)]
    return tuple(
        _run(turn, with_network(turn, _request(turn, f"{name}{where}", line, folder, sha), Purpose.TESTS))
        for name, line in zip(names, commands, strict=True)
    )


def _request(turn: Turn, suite: str, command: str, folder: Path, sha: str, *, home: Path | None = None) -> SuiteRequest:
    """All commands over one tree share a HOME, beside it if nowhere else, where set-up may leave what the tests need."""
    home, timeout = home or folder.parent / "home", turn.policy.tests.timeout
    return SuiteRequest(suite=suite, command=command, folder=folder, sha=sha, timeout=timeout, home=home)


def _run(turn: Turn, request: SuiteRequest) -> SuiteResult:
    turn.say(f"running {request.command}")
    return turn.services.suites.run(request, say=turn.say, cancelled=turn.cancelled)


def _rooms(turn: Turn) -> dict[str, str]:
    return told(turn, Purpose.TESTS, *([Purpose.SETUP] if turn.policy.agent.setup else []))


def _append_to_log(turn: Turn, results: tuple[SuiteResult, ...]) -> None:
    log = turn.read_file("implementation-log") or b""
    added = "".join(f"\n$ {r.command}\n{r.log_tail}\n[{r.verdict}: {r.reason}]\n" for r in results)
    turn.file("implementation-log", log + added.encode(), "text/plain")


def _because(results: tuple[SuiteResult, ...]) -> str:
    reasons = "; ".join(dict.fromkeys(r.reason for r in results if r.reason))
    return f": {reasons}" if reasons else ""


def _record(turn: Turn, results: tuple[SuiteResult, ...], verdict: Verdict, sha: str) -> Record:
    did_run = tuple(r for r in results if r.verdict is not Verdict.DID_NOT_RUN)
    return Record(
        artifact=Artifact.LOCAL_TEST_REPORT,
        what_happened=f"Local tests {verdict.replace('_', ' ')} at {sha[:7]}{_because(results)}.",
        shown={
            "head_sha": sha,
            "verdict": verdict.value,
            "suites": Markdown(suites_table(results)),
            "passed": sum(r.count("passed") for r in results),
            "failed": sum(r.count("failed") + r.count("error") for r in results),
            "tests_seconds": round(sum(r.seconds for r in results), 3),
            **_rooms(turn),
        },
        checks=tuple(
            Check(name="local_tests", passed=overall(did_run) is Verdict.PASSED, description=did_run[0].reason)
            for _ in did_run[:1]
        ),
    )
