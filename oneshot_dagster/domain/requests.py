"""What people's open requests (and *Terminate* in the Dagster UI) change about an attempt that nobody works on now.
Reading a command out of a comment is commands.py."""

from collections.abc import Sequence
from datetime import datetime

from oneshot_dagster.domain.action import Action, MoveTo, Settle, SettleIntents, StartAttempt, WaitUntil
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt, Request
from oneshot_dagster.domain.resume_facts import ResumeFacts
from oneshot_dagster.domain.rollback import POST_DEPLOY_FAILED, REVERT_FAILED
from oneshot_dagster.domain.run import BEFORE_MERGE, LIVE, OBSERVE_ONLY, Kind, State

OVER = frozenset({"success", "failure", "canceled"})
ENDED = frozenset({State.COMPLETED, State.CANCELLED, State.SUPERSEDED})
TOO_LATE = (
    "too late: the merge has begun and runs to its end; `/oneshot rollback` takes a merged change back, "
    "and where it is taken back, no other attempt follows a stop"
)
_FROM_MERGE_ON = LIVE - BEFORE_MERGE
_MAY_BE_TAKEN_BACK = frozenset({State.MERGED, State.DEPLOYING, State.VERIFYING})
_OVER_WITHOUT = frozenset({State.NEEDS_ITERATION, State.ROLLED_BACK})  # from where only another attempt leads on
_WORKED_ON = frozenset({State.TESTING, State.PR_READY, State.AWAITING_CI, State.JUDGING})
_STOPPED = "stopped"
_UNVERIFIED = frozenset({POST_DEPLOY_FAILED, REVERT_FAILED})
_NO_PROGRESS = frozenset({"no_progress", "undone"})
_BACK = frozenset({"resume", "retry", "approve", "answer", "rollback"})


