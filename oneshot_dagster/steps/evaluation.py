"""The evaluation: rules first, then a model that can only be stricter; the verdict holds for one SHA."""

from collections.abc import Mapping

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Artifact, Check, Markdown, NotMyTurn, Record, Shown, Verdict
from oneshot_dagster.domain.attempt import StoredEvaluation
from oneshot_dagster.domain.evaluation import Evaluation, by_rules, by_rules_of_a_revert, evaluated, worth_asking
from oneshot_dagster.domain.evaluation_rules import RuleResult, seen_whole
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.new_tests import Proof
from oneshot_dagster.domain.opinion import Decision, JudgeFailure
from oneshot_dagster.domain.patch import Failure
from oneshot_dagster.domain.run import OBSERVE_ONLY, Kind, State
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.domain.verdict import judge_comment, requirements_table, why
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.check_state import read_gate
from oneshot_dagster.steps.convergence import failed_alike
from oneshot_dagster.steps.file_snapshot import read_snapshot
from oneshot_dagster.steps.gate import gate_without_pull
from oneshot_dagster.steps.judging import Answer, ask, shown_to_model, unseen
from oneshot_dagster.steps.new_tests import prove
from oneshot_dagster.steps.reverting import ended_meanwhile, made_by_git
from oneshot_dagster.steps.telling import UNHEARD, shown_withheld
from oneshot_dagster.steps.turn import Turn


def evaluation(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state is not State.JUDGING:
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=f"the change is {attempt.state}, not judging")
    if attempt.pr_number is None:
        return _without_pull(turn)
    facts, gate = read_gate(turn)
    turn.store.projections.save_pull(attempt.key.repository, facts)
    if ended_meanwhile(turn, facts):
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=turn.attempt.reason)
    if facts.merged:
        turn.move(State.MERGE_READY, f"merged by {facts.merged_by} before it was judged")
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=f"pull request #{facts.pr_number} is merged already")
    if gate.opening is not Opening.PASSED:
        turn.move(State.AWAITING_CI, f"the gate is {gate.opening} again: {gate.reason}")
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=gate.reason)
    snapshot = turn.store.projections.snapshot(attempt.key.repository, pr_number=facts.pr_number, head_sha=gate.sha)
    if snapshot is None:
        turn.move(State.AWAITING_CI, f"no file snapshot of {gate.sha[:7]} is on record")
        return NotMyTurn(artifact=Artifact.EVALUATION, reason="no file snapshot of this head is on record")
    return _judge(turn, snapshot, gate)


def _judge(turn: Turn, snapshot: Snapshot, gate: Gate) -> Record | NotMyTurn:
    is_revert = turn.attempt.kind is Kind.REVERT
    proof = prove(turn, snapshot) if snapshot.files and not is_revert else None
    if turn.cancelled():
        return _stopped("the new tests ran")
    results = _of_a_revert(turn, snapshot, gate) if is_revert else _rules(turn, snapshot, gate, proof)
    shown = None
    if turn.services.judge.model is not None and not is_revert and worth_asking(results):
        shown = shown_to_model(turn, snapshot, gate, proof)
        results = (*results, seen_whole(unseen(shown)))
    asked = shown if worth_asking(results) else None
    answer = ask(turn, asked) if asked is not None else None
    if turn.cancelled() or (asked is not None and answer is None):
        return _stopped("it was judged")
    said = answer.said if answer is not None else None
    if isinstance(said, JudgeFailure):
        return _failed(turn, answer, said)
    found = evaluated(snapshot.head_sha, results, said)
    _store(turn, found, answer)
    _act(turn, found)
    if answer is not None:
        _tell(turn, found, answer)
    return _record(turn, found, answer)


def _stopped(meanwhile: str) -> NotMyTurn:
    return NotMyTurn(artifact=Artifact.EVALUATION, reason=f"a person asked to stop while {meanwhile}")


def _of_a_revert(turn: Turn, snapshot: Snapshot, gate: Gate) -> tuple[RuleResult, ...]:
    return (*by_rules_of_a_revert(snapshot, gate), made_by_git(turn, gate.sha))


def _rules(turn: Turn, snapshot: Snapshot, gate: Gate, proof: Proof | None) -> tuple[RuleResult, ...]:
    inputs = turn.attempt.inputs
    return by_rules(
        snapshot,
        turn.policy,
        issue_text=f"{inputs.issue_title}\n{inputs.issue_body}",
        approvals_by_sha=_approved(turn),
        gate=gate,
        proof=proof,
    )


def _failed(turn: Turn, answer: Answer | None, failure: JudgeFailure) -> NotMyTurn:
    """No usable answer within the budget: on record as what a person has to look at, and never a pass."""
    sha, reason = turn.attempt.head_sha or "", f"the judge failed: {failure.problem}"
    reasons: dict[str, object] = {"error": "judge_failed", "problem": failure.problem}
    _add(turn, Decision.NEEDS_HUMAN, sha, reasons=reasons, answer=answer)
    turn.fact("engine", "evaluation", {"decision": Decision.NEEDS_HUMAN, **reasons}, sha=sha)
    turn.move(State.NEEDS_HUMAN, reason, human_from=State.JUDGING, human_reason="judge_failed")
    return NotMyTurn(artifact=Artifact.EVALUATION, reason=reason)


