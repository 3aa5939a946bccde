"""The merge: one function, the only caller of GitHub's merge. Re-reads, re-decides, writes the intent, merges at the judged SHA.
Afterwards the landing check: what landed is what git makes of base and judged head, and nothing else."""

from datetime import timedelta

from oneshot_dagster.domain.artifact import Artifact, Link, NotMyTurn, Record
from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.gate import Gate, GateFacts, Opening
from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.pull_request import commit_message
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps import effects, lane
from oneshot_dagster.steps.check_state import bring_up_to_date, hold_gate, read_gate
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.probes import PROBES, Action, Result
from oneshot_dagster.steps.telling import tell_check
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform, refused_before

_MOST_REFUSALS = 3


def merge(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    facts, gate = _read(turn)
    turn.store.projections.save_pull(attempt.key.repository, facts)
    if facts.merged:
        return _merged_already(turn, facts)
    judged = facts.head_sha == attempt.judged_sha
    if judged and gate.opening is Opening.BEHIND:
        return _behind(turn, facts, gate, f"{attempt.inputs.head} is behind {attempt.inputs.base}")
    if not judged or (gate.opening is not Opening.PASSED and not gate.awaits_github):
        turn.move(State.AWAITING_CI, f"before the merge the gate is {gate.opening}: {gate.reason}", judged_sha=None)
        return _refused(gate.reason)
    hold = holds(turn.services, attempt, facts) or (gate.reason if gate.awaits_github else None)
    if hold is not None:
        return _park(turn, hold)
    epoch = lane.enter(turn)
    if epoch is None:
        return _refused(turn.attempt.reason)
    turn.services.git.fetch(attempt.key.repository)
    tip = turn.services.git.resolve(attempt.key.repository, f"refs/remotes/origin/{attempt.inputs.base}") or ""
    if turn.policy.merge.up_to_date and not turn.services.git.is_ancestor(attempt.key.repository, tip, facts.head_sha):
        lane.leave(turn)
        return _behind(turn, facts, gate, f"{attempt.inputs.base} moved to {tip[:7]}")
    if turn.cancelled():
        lane.leave(turn)
        return _refused("a person asked to stop")
    return _merge(turn, facts, tip=tip, epoch=epoch)


def _read(turn: Turn) -> tuple[GateFacts, Gate]:
    """The gate at the judged head. Our check is made sure of where the branch requires it, and GitHub is given time to see it."""
    facts, gate = read_gate(turn)
    if OUR_CHECK in facts.required_contexts and facts.head_sha == turn.attempt.judged_sha:
        tell_check(turn, turn.attempt)
    if gate.awaits_github and holds(turn.services, turn.attempt, facts) is None:
        return hold_gate(turn, lambda _, gate: gate.awaits_github)
    return facts, gate


def _behind(turn: Turn, facts: GateFacts, gate: Gate, reason: str) -> NotMyTurn:
    turn.move(State.AWAITING_CI, f"{reason}; the branch is brought up to date", judged_sha=None)
    bring_up_to_date(turn, facts, gate)
    return _refused(reason)


def deny(turn: Turn) -> None:
    """A merge that was launched out of its turn stands in the audit, like one that was done."""
    attempt = turn.attempt
    key = f"merge:{attempt.number}:{attempt.state}"
    turn.store.writes.deny(attempt.id, action=Action.MERGE, key=key, reason=f"the change is {attempt.state}")


def _merge(turn: Turn, facts: GateFacts, *, tip: str, epoch: int) -> Record | NotMyTurn:
    result = perform(turn, _effect(turn, facts, tip=tip, epoch=epoch))
    if not result.get("refused"):
        by = str(result.get("by") or turn.services.github.login)
        return _landed(turn, facts, merge_sha=str(result["sha"]), by=by, tip=str(result.get("tip") or tip))
    lane.leave(turn)
    why = f"GitHub refused the merge of {facts.head_sha[:7]} with {result.get('status')}: {result.get('message')}"
    if refused_before(turn, Action.MERGE, "merge:") >= _MOST_REFUSALS:
        turn.move(State.NEEDS_HUMAN, why, human_from=State.MERGE_READY, human_reason="merge_refused")
    else:
        turn.move(State.AWAITING_CI, why, judged_sha=None)
    return _refused(why)


def _effect(turn: Turn, facts: GateFacts, *, tip: str, epoch: int) -> Effect:
    attempt, github, repository = turn.attempt, turn.services.github, turn.attempt.key.repository
    title, _, message = commit_message(attempt).partition("\n\n")
    payload = {"number": facts.pr_number, "sha": facts.head_sha, "method": turn.policy.merge.method, "base": tip}

    def act() -> Result:
        answer = github.merge(
            repository,
            facts.pr_number,
            sha=facts.head_sha,
            method=turn.policy.merge.method,
            title=f"{title} (#{facts.pr_number})",
            message=message,
        )
        if answer.merged and answer.sha:
            return {"sha": answer.sha, "tip": tip}
        found = PROBES[Action.MERGE](turn.services, attempt, payload)
        return found or {"refused": True, "status": answer.status, "message": answer.message}

    return Effect(
        action=Action.MERGE,
        key=f"merge:{attempt.number}:{facts.head_sha}",
        payload=payload,
        act=act,
        lane_epoch=epoch,
    )


def _merged_already(turn: Turn, facts: GateFacts) -> Record | NotMyTurn:
    """By a person, or by us in a run that ended before it could write it down."""
    epoch = lane.enter(turn)
    if epoch is None:
        return _refused(turn.attempt.reason)
    intents = [
        w
        for w in turn.store.writes.of(turn.attempt.key)
        if w.action == Action.MERGE and w.attempt_id == turn.attempt.id
    ]
    for intent in intents:
        if intent.outcome is None:
            turn.store.writes.settle(intent.id, outcome="done", result={"sha": facts.merge_sha, "found": True})
    tip = next((str(w.payload["base"]) for w in reversed(intents) if w.payload.get("base")), None)
    return _landed(turn, facts, merge_sha=facts.merge_sha or "", by=facts.merged_by or "unknown", tip=tip)


def _landed(turn: Turn, facts: GateFacts, *, merge_sha: str, by: str, tip: str | None) -> Record | NotMyTurn:
    attempt, git, repository = turn.attempt, turn.services.git, turn.attempt.key.repository
    git.fetch(repository)
    parents = git.parents(repository, merge_sha)
    onto = tip if turn.policy.merge.method == "rebase" and tip else (parents[0] if parents else "")
    expected, landed = git.merge_tree(repository, onto, facts.head_sha), git.tree(repository, merge_sha)
    turn.fact("git", "landing", {"expected_tree": expected, "landed_tree": landed, "onto": onto}, sha=merge_sha)
    turn.fact(
        "github", "merged", {"by": by, "judged_sha": attempt.judged_sha, "head_sha": facts.head_sha}, sha=merge_sha
    )
    reason, fields = f"merged as {merge_sha[:7]} by {by}", {"merge_sha": merge_sha, "merged_by": by, "awaited": None}
    if expected != landed:
        turn.move(State.MERGED, reason, **fields)
        turn.move(
            State.NEEDS_HUMAN,
            f"what landed as {merge_sha[:7]} is not the judged head merged onto {onto[:7]}; nothing is deployed and the lane is stopped",
            human_from=State.MERGED,
            human_reason="landing_mismatch",
        )
        return _refused(turn.attempt.reason)
    turn.then(State.MERGED, reason, **fields)
    return Record(
        artifact=Artifact.MERGE,
        what_happened=f"Pull request #{facts.pr_number} was merged by {by} as {merge_sha[:7]}; the landed tree is the judged one.",
        shown={
            "pull_request": Link(attempt.pr_url or ""),
            "merge_sha": merge_sha,
            "merged_at": f"{turn.store.now():%Y-%m-%d %H:%M:%S} UTC",
            "judged_sha": attempt.judged_sha or "not judged",
            "merged_by": by,
            "method": turn.policy.merge.method,
            "base_before": onto,
            "landed_tree": landed,
            "landing_check": "passed",
            "branch_deleted": _delete_branch(turn, facts.head_sha),
            "not_enforced": "not enforced: merge queue; asynchronous merge API",
        },
    )


def _delete_branch(turn: Turn, sha: str) -> bool:
    """A branch that stays is no failed merge; a fault of the moment is not to leave it, so it is tried twice."""
    for _ in range(2):
        try:
            return not effects.delete_branch(turn, branch=turn.attempt.inputs.head, sha=sha).get("refused")
        except (TryAgain, NeedsHuman) as error:
            turn.say(f"the branch stays: {error}")
    return False


def _park(turn: Turn, hold: str) -> NotMyTurn:
    now = turn.store.now()
    deadline = now + timedelta(seconds=turn.policy.gate.review_wait)
    if turn.attempt.awaited is None or turn.attempt.awaited.what != "merge":
        turn.store.writes.deny(
            turn.attempt.id,
            action=Action.MERGE,
            key=f"merge:{turn.attempt.number}:{turn.attempt.judged_sha}:hold",
            reason=hold,
        )
    turn.attempt = turn.store.runs.park(
        turn.attempt.id, Awaited(what="merge", since=now, deadline=deadline), reason=hold
    )
    turn.say(f"parked, judged: {hold}")
    return _refused(hold)


def _refused(reason: str) -> NotMyTurn:
    return NotMyTurn(artifact=Artifact.MERGE, reason=reason)
