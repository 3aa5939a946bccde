"""The resumer's one decision: what comes next for an attempt, from the attempt, the facts and the time.
A chain of rules, the first that has an answer decides. The answers are action.py; people's requests are requests.py."""

from collections.abc import Callable
from datetime import datetime, timedelta

from oneshot_dagster.domain import requests, waiting
from oneshot_dagster.domain.action import (
    Action,
    FailRun,
    MoveTo,
    Nothing,
    RepeatStart,
    StartAttempt,
    StartRun,
    WaitUntil,
)
from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt, Awaited, Launch
from oneshot_dagster.domain.resume_facts import Awaiting, ResumeFacts, RunState
from oneshot_dagster.domain.rollback import ROLLED_BACK
from oneshot_dagster.domain.run import STOPPED, Kind, State, selection

BACK_OFF = (0.0, 5.0, 15.0, 45.0, 120.0)  # seconds between tries of the same thing
LEASE_SILENCE = 30.0  # a lease expired for so long: the process of its run is gone
FIRST_LEASE = 60.0  # a started run that took no lease in this time never will
START_PATIENCE = 5.0  # whoever added a launch is about to start it
START_REPEATS = 30.0  # then the same start is repeated until here; after it the launch counts as crashed
EVIDENCE_TRIES = 3  # after which no attempt follows
EVIDENCE_PAUSE = (0.0, 0.0, 5.0, 600.0, 3600.0, 21600.0, 86400.0)  # seconds before each try; then a try a day
_LEASE_LOOK = 5.0
_EVIDENCE_ALONE = (Artifact.EVIDENCE,)
_LOST = "unknown"  # a launch row that Dagster knows no run of

_Rule = Callable[[Attempt, ResumeFacts, datetime], Action | None]


