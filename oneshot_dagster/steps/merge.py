"""The merge: one function, the only one that has a change merged. Re-reads, re-decides, and asks GitHub at the judged SHA.
How GitHub is asked is merge_request.py, what landed is checked in landing.py."""

from datetime import timedelta

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.attempt import Awaited, WriteAction
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.gate import Gate, GateFacts, Opening
from oneshot_dagster.domain.gate_conditions import OUR_CHECK
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps import landing_order, lane, merge_request
from oneshot_dagster.steps.base import fetched_tip
from oneshot_dagster.steps.check_state import hold_gate, read_gate
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.landing import landed
from oneshot_dagster.steps.probes import UNDERWAY, Action, Result
from oneshot_dagster.steps.reverting import ended_meanwhile
from oneshot_dagster.steps.telling import tell_check
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.up_to_date import fall_back, is_stale
from oneshot_dagster.steps.write_action import refused_before

_MOST_REFUSALS = 3


def merge(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    asked = merge_request.underway(turn)
    facts, gate = _read(turn, asked)
    turn.store.projections.save_pull(attempt.key.repository, facts)
    if facts.merged:
        return _merged_already(turn, facts)
    if asked is not None:
        return _go_on(turn, facts, asked)
    judged = facts.head_sha == attempt.judged_sha
    if not judged or (gate.opening not in {Opening.PASSED, Opening.BEHIND} and not gate.awaits_github):
        turn.move(State.AWAITING_CI, f"before the merge the gate is {gate.opening}: {gate.reason}", judged_sha=None)
        return _refused(gate.reason)
    hold = holds(turn.services, attempt, facts) or (gate.reason if gate.awaits_github else None)
    if hold is not None:
        return _park(turn, hold)
    return _in_the_lane(turn, facts, gate)


def _in_the_lane(turn: Turn, facts: GateFacts, gate: Gate) -> Record | NotMyTurn:
    epoch = lane.enter(turn)
    if epoch is None or ended_meanwhile(turn, facts):
        return _refused(turn.attempt.reason)
    tip = fetched_tip(turn)
    # The lane is kept while the branch is brought up to date: nobody else of ours moves the base meanwhile.
    if is_stale(turn, facts, gate, tip):
        return _refused(fall_back(turn, facts, gate, tip))
    if turn.cancelled():
        lane.leave(turn)
        return _refused("a person asked to stop")
    return _ended(turn, facts, merge_request.ask(turn, facts, tip=tip, epoch=epoch))


def _read(turn: Turn, asked: WriteAction | None) -> tuple[GateFacts, Gate]:
    """The gate at the judged head. Our check is made sure of where the branch requires it, and GitHub is given time to see it."""
    facts, gate = read_gate(turn)
    if asked is not None:
        return facts, gate
    if OUR_CHECK in facts.required_contexts and facts.head_sha == turn.attempt.judged_sha:
        tell_check(turn, turn.attempt)
    if gate.awaits_github and holds(turn.services, turn.attempt, facts) is None:
        return hold_gate(turn, lambda _, gate: gate.awaits_github)
    return facts, gate


def deny(turn: Turn) -> None:
    """A merge that was launched out of its turn stands in the audit, like one that was done."""
    attempt = turn.attempt
    key = f"merge:{attempt.number}:{attempt.state}"
    turn.store.writes.deny(attempt.id, action=Action.MERGE, key=key, reason=f"the change is {attempt.state}")


def _go_on(turn: Turn, facts: GateFacts, asked: WriteAction) -> Record | NotMyTurn:
    """GitHub was asked before: until it has ended that, nothing is decided anew."""
    epoch = lane.enter(turn)
    if epoch is None:
        return _refused(turn.attempt.reason)
    return _ended(turn, facts, merge_request.follow(turn, facts, asked, epoch=epoch))


def _ended(turn: Turn, facts: GateFacts, result: Result) -> Record | NotMyTurn:
    if result.get(UNDERWAY):
        return _refused(merge_request.park(turn, result))
    if result.get("held"):
        lane.leave(turn)
        return _park(turn, str(result["held"]))
    if not result.get("refused"):
        by = str(result.get("by") or turn.services.github.login)
        return landed(turn, facts, merge_sha=str(result["sha"]), by=by)
    return _again(turn, facts, result)


def _again(turn: Turn, facts: GateFacts, result: Result) -> Record | NotMyTurn:
    """What GitHub refused is decided anew from what it says now; what no second look changes is for a person."""
    why = f"GitHub refused the merge of {facts.head_sha[:7]} with {result.get('status')}: {result.get('message')}"
    if result.get("why") == "method_not_allowed":
        reason = f"the policy merges by {turn.policy.merge.method}, which is not allowed here: {why}"
        turn.move(State.NEEDS_HUMAN, reason, human_from=State.MERGE_READY, human_reason="merge_method")
    elif refused_before(turn, Action.MERGE, "merge:") >= _MOST_REFUSALS:
        turn.move(State.NEEDS_HUMAN, why, human_from=State.MERGE_READY, human_reason="merge_refused")
    elif result.get("why") == "base_moved":
        turn.say(f"{why}; it is looked at again")
        return merge(turn)
    else:
        turn.move(State.AWAITING_CI, why, judged_sha=None)
    lane.leave(turn)
    return _refused(why)


def _merged_already(turn: Turn, facts: GateFacts) -> Record | NotMyTurn:
    """By a person, or by us in a run that ended before it could write it down."""
    if facts.merge_sha is None:
        raise TryAgain(f"GitHub says that #{facts.pr_number} is merged, and not yet as which commit")
    epoch = landing_order.enter(turn, facts, facts.merge_sha)
    if epoch is None:
        return _refused(turn.attempt.reason)
    for intent in turn.store.writes.of(turn.attempt.key):
        if intent.action == Action.MERGE and intent.attempt_id == turn.attempt.id and intent.outcome is None:
            turn.store.writes.settle(intent.id, outcome="done", result={"sha": facts.merge_sha, "found": True})
    return landed(turn, facts, merge_sha=facts.merge_sha, by=facts.merged_by or "unknown")


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
    turn.park(Awaited(what="merge", since=now, deadline=deadline), hold)
    turn.say(f"parked, judged: {hold}")
    return _refused(hold)


def _refused(reason: str) -> NotMyTurn:
    return NotMyTurn(artifact=Artifact.MERGE, reason=reason)
