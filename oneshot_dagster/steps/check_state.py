"""The check state: what CI, reviewers and GitHub say of the head SHA, held for a while and then parked.
The decision is domain.gate's; this step reads, records and moves."""

import json
from collections.abc import Callable, Sequence
from datetime import timedelta

from oneshot_dagster.domain.artifact import Artifact, Check, Link, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.gate import Gate, GateFacts, Opening, Thread, checks_failing
from oneshot_dagster.domain.messages import conditions_table
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.steps import effects, lane
from oneshot_dagster.steps.convergence import failed_alike
from oneshot_dagster.steps.gate import gate_at, gate_without_pull
from oneshot_dagster.steps.reverting import ended_meanwhile, where_now
from oneshot_dagster.steps.turn import Turn

MOST_UPDATES = 5  # of a branch in one attempt, each with CI and a judgement of its own
_FIRST_LOOK = 0.5  # seconds; the pauses grow from here to the poll interval, because a quick CI is worth a quick look


def check_state(turn: Turn) -> Record | NotMyTurn:
    if turn.attempt.state is not State.AWAITING_CI:
        return NotMyTurn(artifact=Artifact.CHECK_STATE, reason=f"the change is {turn.attempt.state}, not awaiting CI")
    if turn.attempt.pr_number is None:
        return _without_pull(turn)
    facts, gate = hold_gate(turn, lambda _, gate: gate.opening is Opening.PENDING)
    _record_facts(turn, facts, gate)
    if not turn.cancelled() and not ended_meanwhile(turn, facts):
        _act(turn, facts, gate)
    return _record(turn, facts, gate)


def read_gate(turn: Turn) -> tuple[GateFacts, Gate]:
    """One fresh reading of the truth and the one decision over it, for check_state, evaluation and merge alike."""
    attempt = turn.attempt
    facts = turn.services.github.gate_facts(attempt.key.repository, attempt.pr_number or 0)
    return facts, gate_at(turn.services, attempt, facts)


def hold_gate(turn: Turn, still: Callable[[GateFacts, Gate], bool]) -> tuple[GateFacts, Gate]:
    """Re-reads until that is no longer so, the hold is over, a person stops, or another run waits for this slot."""
    limits, clock = turn.services.limits, turn.services.clock
    until = clock.monotonic() + limits.hold_seconds
    with turn.store.waiting(turn.attempt.key) as waiter:
        said, pause = "", _FIRST_LOOK
        while True:
            facts, gate = read_gate(turn)
            left = until - clock.monotonic()
            if not still(facts, gate) or left <= 0:
                return facts, gate
            if turn.cancelled() or turn.others_wait():
                return facts, gate
            if gate.reason != said:
                said = gate.reason
                turn.say(f"waiting: {said}")
            waiter.wait(min(pause, left))
            pause = min(pause * 1.5, limits.poll_seconds)


def _record_facts(turn: Turn, facts: GateFacts, gate: Gate) -> None:
    turn.store.projections.save_pull(turn.attempt.key.repository, facts)
    _record_gate(turn, gate, source="github")


def _record_gate(turn: Turn, gate: Gate, *, source: str) -> None:
    conditions = {c.name: {"verdict": c.verdict or "pending", "fact": c.fact} for c in gate.conditions}
    turn.fact(source, "gate", {"opening": gate.opening, "conditions": conditions}, sha=gate.sha)


def _without_pull(turn: Turn) -> Record:
    """Nothing was proposed: the local tests decide what they can, the rest did not run and the rules judge all the same."""
    gate = gate_without_pull(turn.services, turn.attempt)
    _record_gate(turn, gate, source="engine")
    if turn.cancelled():
        pass
    elif gate.opening is Opening.FAILED:
        _send_back(turn, gate)
    else:
        turn.then(State.JUDGING, f"there is no pull request to wait for; the rules judge {gate.sha[:7]}", awaited=None)
    return Record(
        artifact=Artifact.CHECK_STATE,
        what_happened=f"Without a pull request the gate did not run at {gate.sha[:7]}: {gate.reason}.",
        shown={
            "state": gate.opening.value,
            "head_sha": gate.sha,
            "base_sha": turn.attempt.base_sha,
            "pull_request": "withheld: mode observe",
            "mergeable_state": "did not run",
            "checks": "did not run",
            "conditions": Markdown(conditions_table(gate)),
        },
        checks=_checks(gate),
    )


def _act(turn: Turn, facts: GateFacts, gate: Gate) -> None:
    match gate.opening:
        case Opening.PASSED:
            turn.then(State.JUDGING, f"the gate passed at {gate.sha[:7]}", ci_status="success", awaited=None)
        case Opening.FAILED:
            failing = checks_failing(facts)
            turn.set(ci_status="failure" if failing else turn.attempt.ci_status)
            _send_back(turn, gate, failing=failing, threads=facts.threads)
        case Opening.BEHIND:
            # Of those whose turn it is not, which are parked, every merge would make it behind again.
            if lane.enter(turn) is not None:
                bring_up_to_date(turn, facts, gate)
        case Opening.CONFLICT:
            bring_up_to_date(turn, facts, gate)
        case Opening.CLOSED if facts.merged:
            turn.then(State.JUDGING, f"pull request #{facts.pr_number} was merged by {facts.merged_by}", awaited=None)
        case Opening.CLOSED:
            turn.move(
                State.NEEDS_HUMAN,
                f"pull request #{facts.pr_number} was closed without a merge",
                human_from=State.AWAITING_CI,
                human_reason="pull_request_closed",
                awaited=None,
            )
        case _:
            park(turn, gate)


