"""What a parked attempt waits for: whether it is there, when to look again, and when that has lasted too long.
What is done then is resume.py."""

from datetime import datetime, timedelta

from oneshot_dagster.domain.action import WaitUntil
from oneshot_dagster.domain.attempt import Attempt, Awaited
from oneshot_dagster.domain.gate import Opening
from oneshot_dagster.domain.resume_facts import Awaiting, ResumeFacts

_NOT_BY_THE_GATE = frozenset({Awaiting.LANE, Awaiting.MERGE, Awaiting.HEAD, Awaiting.DEPLOYMENT})
_TOLD = frozenset({Awaiting.CI, Awaiting.REVIEW, Awaiting.HEAD, Awaiting.MERGE, Awaiting.LANDING, Awaiting.LANE})
LANDING_LOOK = 30.0  # seconds: that a merge failed, or left its queue, GitHub does not always tell
LANE_LOOK = 120.0  # who leaves a lane, or stops in it, makes the others due; this is for what nobody tells
_LOOKS: dict[str, float] = {Awaiting.LANDING: LANDING_LOOK, Awaiting.LANE: LANE_LOOK}


def rests(attempt: Attempt, facts: ResumeFacts) -> bool:
    """Waiting, it needs no look until GitHub, a person or the clock has something new: it parked, and its run is over.

    A deployment is looked at each time, because what opens it tells nobody.
    """
    run, awaited = facts.last_run, attempt.awaited
    return run is not None and run.status == "success" and awaited is not None and awaited.what in _TOLD


def next_look(what: str, now: datetime) -> datetime:
    """What may be there without anybody telling is looked for; of the rest the deadline decides."""
    soon = _LOOKS.get(what)
    return datetime.max.replace(tzinfo=now.tzinfo) if soon is None else now + timedelta(seconds=soon)


def wait(attempt: Attempt, awaited: Awaited, facts: ResumeFacts, until: datetime) -> WaitUntil:
    if awaited.what == Awaiting.LANDING:
        return WaitUntil(until=until, reason=attempt.reason)
    return WaitUntil(until=until, reason=f"waits for {awaited.what}: {_held_by(attempt, awaited, facts)}")


def _held_by(attempt: Attempt, awaited: Awaited, facts: ResumeFacts) -> str:
    """As it is now: what it parked for may have passed, and something else hold it."""
    if awaited.what == Awaiting.MERGE:
        return facts.held_by or attempt.reason
    by_the_gate = awaited.what != Awaiting.LANE
    return facts.gate.reason if facts.gate is not None and by_the_gate else attempt.reason


def opened(what: str, facts: ResumeFacts) -> str | None:
    """Why a parked attempt goes on now, or None. What only a person can open is not opened by a gate."""
    opening = facts.gate.opening if facts.gate is not None else None
    if facts.merged_outside:
        return "the pull request is merged" if what == Awaiting.LANDING else "a person merged the pull request"
    if what == Awaiting.LANDING:  # until GitHub has ended it, nothing else is begun
        return None if facts.landing else "GitHub ended the merge that it was asked for"
    if facts.head_moved or opening is Opening.HEAD_MOVED:
        return "the head moved: what was said of the old one is void"
    if opening is Opening.CLOSED:
        return "the pull request was closed"
    if what in _NOT_BY_THE_GATE:
        return _opened_otherwise(what, facts, opening)
    if facts.gate is None or opening is Opening.PENDING:
        return None
    return "the gate opened" if opening is Opening.PASSED else f"the gate says {opening}: {facts.gate.reason}"


def _opened_otherwise(what: str, facts: ResumeFacts, opening: Opening | None) -> str | None:
    match what:
        case Awaiting.LANE:
            return "the lane is free" if facts.lane_free else None
        case Awaiting.MERGE if facts.merge_free and opening is not Opening.PENDING:
            return "nothing holds the merge any more"
        case Awaiting.MERGE if opening is Opening.FAILED and facts.gate is not None:
            return f"the gate failed after the judgement: {facts.gate.reason}"
        case Awaiting.DEPLOYMENT:
            return facts.deployment_news or "the deployment is looked at again"
        case _:
            return None


def timeout(what: str) -> str:
    """The reason code of a wait that was in vain."""
    return f"{what.strip().replace(' ', '_').lower() or 'wait'}_timeout"


def in_vain(awaited: Awaited) -> str:
    return f"waited {_span((awaited.deadline - awaited.since).total_seconds())} for {awaited.what} in vain"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
