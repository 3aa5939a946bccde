"""The resumer: reads the facts of each unfinished change, asks domain.resume what is next, and does just that.
The sensor change_continue and `oneshot run` call this; nothing else starts or continues a change."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from oneshot_dagster.domain.action import (
    Action,
    FailRun,
    MoveTo,
    Nothing,
    RepeatStart,
    Settle,
    SettleIntents,
    StartAttempt,
    StartRun,
    WaitUntil,
)
from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import NeedsHuman, OneshotError, StaleState
from oneshot_dagster.domain.resume import next_action
from oneshot_dagster.domain.resume_facts import ResumeFacts
from oneshot_dagster.domain.run import LIVE, Kind, State
from oneshot_dagster.domain.waiting import rests
from oneshot_dagster.services.launcher.protocol import Launcher, RunView
from oneshot_dagster.services.store.protocol import Untaken
from oneshot_dagster.steps.lease import held, lease_name, lives
from oneshot_dagster.steps.reminding import remind
from oneshot_dagster.steps.resume_facts import read_facts
from oneshot_dagster.steps.revert_start import start_revert
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.trust import grown
from oneshot_dagster.steps.write_action import settle_open

_CAUSE = "resumer"
_LOG = logging.getLogger(__name__)
_UNREADABLE_AGAIN = timedelta(seconds=30)
_MOST_ACTIONS = 8  # in one look at one change; each is followed by a fresh reading


def continue_changes(services: Services, launcher: Launcher, *, only: ChangeKey | None = None) -> list[str]:
    """What was done or is waited for, a sentence a change. One bad change never stops the others.

    Without `only`, attempts that rest are left alone; the one that is named is always looked at.
    """
    store = services.store
    attempts = store.looks.due() if only is None else store.runs.unfinished(only)
    launches = {a.id: services.store.launches.of(a.id) for a in attempts}
    views = launcher.view(tuple(of[-1].dagster_run_id for of in launches.values() if of))
    said: list[str] = []
    for attempt in attempts:
        try:
            said.append(f"{attempt.key}: {_continue(services, launcher, attempt, launches[attempt.id], views)}")
        except NeedsHuman as error:
            said.append(f"{attempt.key}: {_hand_over(services, attempt, error)}")
        except OneshotError as error:
            said.append(f"{attempt.key}: {error}")
        except Exception as error:  # noqa: BLE001 - one whose rows make no sense must not stop the others
            _LOG.exception("%s cannot be looked at", attempt.key)
            said.append(f"{attempt.key}: cannot be looked at: {type(error).__name__}: {error}")
    return said


def _hand_over(services: Services, attempt: Attempt, error: NeedsHuman) -> str:
    """What cannot even be looked at any more will not come right by looking again."""
    move = MoveTo(target=State.NEEDS_HUMAN, reason=str(error), human_reason=error.reason)
    lease = services.store.leases.current(lease_name(attempt.key))
    if attempt.state in LIVE and not lives(lease):
        with contextlib.suppress(StaleState):
            _move(services, attempt, move, lease_epoch=lease.epoch if lease else 0)
    return move.reason


def _move(
    services: Services,
    attempt: Attempt,
    move: MoveTo,
    *,
    lease_epoch: int,
    more: Mapping[str, object] | None = None,
) -> Attempt:
    """Without the lease, because taking it would keep engines out at each look; but only while nobody took it since the
    facts were read: an engine may have begun what they do not have, in the same state."""
    return services.store.runs.transition(
        attempt,
        move.target,
        reason=move.reason,
        cause=_CAUSE,
        fields=move.fields(attempt) | dict(more or {}),
        under=Untaken(name=lease_name(attempt.key), epoch=lease_epoch),
    )


def start_new(services: Services, launcher: Launcher) -> None:
    """Starts what was taken in and never ran. Whoever else decides the same at this moment adds no second launch."""
    for new in services.store.runs.new():
        continue_changes(services, launcher, only=new.key)


def _continue(
    services: Services, launcher: Launcher, attempt: Attempt, launches: Sequence[Launch], views: Mapping[str, RunView]
) -> str:
    reasons: list[str] = []
    for _ in range(_MOST_ACTIONS):
        read_at = services.store.now()
        facts = read_facts(services, attempt, launches, views)
        action = next_action(attempt, facts, services.store.now())
        reasons.append(action.reason)
        if isinstance(action, WaitUntil) and rests(attempt, facts):
            looks = (_next_look(facts, action, read_at), remind(services, attempt))
            services.store.looks.rest(attempt.id, read_at=read_at, until=min(filter(None, looks), default=None))
        if isinstance(action, WaitUntil | Nothing):
            break
        if not _act(services, launcher, attempt, launches, action, lease_epoch=facts.lease_epoch):
            break
        found = services.store.runs.latest(attempt.key)
        if found is None:
            break
        attempt, launches = found, services.store.launches.of(found.id)
        views = launcher.view(tuple(launch.dagster_run_id for launch in launches[-1:]))
    return "; then ".join(reasons)


def _next_look(facts: ResumeFacts, action: WaitUntil, now: datetime) -> datetime | None:
    """What could not be read may be readable soon, and no event will tell."""
    return action.until if facts.unreadable is None else now + _UNREADABLE_AGAIN


def _act(
    services: Services,
    launcher: Launcher,
    attempt: Attempt,
    launches: Sequence[Launch],
    action: Action,
    *,
    lease_epoch: int,
) -> bool:
    """True where another look may find more to do; a started run is looked at again on the next tick."""
    match action:
        case StartRun():
            _start(services, launcher, attempt, launches, action)
            return False
        case RepeatStart(launch=launch):
            _launch(launcher, attempt, launch, launches)
            return False
        case FailRun(run_id=run_id, reason=reason):
            launcher.fail(run_id, reason)
        case StartAttempt(kind=Kind.REVERT):
            start_revert(services, attempt, reason=action.reason, cause=_CAUSE)
            _handle(services, action.handle)
        case StartAttempt():
            _next_attempt(services, attempt, action, lease_epoch=lease_epoch)
        case MoveTo():
            trust = _trust(services, attempt) if action.target in LIVE else None
            _move(services, attempt, action, lease_epoch=lease_epoch, more=trust)
            _handle(services, action.handle)
        case Settle():
            services.store.facts.append(
                attempt.id, source="engine", kind="reply", sha=attempt.head_sha, data={"to_person": action.reply}
            )
            _handle(services, action.handle)
        case SettleIntents():
            with held(services.store, attempt.key, _CAUSE, seconds=services.limits.lease_seconds):
                settle_open(services, attempt)
        case _:
            return False
    return True


def _start(
    services: Services, launcher: Launcher, attempt: Attempt, launches: Sequence[Launch], action: StartRun
) -> None:
    launch = services.store.launches.add(
        attempt.id,
        seq=action.seq,
        selection=[artifact.value for artifact in action.selection],
        reason=action.reason,
        costs_retry=action.costs_retry,
    )
    if launch is None:
        raise StaleState(f"launch {action.seq} of {attempt.key} was added by another look at the same moment")
    _launch(launcher, attempt, launch, launches)


def _launch(launcher: Launcher, attempt: Attempt, launch: Launch, launches: Sequence[Launch]) -> None:
    earlier = [old.dagster_run_id for old in launches if old.seq < launch.seq]
    launcher.start(
        attempt,
        launch,
        root_run_id=earlier[0] if earlier else None,
        parent_run_id=earlier[-1] if earlier else None,
    )


def _next_attempt(services: Services, attempt: Attempt, action: StartAttempt, *, lease_epoch: int) -> None:
    runs = services.store.runs
    if attempt.state is State.NEEDS_HUMAN:
        again = MoveTo(target=State.NEEDS_ITERATION, reason=action.reason)
        attempt = _move(services, attempt, again, lease_epoch=lease_epoch, more=_trust(services, attempt))
    number = runs.all_of(attempt.key)[-1].number + 1
    services.store.notes.submit_rerun(attempt.id, attempt=number, delivery_id=f"{attempt.key}:{number}")
    runs.create(
        attempt.key,
        number=number,
        kind=attempt.kind,
        mode=attempt.mode,
        inputs=attempt.inputs,
        policy=attempt.policy,
        cause=_CAUSE,
        next_prompt=action.next_prompt,
    )
    _handle(services, action.handle)


def _trust(services: Services, attempt: Attempt) -> dict[str, object]:
    """A person's word on what was only observed is the moment to see whether it may go further."""
    return dict(grown(services, attempt)) if attempt.state is State.NEEDS_HUMAN else {}


def _handle(services: Services, requests: Sequence[int]) -> None:
    for request in requests:
        services.store.requests.handle(request)