def refuse_late(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    """Stop and hold end with the merge intent: what is half landed would be verified by nobody. Said also while a run works."""
    late = tuple(r.id for r in facts.requests if r.kind in {"stop", "hold"})
    return Settle(handle=late, reply=TOO_LATE) if late and _from_merge_on(attempt, facts) else None


def heed(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    """Only for when no run is alive: a live one sees requests itself, at its step boundaries."""
    del now
    if attempt.state in ENDED:
        reply = f"attempt {attempt.number} is {attempt.state}; nothing was changed"
        return _taken_back_late(attempt, facts) or _settle_all(facts, reply)
    return _stop(attempt, facts) or _wrong_approval(attempt, facts) or _hold(attempt, facts) or _back(attempt, facts)


def _from_merge_on(attempt: Attempt, facts: ResumeFacts) -> bool:
    stands = (attempt.human_from or State.QUEUED) if attempt.state is State.NEEDS_HUMAN else attempt.state
    if attempt.kind is Kind.REVERT:
        return attempt.state not in ENDED
    # All of it is taken back: nothing is half landed.
    if attempt.state is State.NEEDS_HUMAN and stands is State.ROLLED_BACK:
        return False
    return stands in _FROM_MERGE_ON or (facts.merge_intended and stands in BEFORE_MERGE)


def _stop(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    by = next((_asked_to_stop(r) for r in facts.requests if r.kind == "stop"), None)
    if by is None and _terminated(attempt, facts):
        by = "its run was terminated in the Dagster UI"
    if by is None:
        return None
    if facts.open_intent:
        return SettleIntents(reason=f"{by}; first what was intended outside has to be settled")
    if attempt.state is State.NEEDS_ITERATION:  # from there the lifecycle leads to cancelled only over needs_human
        return MoveTo(target=State.NEEDS_HUMAN, reason=f"no further attempt: {by}", human_reason=_STOPPED)
    return MoveTo(target=State.CANCELLED, reason=by, handle=tuple(r.id for r in facts.requests))


def stopped_by(asked: Sequence[Request]) -> str | None:
    """Who asked last to stop what had begun to merge, unless somebody had it go on since."""
    words = [r for r in asked if r.kind in {"stop", "retry", "answer"}]
    return words[-1].by if words and words[-1].kind == "stop" else None


def _asked_to_stop(request: Request) -> str:
    return f"{request.by} asked to stop" + (f": {request.text}" if request.text else "")


def _terminated(attempt: Attempt, facts: ResumeFacts) -> bool:
    """Of what takes back, and of what is merged, a run that was terminated is one that crashed: it goes on."""
    if facts.last_run is None or facts.last_run.status != "canceled" or not facts.launches:
        return False
    if attempt.kind is Kind.REVERT:  # what it takes back would wait for it for ever
        return False
    alone = facts.launches[-1].selection == (Artifact.EVIDENCE,)
    if _between_attempts(attempt):
        return alone or not facts.merge_intended  # alone: it ran here, whatever was merged and taken back before
    return attempt.state in BEFORE_MERGE and not facts.merge_intended and not alone


def _between_attempts(attempt: Attempt) -> bool:
    """The next attempt is about to start, or a stop has just taken it out of there, on its way to cancelled."""
    return attempt.state is State.NEEDS_ITERATION or (
        attempt.state is State.NEEDS_HUMAN and attempt.human_reason == _STOPPED
    )


def _taken_back_late(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    """Asked for while it was being completed: it is taken back as what had been completed before."""
    asked = [r for r in facts.requests if r.kind == "rollback"]
    if not asked or attempt.state is not State.COMPLETED or attempt.kind is Kind.REVERT or facts.revert is not None:
        return None
    handle = tuple(r.id for r in facts.requests)
    reason = f"{asked[-1].by} asked to take it back"
    return StartAttempt(kind=Kind.REVERT, next_prompt="", reason=reason, handle=handle)


def _wrong_approval(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    wrong = tuple(r.id for r in facts.requests if r.kind == "approve" and (r.sha is None or r.sha != attempt.head_sha))
    if not wrong:
        return None
    head = f"the head is {attempt.head_sha}" if attempt.head_sha else "there is no head yet"
    return Settle(handle=wrong, reply=f"an approval holds for exactly the commit it names, and {head}")


def _hold(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    """A hold stays open until a later resume; then both are handled."""
    words = [r for r in facts.requests if r.kind in {"hold", "resume"}]
    if not words or all(r.kind == "resume" for r in words):
        return None
    if words[-1].kind == "hold":
        return WaitUntil(until=None, reason=f"{words[-1].by} put it on hold; `oneshot resume` lets it go on")
    if attempt.state is State.NEEDS_HUMAN:
        return None
    return Settle(handle=tuple(r.id for r in words), reply=f"{words[-1].by} lifted the hold; it goes on")


def _back(attempt: Attempt, facts: ResumeFacts) -> Action | None:
    asked = [r for r in facts.requests if r.kind in _BACK]
    if not asked:
        return None
    if attempt.state is State.NEEDS_HUMAN:
        return _from_human(attempt, facts, asked)
    approvals = [r for r in asked if r.kind == "approve"]
    if any(r.kind == "rollback" for r in asked) and attempt.state in _MAY_BE_TAKEN_BACK:
        return None  # its next step takes it back
    if approvals:
        return Settle(
            handle=tuple(r.id for r in approvals), reply=f"noted: {approvals[-1].by} approved {approvals[-1].sha}"
        )
    return _settle_all(facts, f"nothing to do: the attempt is {attempt.state} and goes on by itself")


def _from_human(attempt: Attempt, facts: ResumeFacts, asked: list[Request]) -> Action:
    """`handle` takes every open request: one way back is enough. Answers stay on record, where each later prompt finds them."""
    newest, handle = asked[-1], tuple(r.id for r in facts.requests)
    reason = f"{newest.by} said {newest.kind}"
    if _starts_anew(attempt, asked):
        if all(r.kind == "approve" for r in asked):
            return Settle(
                handle=handle,
                reply=f"nothing to approve ({attempt.human_reason}): `oneshot retry` starts another attempt",
            )
        return StartAttempt(
            next_prompt=attempt.next_prompt or attempt.reason, reason=f"one more attempt: {reason}", handle=handle
        )
    if any(r.kind == "rollback" for r in asked):  # the step that it returns to heeds it, and handles it
        handle = tuple(r.id for r in facts.requests if r.kind != "rollback")
    return MoveTo(target=_target(attempt, asked), reason=reason, handle=handle)


def _starts_anew(attempt: Attempt, asked: list[Request]) -> bool:
    """An answer is for the agent, so it starts the next attempt where the agent's part of this one is over; and what made
    no progress is not read again but tried again."""
    if attempt.kind is Kind.REVERT or attempt.human_from in _OVER_WITHOUT:
        return attempt.kind is not Kind.REVERT
    if attempt.human_from not in _WORKED_ON or attempt.merge_sha is not None or attempt.human_reason == OBSERVE_ONLY:
        return False
    wanted = {"answer", "retry"} if attempt.human_reason in _NO_PROGRESS else {"answer"}
    return any(r.kind in wanted for r in asked)


def _target(attempt: Attempt, asked: list[Request]) -> State:
    if attempt.human_reason == "protected_path" and any(r.kind == "approve" for r in asked):
        return State.JUDGING
    if attempt.human_reason == OBSERVE_ONLY and attempt.pr_number is None:
        return State.TESTING  # only observed so far: the kept commit is tested as the policy says now, then proposed
    if attempt.human_from is State.NEEDS_ITERATION:  # a revert is not made anew: its gate is read again
        return State.AWAITING_CI
    if attempt.human_from is State.VERIFYING and attempt.human_reason in _UNVERIFIED:
        return State.DEPLOYING  # what it was restored to may serve: nothing is verified that was not seen to serve
    return attempt.human_from or State.QUEUED


def _settle_all(facts: ResumeFacts, reply: str) -> Settle | None:
    handle = tuple(r.id for r in facts.requests)
    return Settle(handle=handle, reply=reply) if handle else None