def _send_back(turn: Turn, gate: Gate, *, failing: Sequence[str] = (), threads: Sequence[Thread] = ()) -> None:
    if failed_alike(turn, _leave_failures(turn, gate.sha, failing, threads), sha=gate.sha):
        raise NeedsHuman(f"two attempts in a row failed alike: {gate.reason}", reason="no_progress")
    turn.then(State.NEEDS_ITERATION, gate.reason, next_prompt=f"The gate did not pass: {gate.reason}.", awaited=None)


def bring_up_to_date(turn: Turn, facts: GateFacts, gate: Gate) -> None:
    """Base moved: a mechanical update of the branch; a conflict, or a base that never rests, is for a person."""
    done = effects.updates_of_branch(turn)
    if done >= MOST_UPDATES:
        turn.move(
            State.NEEDS_HUMAN,
            f"{turn.attempt.inputs.base} moved again after the branch was brought up to date {done} times",
            human_from=State.AWAITING_CI,
            human_reason="base_keeps_moving",
            awaited=None,
        )
        return
    result = effects.update_branch(turn, number=facts.pr_number, expected=facts.head_sha)
    if not result.get("refused"):
        park(turn, gate, what="head_moved")
        return
    live = f". {where_now(turn)}" if turn.attempt.kind is Kind.REVERT else ""
    turn.move(
        State.NEEDS_HUMAN,
        f"{turn.attempt.inputs.head} conflicts with {turn.attempt.inputs.base} and GitHub could not update it{live}",
        human_from=State.AWAITING_CI,
        human_reason="merge_conflict",
        awaited=None,
    )


def park(turn: Turn, gate: Gate, *, what: str | None = None) -> None:
    """Ends the waiting in this process; the resumer continues when something changed or the deadline passed."""
    now, policy = turn.store.now(), turn.policy
    # What GitHub blocks, or calls behind, follows from the others.
    pending = [c.name for c in gate.conditions if c.verdict is not Verdict.PASSED and c.name != "mergeable"]
    only_people = bool(pending) and all(name.startswith(("review", "threads")) for name in pending)
    what = what or ("review" if only_people else "ci")
    since = turn.attempt.awaited.since if turn.attempt.awaited and turn.attempt.awaited.what == what else now
    wait = policy.gate.review_wait if only_people else policy.gate.ci_wait
    turn.park(Awaited(what=what, since=since, deadline=since + timedelta(seconds=wait)), gate.reason)
    turn.say(f"parked: {gate.reason}")


def _leave_failures(turn: Turn, sha: str, failing: Sequence[str], threads: Sequence[Thread]) -> list[Failure]:
    """Keeps the logs of what failed for the next attempt's prompt: failing checks, and suites of the local report.
    Returns them with what reviewers ask, which the prompt reads anew."""
    attempt, github = turn.attempt, turn.services.github
    failures = [{"name": name, "log": github.check_log(attempt.key.repository, sha, name)} for name in failing]
    report = turn.store.artifacts.report(attempt.id, kind="local", sha=sha)
    failures += [
        {"name": f"local {suite['suite']}", "log": str(suite.get("log_tail", ""))}
        for suite in (report.suites if report else ())
        if suite["verdict"] != Verdict.PASSED
    ]
    turn.file("failures", json.dumps(failures).encode(), "application/json")
    asked = [Failure(name=f"thread {t.thread_id}", log=t.body) for t in threads if not t.is_resolved]
    return [*(Failure(name=f["name"], log=f["log"]) for f in failures), *asked]


def _record(turn: Turn, facts: GateFacts, gate: Gate) -> Record:
    state = "pending" if turn.attempt.awaited else gate.opening.value
    return Record(
        artifact=Artifact.CHECK_STATE,
        what_happened=f"The gate is {state} at {gate.sha[:7]}: {gate.reason}.",
        shown={
            "state": state,
            "head_sha": facts.head_sha,
            "base_sha": facts.base_sha,
            "pull_request": Link(turn.attempt.pr_url or ""),
            "mergeable_state": facts.mergeable_state or "not known yet",
            "checks": len(facts.checks) + len(facts.statuses),
            "unresolved_threads": sum(not t.is_resolved for t in facts.threads),
            "conditions": Markdown(conditions_table(gate)),
        },
        checks=_checks(gate),
    )


def _checks(gate: Gate) -> tuple[Check, ...]:
    """One asset check a family of conditions; a family that is still pending is not in the record."""
    families = {"ci_green": ("ci", "local_tests"), "review_clear": ("review", "threads"), "mergeable": ("mergeable",)}
    checks: list[Check] = []
    for name, prefixes in families.items():
        conditions = [c for c in gate.conditions if c.name.split(":")[0] in prefixes]
        if not conditions or any(c.verdict in {None, Verdict.DID_NOT_RUN} for c in conditions):
            continue
        failed = [c for c in conditions if c.verdict is Verdict.FAILED]
        facts = "; ".join(c.fact for c in failed or conditions)
        checks.append(Check(name=name, passed=not failed, description=facts))
    return tuple(checks)
