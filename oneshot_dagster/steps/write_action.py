"""The one path for effects on the outside world: intent first, then the effect, then what was observed.
After a crash or a lost answer the probe looks at the world; an effect is repeated only where the probe finds nothing.
In mode observe the intent is recorded as withheld, and no effect is ever reached."""

from collections.abc import Callable
from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, WriteAction
from oneshot_dagster.domain.errors import LeaseLost, NeedsHuman, TryAgain
from oneshot_dagster.domain.run import OBSERVE_ONLY
from oneshot_dagster.domain.withheld import WITHHELD
from oneshot_dagster.steps.probes import PROBES, UNDERWAY, Action, Result
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.trust import observes
from oneshot_dagster.steps.turn import Turn

# What a step goes on without: it tells people, or the step shows what it would have written.
_TOLD_OR_SHOWN = frozenset(
    {
        Action.PUSH,
        Action.OPEN_PR,
        Action.UPDATE_PR,
        Action.COMMENT,
        Action.CHECK_RUN,
        Action.REPLY_THREAD,
        Action.RESOLVE_THREAD,
        Action.DEPLOYMENT_STATUS,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """`act` does it and says what it observed; a refusal by the other side is a result with `refused` set. What the other
    side does in its own time is a result with UNDERWAY set: the intent stays open, and performing it again looks.

    `payload` is all that the action's probe needs. `probe_for`: seconds for which the world may be slow to show it.
    """

    action: Action
    key: str
    payload: Result
    act: Callable[[], Result]
    probe_for: float = 0.0
    lane_epoch: int | None = None


def perform(turn: Turn, effect: Effect) -> Result:
    """The result, of now or of an earlier run that did it. Raises LeaseLost before the effect where the change is no longer ours."""
    turn.check_lease()
    observing = observes(turn.services, turn.attempt)
    if observing and _ended_without_effect(turn, effect.action, effect.key, {WITHHELD}):
        return _withheld(turn, effect)
    again = _ended_without_effect(turn, effect.action, effect.key, {"refused", "failed", WITHHELD})
    intent = turn.store.writes.intend(
        turn.attempt.id,
        action=effect.action,
        key=f"{effect.key}:again-{again}" if again else effect.key,
        payload={**effect.payload, "epoch": turn.held.lease.epoch},
        lease=turn.held.lease,
        lane_epoch=effect.lane_epoch,
    )
    if intent.outcome is not None:
        return intent.result
    known = {**effect.payload, **intent.payload}
    asked_before = _is_old(intent, turn) or bool(intent.payload.get(UNDERWAY))
    found = _look(turn, effect, known) if asked_before else None
    if found is None and observing:
        turn.store.writes.settle(intent.id, outcome=WITHHELD, result={})
        _fact(turn, effect, outcome=WITHHELD, more={"payload": dict(effect.payload)})
        return _withheld(turn, effect)
    if found is None:
        try:
            found = effect.act()
        except TryAgain as error:
            if error.after is not None:  # asked to wait, we do not look either: the next run does, before it acts
                raise
            found = _look(turn, effect, known)
            if found is None:
                raise
    if turn.held.lost:
        raise LeaseLost(f"the lease of {turn.attempt.key} was lost during {effect.action}")
    if found.get(UNDERWAY):
        turn.store.writes.note(intent.id, found)
        return found
    outcome = "refused" if found.get("refused") else "failed" if found.get("held") else "done"
    turn.store.writes.settle(intent.id, outcome=outcome, result=found)
    _fact(turn, effect, outcome=outcome, more=found)
    return found


def _fact(turn: Turn, effect: Effect, *, outcome: str, more: Result) -> None:
    turn.fact("engine", "write_action", {"action": effect.action, "key": effect.key, "outcome": outcome, **more})


def _withheld(turn: Turn, effect: Effect) -> Result:
    """Raises NeedsHuman where the step cannot go on without the effect."""
    if effect.action not in _TOLD_OR_SHOWN:
        found = f"{effect.action.replace('_', ' ')} was withheld: {turn.attempt.key.repository} is in mode observe"
        raise NeedsHuman(found, reason=OBSERVE_ONLY)
    return {WITHHELD: True}


def key_of_next(turn: Turn, action: Action, subject: str, state: str) -> str | None:
    """The key to write the next state of a subject under, of which the world shows one at a time; None where it is the last
    that was written. The same state may come back, so the key counts what was written before it."""
    writes = [w for w in turn.store.writes.of(turn.attempt.key) if w.action == action and w.outcome != WITHHELD]
    earlier = [w for w in writes if w.key.startswith(f"{subject}:")]
    if earlier and earlier[-1].outcome == "done" and earlier[-1].payload.get("digest") == state:
        return None
    return f"{subject}:{sum(w.outcome is not None for w in earlier)}:{state}"


def refused_before(turn: Turn, action: Action, key: str) -> int:
    """How often the other side refused it: a refusal is final for its intent and not for ever."""
    return _ended_without_effect(turn, action, key, {"refused"})


def _ended_without_effect(turn: Turn, action: Action, key: str, outcomes: set[str]) -> int:
    return sum(
        w.outcome in outcomes and w.action == action and w.key.startswith(key)
        for w in turn.store.writes.of(turn.attempt.key)
        if w.attempt_id == turn.attempt.id
    )


def settle_found(turn: Turn, action: Action) -> None:
    """Intents of a run that was ended before it could see its effect, where the world shows it by now."""
    for intent in turn.store.writes.of(turn.attempt.key):
        if intent.action == action and intent.outcome is None and intent.attempt_id == turn.attempt.id:
            found = PROBES[action](turn.services, turn.attempt, intent.payload)
            if found is not None and not found.get(UNDERWAY):
                turn.store.writes.settle(intent.id, outcome="done", result=found)


def settle_open(services: Services, attempt: Attempt) -> int:
    """Asks the world about each intent without an outcome, under the change's lease; how many there were."""
    intents = [w for w in services.store.writes.of(attempt.key) if w.outcome is None]
    for intent in intents:
        found = PROBES[Action(intent.action)](services, attempt, intent.payload) or {"found": False}
        if not found.get(UNDERWAY):
            outcome = "failed" if found.get("refused") or found.get("found") is False else "done"
            services.store.writes.settle(intent.id, outcome=outcome, result=found)
    return len(intents)


def _is_old(intent: WriteAction, turn: Turn) -> bool:
    """An earlier run may already have done it: the intent names the epoch under which it was written."""
    return intent.payload.get("epoch") != turn.held.lease.epoch


def _look(turn: Turn, effect: Effect, known: Result) -> Result | None:
    clock = turn.services.clock
    deadline = clock.monotonic() + effect.probe_for
    while True:
        found = PROBES[effect.action](turn.services, turn.attempt, known)
        if found is not None or clock.monotonic() >= deadline:
            return found
        clock.sleep(0.5)
