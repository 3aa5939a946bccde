"""Asking GitHub to merge at the judged SHA, and following what it was asked for until it is over.
Asynchronously where the server offers it, through the merge queue where the base has one, else at once.
Whether to ask is merge.py's, what landed landing.py's."""

from datetime import timedelta

from oneshot_dagster.domain.attempt import Attempt, Awaited, WriteAction
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.pull_request import commit_message
from oneshot_dagster.domain.resume_facts import Awaiting
from oneshot_dagster.services.github.protocol import AsyncMerge
from oneshot_dagster.steps import lane
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.probes import ENQUEUED, PENDING, PROBES, QUEUED, UNDERWAY, Action, Result
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform

_SOON = 3.0  # seconds that an asynchronous merge is worth a process
_FIRST_LOOK = 0.1
_LONGEST = timedelta(days=1)  # GitHub keeps a request for so long


class _HeldError(Exception):
    """Nothing was asked for."""


def ask(turn: Turn, facts: GateFacts, *, tip: str, epoch: int) -> Result:
    """What came of it: `sha`, `refused`, `held`, or still underway."""
    payload = {"number": facts.pr_number, "sha": facts.head_sha, "method": turn.policy.merge.method, "base": tip}
    return _followed(turn, _effect(turn, facts, payload, epoch))


def follow(turn: Turn, facts: GateFacts, intent: WriteAction, *, epoch: int) -> Result:
    """One that an earlier run asked for, or this one before it waited."""
    return _followed(turn, _effect(turn, facts, intent.payload, epoch))


def underway(turn: Turn) -> WriteAction | None:
    """What GitHub was asked for and has not ended, as far as is on record."""
    writes = [w for w in turn.store.writes.of(turn.attempt.key) if w.attempt_id == turn.attempt.id]
    asked = [w for w in writes if w.action == Action.MERGE and w.outcome is None and w.payload.get(UNDERWAY)]
    return asked[-1] if asked else None


def park(turn: Turn, result: Result) -> str:
    """The lane stays ours: the merge may land at any moment."""
    queued = result.get(UNDERWAY) in {QUEUED, ENQUEUED}
    where = "it is in the merge queue" if queued else "GitHub was asked to merge it and has not done so yet"
    awaited, now = turn.attempt.awaited, turn.store.now()
    since = awaited.since if awaited and awaited.what == Awaiting.LANDING else now
    turn.park(Awaited(what=Awaiting.LANDING, since=since, deadline=since + _LONGEST), where)
    turn.say(f"parked: {where}")
    return where


def _followed(turn: Turn, effect: Effect) -> Result:
    clock, began = turn.services.clock, turn.services.clock.monotonic()
    result = perform(turn, effect)
    with turn.store.waiting(turn.attempt.key) as waiter:
        pause = _FIRST_LOOK
        while result.get(UNDERWAY):
            hold = turn.services.limits.hold_seconds
            patience = max(_SOON, hold) if result[UNDERWAY] == PENDING else hold
            left = began + patience - clock.monotonic()
            if left <= 0 or (result[UNDERWAY] != PENDING and turn.others_wait()):
                break
            waiter.wait(min(pause, left))
            pause = min(pause * 1.5, turn.services.limits.poll_seconds)
            result = perform(turn, effect)
    return result


def _effect(turn: Turn, facts: GateFacts, payload: Result, epoch: int) -> Effect:
    attempt, services, sha = turn.attempt, turn.services, str(payload["sha"])

    def act() -> Result:
        try:
            asked = _ask(turn, facts, payload, epoch)
        except _HeldError as hold:
            return {"held": str(hold)}
        return _read_back(services, attempt, payload, asked) if asked.get("refused") else asked

    key = f"merge:{attempt.number}:{sha}"
    return Effect(action=Action.MERGE, key=key, payload=payload, act=act, lane_epoch=epoch)


def _read_back(services: Services, attempt: Attempt, payload: Result, refusal: Result) -> Result:
    """Behind a refusal may stand that it is merged, or queued, already."""
    found = PROBES[Action.MERGE](services, attempt, payload)
    if found is not None:
        return found
    if refusal.get("sha"):
        return {"sha": refusal["sha"], "found": True}
    number = int(str(payload["number"]))
    queued = services.github.merge_queue(attempt.key.repository, number).queued
    return {UNDERWAY: QUEUED} if queued else refusal


def _ask(turn: Turn, facts: GateFacts, payload: Result, epoch: int) -> Result:
    """Before each request that merges the lane is asked for, and what holds merges: who slept since the intent may have been
    given up by now, the change stopped, and another merged; or a person froze merges, and that holds what has not begun."""
    attempt, services, github = turn.attempt, turn.services, turn.services.github
    repository, number = attempt.key.repository, int(str(payload["number"]))
    title, _, message = commit_message(attempt, trailers=services.limits.trailers).partition("\n\n")
    sha, method, title = str(payload["sha"]), str(payload["method"]), f"{title} (#{number})"
    _may_still(turn, facts, epoch)
    answer = github.merge_async(repository, number, sha=sha, method=method, title=title, message=message)
    if answer.state != "not_offered":
        return _of_async(services, answer)
    queued = github.merge_queue(repository, number).enabled  # asked first: who may bypass a queue would do so unasked
    _may_still(turn, facts, epoch)
    if queued:
        return _of_async(services, github.enqueue(repository, number, sha=sha))
    said = github.merge(repository, number, sha=sha, method=method, title=title, message=message)
    if said.merged and said.sha:
        return {"sha": said.sha}
    if said.why == "queue_required":
        _may_still(turn, facts, epoch)
        return _of_async(services, github.enqueue(repository, number, sha=sha))
    return {"refused": True, "status": said.status, "message": said.message, "why": said.why}


def _may_still(turn: Turn, facts: GateFacts, epoch: int) -> None:
    hold = holds(turn.services, turn.attempt, facts)
    if hold is not None:
        raise _HeldError(hold)
    if not lane.is_ours(turn, epoch):
        raise LeaseLost(f"the lane of {turn.attempt.key.repository} is not ours any more: nothing was merged")


def _of_async(services: Services, answer: AsyncMerge) -> Result:
    if answer.state in {"pending", "existing"}:
        return {UNDERWAY: PENDING, "uuid": answer.uuid}
    if answer.state == "enqueued":
        return {UNDERWAY: ENQUEUED, "enqueued_at": services.clock.now().isoformat()}
    # `merged` at once is an earlier merge, ours or a person's: who did it is read back.
    known = {"sha": answer.sha} if answer.state == "merged" else {}
    return {"refused": True, "status": answer.state, "message": answer.message, "why": answer.why, **known}
