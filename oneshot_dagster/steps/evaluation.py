"""The evaluation: rules first, then a model that can only be stricter; the verdict holds for one SHA."""

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Artifact, Check, Markdown, NotMyTurn, Record, Verdict
from oneshot_dagster.domain.attempt import StoredEvaluation
from oneshot_dagster.domain.evaluation import Decision, Evaluation, evaluate
from oneshot_dagster.domain.gate import Gate, Opening
from oneshot_dagster.domain.opinion import JudgeFailure
from oneshot_dagster.domain.run import OBSERVE_ONLY, State
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.steps.check_state import read_gate
from oneshot_dagster.steps.file_snapshot import read_snapshot
from oneshot_dagster.steps.gate import gate_without_pull
from oneshot_dagster.steps.telling import shown_withheld
from oneshot_dagster.steps.turn import Turn


def evaluation(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state is not State.JUDGING:
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=f"the change is {attempt.state}, not judging")
    if attempt.pr_number is None:
        return _without_pull(turn)
    facts, gate = read_gate(turn)
    turn.store.projections.save_pull(attempt.key.repository, facts)
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
    found = _evaluated(turn, snapshot, gate)
    if isinstance(found, JudgeFailure):
        reason = f"the judge failed: {found.problem}"
        turn.move(State.NEEDS_HUMAN, reason, human_from=State.JUDGING, human_reason="judge_failed")
        return NotMyTurn(artifact=Artifact.EVALUATION, reason=reason)
    _store(turn, found)
    if not turn.cancelled():
        _act(turn, found)
    return _record(turn, found)


def _evaluated(turn: Turn, snapshot: Snapshot, gate: Gate) -> Evaluation | JudgeFailure:
    inputs = turn.attempt.inputs
    return evaluate(
        snapshot,
        turn.policy,
        issue_text=f"{inputs.issue_title}\n{inputs.issue_body}",
        approvals_by_sha=_approved(turn),
        gate=gate,
        opinion=None,
    )


def _without_pull(turn: Turn) -> Record | NotMyTurn:
    """Nothing was proposed: the rules judge the diff as git has it, and whatever they say of it, a person decides."""
    return _judge(turn, read_snapshot(turn), gate_without_pull(turn.services, turn.attempt))


def _approved(turn: Turn) -> frozenset[str]:
    return frozenset(r.sha for r in turn.store.requests.of(turn.attempt.id) if r.kind == "approve" and r.sha)


def _store(turn: Turn, found: Evaluation) -> None:
    stored = StoredEvaluation(
        decision=found.decision,
        sha=found.sha,
        reasons=dict(found.reasons),
        missing_items=tuple(found.missing_items),
        next_prompt=found.next_prompt,
        model=None,
        prompt_sha256=None,
        raw_output=None,
        at=turn.services.clock.now(),
    )
    turn.store.artifacts.add_evaluation(turn.attempt.id, stored)
    rules = {rule.name: rule.verdict for rule in found.rules}
    turn.fact("engine", "evaluation", {"decision": found.decision, "rules": rules}, sha=found.sha)


def _act(turn: Turn, found: Evaluation) -> None:
    reason = why(found)
    if found.decision == Decision.PASS:
        turn.then(State.MERGE_READY, f"judged pass at {found.sha[:7]}", judged_sha=found.sha)
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


def why(found: Evaluation) -> str:
    """The rules that do not hold, in one sentence."""
    return "; ".join(rule.detail for rule in found.rules if rule.verdict is not Verdict.PASSED) or "every rule holds"


def _record(turn: Turn, found: Evaluation) -> Record:
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
            "model": "a model, after the rules" if found.model else "rules alone",
            "not_enforced": "; ".join(f"not enforced: {phrase}" for phrase in turn.services.judge.not_enforced)
            or "nothing",
            **shown_withheld(turn),
        },
        checks=(Check(name="judge_pass", passed=found.decision == Decision.PASS, description=reason),),
    )