def _without_pull(turn: Turn) -> Record | NotMyTurn:
    """Nothing was proposed: the rules judge the diff as git has it, and whatever they say of it, a person decides."""
    return _judge(turn, read_snapshot(turn), gate_without_pull(turn.services, turn.attempt))


def _approved(turn: Turn) -> frozenset[str]:
    return frozenset(r.sha for r in turn.store.requests.of(turn.attempt.id) if r.kind == "approve" and r.sha)


def _store(turn: Turn, found: Evaluation, answer: Answer | None) -> None:
    _add(
        turn,
        found.decision,
        found.sha,
        reasons=found.reasons,
        answer=answer,
        missing_items=found.missing_items,
        next_prompt=found.next_prompt,
    )
    rules = {rule.name: rule.verdict for rule in found.rules}
    said: dict[str, object] = {"decision": found.decision, "rules": rules}
    if answer is not None:
        said |= {"model": answer.model, "opinion": found.opinion, "prompt_sha256": answer.prompt_sha256}
    turn.fact("engine", "evaluation", said, sha=found.sha)


def _add(
    turn: Turn,
    decision: Decision,
    sha: str,
    *,
    reasons: Mapping[str, object],
    answer: Answer | None,
    missing_items: tuple[str, ...] = (),
    next_prompt: str | None = None,
) -> None:
    stored = StoredEvaluation(
        decision=decision,
        sha=sha,
        reasons=dict(reasons),
        missing_items=missing_items,
        next_prompt=next_prompt,
        model=answer.model if answer else None,
        prompt_sha256=answer.prompt_sha256 if answer else None,
        raw_output=answer.raw if answer else None,
        at=turn.services.clock.now(),
    )
    turn.store.artifacts.add_evaluation(turn.attempt.id, stored)


def _tell(turn: Turn, found: Evaluation, answer: Answer) -> None:
    """One comment on the pull request, edited with each judgement of it. The rules alone are told by our check."""
    number = turn.attempt.pr_number
    if number is None:
        return
    body = judge_comment(found, model=answer.model, prompt_sha256=answer.prompt_sha256)
    try:
        effects.comment(turn, number=number, purpose="judge", body=body)
    except UNHEARD as error:
        turn.say(f"not told on GitHub: {error}")


def _act(turn: Turn, found: Evaluation) -> None:
    reason = why(found)
    if found.decision == Decision.PASS:
        turn.then(State.MERGE_READY, f"judged pass at {found.sha[:7]}", judged_sha=found.sha)
    elif found.decision == Decision.NEEDS_ITERATION and failed_alike(turn, _missing(found), sha=found.sha):
        reason = f"two attempts in a row were judged alike: {reason}"
        turn.move(State.NEEDS_HUMAN, reason, human_from=State.JUDGING, human_reason="no_progress")
    elif found.decision == Decision.NEEDS_ITERATION:
        turn.then(State.NEEDS_ITERATION, reason, next_prompt=found.next_prompt)
    elif turn.attempt.pr_number is None:
        reason = f"mode observe: nothing was written; {found.sha[:7]} is what it would propose ({reason})"
        turn.move(State.NEEDS_HUMAN, reason, human_from=State.JUDGING, human_reason=OBSERVE_ONLY)
    else:
        turn.move(
            State.NEEDS_HUMAN,
            reason,
            human_from=State.JUDGING,
            human_reason=str(found.reasons.get("error") or "judge"),
            next_prompt=found.next_prompt,
        )


def _missing(found: Evaluation) -> list[Failure]:
    return [Failure(name="judge", log=item) for item in found.missing_items]


def _record(turn: Turn, found: Evaluation, answer: Answer | None) -> Record:
    reason = why(found)
    return Record(
        artifact=Artifact.EVALUATION,
        what_happened=f"Judged {found.decision} at {found.sha[:7]}: {reason}.",
        shown={
            "decision": found.decision,
            "judged_sha": found.sha,
            "rules": Markdown(messages.rules_table(found)),
            "rules_passed": sum(rule.verdict is Verdict.PASSED for rule in found.rules),
            "missing_items": len(found.missing_items),
            "model": f"{answer.model}, after the rules" if answer else "rules alone",
            **_of_the_model(found, answer),
            "not_enforced": "; ".join(f"not enforced: {phrase}" for phrase in turn.services.judge.not_enforced)
            or "nothing",
            **shown_withheld(turn),
        },
        checks=(Check(name="judge_pass", passed=found.decision == Decision.PASS, description=reason),),
    )


def _of_the_model(found: Evaluation, answer: Answer | None) -> dict[str, Shown]:
    if answer is None:
        return {}
    return {
        "opinion": found.opinion,
        "requirements": Markdown(requirements_table(found.coverage)),
        "prompt_sha256": answer.prompt_sha256,
        "judge_tokens": "unknown" if answer.tokens is None else answer.tokens,
        "judge_seconds": round(answer.seconds, 3),
    }