def next_action(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action:
    """Never launches while a run is alive; a parked attempt costs no retry; crashes end in needs_human."""
    rules: tuple[_Rule, ...] = (_wait_for_run, requests.heed, _repeat_lost_start, _stopped, _rollback, _parked)
    for rule in rules:
        action = rule(attempt, facts, now)
        if action is not None:
            return action
    return _go_on(attempt, facts, now)


# The run


def _wait_for_run(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    late = requests.refuse_late(attempt, facts)
    if late is not None:
        return late
    run, launch = facts.last_run, _last(facts)
    if run is not None and launch is not None and run.status not in requests.OVER | {_LOST}:
        if run.status in {"started", "canceling"}:
            return _started(run, launch, facts, now)
        return WaitUntil(until=None, reason=f"run {run.run_id[:8]} is {run.status}")
    if facts.lease_live:
        return WaitUntil(until=now + timedelta(seconds=_LEASE_LOOK), reason="another engine holds this change's lease")
    if launch is not None and (run is None or run.status == _LOST):
        about_to = launch.created_at + timedelta(seconds=START_PATIENCE)
        if now < about_to:
            return WaitUntil(until=about_to, reason=f"launch {launch.seq} is being started")
    return None


def _started(run: RunState, launch: Launch, facts: ResumeFacts, now: datetime) -> Action:
    """The lease is the change's: one that expired before this run started says nothing about this run."""
    name = f"run {run.run_id[:8]}"
    if facts.lease_live:
        return WaitUntil(until=None, reason=f"{name} is working")
    running = max(0.0, (now - (run.started_at or launch.created_at)).total_seconds())
    expired = facts.lease_expired_for
    if expired is not None and expired < running:
        silent, patience, fact = expired, LEASE_SILENCE, "its lease ran out"
    else:
        silent, patience, fact = running, FIRST_LEASE, "it started and took no lease"
    if silent >= patience:
        return FailRun(run_id=run.run_id, reason=f"{name} is gone: {fact} {silent:.0f} s ago")
    until = now + timedelta(seconds=patience - silent)
    return WaitUntil(until=until, reason=f"{name} may be gone: {fact} {silent:.0f} s ago")


def _repeat_lost_start(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    del attempt
    run, launch = facts.last_run, _last(facts)
    if launch is None or (run is not None and run.status != _LOST):
        return None
    if now - launch.created_at >= timedelta(seconds=START_REPEATS):
        return None
    return RepeatStart(launch=launch, reason=f"launch {launch.seq} was recorded and Dagster knows no run of it")


# The states that have ended, and the way back


def _stopped(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    if attempt.state not in STOPPED:
        return None
    tries = _evidence_tries(attempt, facts)
    if not facts.evidence_sealed and (tries < EVIDENCE_TRIES or attempt.state is not State.NEEDS_ITERATION):
        why = f"attempt {attempt.number} ended {attempt.state}: its evidence is to be sealed"
        pause = EVIDENCE_PAUSE[min(tries, len(EVIDENCE_PAUSE) - 1)]
        return _launch(facts, now, _EVIDENCE_ALONE, why=why, costs=False, pause=pause)
    if attempt.state is State.NEEDS_ITERATION:
        return _iterate(attempt, facts)
    if attempt.state is State.NEEDS_HUMAN:
        return Nothing(
            reason=f"a person has to decide: {attempt.reason or attempt.human_reason or 'no reason is on record'}"
        )
    return Nothing(reason=f"attempt {attempt.number} is {attempt.state}")


def _iterate(attempt: Attempt, facts: ResumeFacts) -> Action:
    if attempt.kind is Kind.REVERT:
        return _human("revert_failed", f"the revert did not get through: {attempt.reason}")
    if not facts.evidence_sealed:
        return _human("evidence_not_sealed", f"the evidence could not be sealed in {EVIDENCE_TRIES} runs")
    if facts.attempts_made >= facts.attempts_allowed:
        return _human("attempts_spent", f"all {facts.attempts_allowed} attempts are spent; the last: {attempt.reason}")
    reason = f"attempt {facts.attempts_made + 1} of {facts.attempts_allowed}, after: {attempt.reason}"
    return StartAttempt(next_prompt=attempt.next_prompt or attempt.reason, reason=reason)


def _rollback(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    del now
    if attempt.state is State.ROLLING_BACK:
        return _take_back(attempt, facts.revert)
    if attempt.state is State.ROLLED_BACK and facts.goes_on and facts.stopped_by is None:
        return MoveTo(target=State.NEEDS_ITERATION, reason=f"rolled back: {attempt.reason}")
    if attempt.state is State.ROLLED_BACK:
        stopped = f"; no other attempt follows: {facts.stopped_by} asked to stop" if facts.stopped_by else ""
        return _human(ROLLED_BACK, f"rolled back: {attempt.reason}{stopped}")
    return None


def _take_back(attempt: Attempt, revert: Attempt | None) -> Action:
    """By an attempt of its own, which the one it takes back waits for in the lane."""
    if revert is None:
        return StartAttempt(
            kind=Kind.REVERT, next_prompt="", reason=f"takes back attempt {attempt.number}: {attempt.reason}"
        )
    if revert.state is State.COMPLETED:
        by = f"attempt {revert.number} took it back as {(revert.merge_sha or '')[:7]}, which serves and is verified"
        return MoveTo(target=State.ROLLED_BACK, reason=f"{by}; it had failed: {attempt.reason}")
    # By a person's own commits, as it is sealed.
    if revert.state is State.SUPERSEDED and revert.evidence_head is not None:
        return MoveTo(target=State.ROLLED_BACK, reason=f"{revert.reason}; it had failed: {attempt.reason}")
    return WaitUntil(until=None, reason=f"attempt {revert.number}, its revert, is {revert.state}")


# Live and waiting for the outside world


def _parked(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action | None:
    """A run parks by ending well with something awaited; one that failed is a crash, whatever was awaited before."""
    awaited, run, launch = attempt.awaited, facts.last_run, _last(facts)
    if awaited is None or launch is None or run is None or run.status != "success":
        return None
    deadline = awaited.deadline + facts.frozen_for
    if facts.unreadable is not None:
        return _blind(awaited, facts.unreadable, deadline, now)
    why = waiting.opened(awaited.what, facts)
    if why is not None and launch.created_at < deadline:
        anew = facts.head_moved or (awaited.what == Awaiting.LANE and facts.catches_up)
        chosen = selection(attempt.state, head_moved=anew, kind=attempt.kind)
        pause = _pause(facts, chosen) if facts.deployment_news is None else min(_pause(facts, chosen), BACK_OFF[1])
        return _launch(facts, now, chosen, why=why, costs=False, pause=pause)
    if now >= deadline:
        return _human(waiting.timeout(awaited.what), f"{waiting.in_vain(awaited)}: {attempt.reason}")
    return waiting.wait(attempt, awaited, facts, min(deadline, waiting.next_look(awaited.what, now)))


def _blind(awaited: Awaited, why: str, deadline: datetime, now: datetime) -> Action:
    """What it waits for cannot be looked at; its deadline passes all the same."""
    if now < deadline:
        return WaitUntil(until=deadline, reason=f"waits for {awaited.what}, which cannot be read: {why}")
    return _human(waiting.timeout(awaited.what), f"{waiting.in_vain(awaited)}, and at last: {why}")


# Live and nobody at work: never started, crashed, or ended without an end


def _go_on(attempt: Attempt, facts: ResumeFacts, now: datetime) -> Action:
    chosen = selection(attempt.state, head_moved=facts.head_moved, kind=attempt.kind)
    launch, run = _last(facts), facts.last_run
    if launch is None:
        return _launch(facts, now, chosen, why="it was taken in and nothing ran yet", costs=False, pause=0.0)
    if launch.selection == _EVIDENCE_ALONE:
        return _launch(facts, now, chosen, why=f"it goes on from {attempt.state}", costs=False, pause=0.0)
    if run is not None and run.status == "success" and facts.last_run_moved:
        why = f"the last run ended at {attempt.state} and more is to do"
        return _launch(facts, now, chosen, why=why, costs=False, pause=_pause(facts, chosen))
    ended = f"run {launch.dagster_run_id[:8]} ended {run.status if run else _LOST} in {attempt.state} without an end"
    if facts.fault is not None:
        ended = f"{ended}: {facts.fault}"
    if attempt.infrastructure_retries >= facts.infrastructure_allowed:
        spent = f"all {facts.infrastructure_allowed} infrastructure retries are spent: {ended}"
        return _human("infrastructure_retries_spent", spent)
    pause = BACK_OFF[min(attempt.infrastructure_retries, len(BACK_OFF) - 1)]
    retry = f"retry {attempt.infrastructure_retries + 1} of {facts.infrastructure_allowed}"
    return _launch(facts, now, chosen, why=f"{ended}; {retry}", costs=True, pause=pause)


def _launch(
    facts: ResumeFacts, now: datetime, chosen: tuple[Artifact, ...], *, why: str, costs: bool, pause: float
) -> Action:
    last = _last(facts)
    if facts.not_before is not None and now < facts.not_before:
        return WaitUntil(until=facts.not_before, reason=f"waits as long as it was asked to: {why}")
    if last is not None and now < (due := last.created_at + timedelta(seconds=pause)):
        return WaitUntil(until=due, reason=f"backs off {pause:.0f} s: {why}")
    return StartRun(selection=chosen, seq=last.seq + 1 if last else 1, reason=why, costs_retry=costs)


def _last(facts: ResumeFacts) -> Launch | None:
    return facts.launches[-1] if facts.launches else None


def _pause(facts: ResumeFacts, chosen: tuple[Artifact, ...]) -> float:
    """Longer with each launch of the same selection in a row, so that what costs no retry cannot spin."""
    row = 0
    for launch in reversed(facts.launches):
        if launch.selection != chosen:
            break
        row += 1
    return BACK_OFF[min(max(row - 1, 0), len(BACK_OFF) - 1)]


def _evidence_tries(attempt: Attempt, facts: ResumeFacts) -> int:
    """Since it stopped: what an earlier stop took says nothing of this one's evidence."""
    row = 0
    for launch in reversed(facts.launches):
        before = attempt.finished_at is not None and launch.created_at < attempt.finished_at
        if before or launch.selection != _EVIDENCE_ALONE:
            break
        row += 1
    return row


def _human(code: str, reason: str) -> MoveTo:
    return MoveTo(target=State.NEEDS_HUMAN, reason=reason, human_reason=code)
