"""Following one change live: looks at the store when woken and at least every second, and lets the resumer act meanwhile,
because Dagster's sensors look only every five seconds. How a look is shown is progress.py."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, Transition
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.launcher.protocol import Launcher
from oneshot_dagster.services.store.protocol import StoredRecord
from oneshot_dagster.steps.resume import continue_changes
from oneshot_dagster.steps.services import Services

COMPLETED, FAILED, NEEDS_HUMAN, ENDED, PARKED = 0, 1, 3, 4, 5
_CODES = {State.COMPLETED: COMPLETED, State.NEEDS_HUMAN: NEEDS_HUMAN, State.CANCELLED: ENDED, State.SUPERSEDED: ENDED}
_LOOK_EVERY = 1.0
_LAST_RUN_ENDS_WITHIN = 10.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """`doing` is what the resumer said of it. `run_over`: the Dagster run of the last launch has ended."""

    attempt: Attempt
    records: Mapping[str, StoredRecord]
    transitions: tuple[Transition, ...]
    run_id: str | None
    run_over: bool
    doing: str

    @property
    def parked(self) -> bool:
        return self.attempt.awaited is not None and self.run_over


Show = Callable[[Look], None]


def follow(
    services: Services,
    launcher: Launcher,
    key: ChangeKey,
    *,
    show: Show,
    until: Callable[[Look], bool] | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Look:
    """The last look: the change has ended and is sealed, or `until` says that it is enough."""
    asked, doing = -_LOOK_EVERY, ""
    with services.store.waiting(key) as waiter:
        while True:
            if time.monotonic() - asked >= _LOOK_EVERY:
                meanwhile()
                doing = "; ".join(continue_changes(services, launcher, only=key))
                asked = time.monotonic()
            seen = look(services, launcher, key, doing=doing)
            show(seen)
            if over(seen.attempt):
                return _ended(services, launcher, seen)
            if until is not None and until(seen):
                return seen
            waiter.wait(max(0.05, asked + _LOOK_EVERY - time.monotonic()))


def look(services: Services, launcher: Launcher, key: ChangeKey, *, doing: str = "") -> Look:
    store = services.store
    attempt = store.runs.latest(key)
    assert attempt is not None  # noqa: S101  # it was taken in, and rows stay
    launches = store.launches.of(attempt.id)
    run_id = launches[-1].dagster_run_id if launches else None
    view = launcher.view((run_id,)).get(run_id) if run_id else None
    return Look(
        attempt=attempt,
        records=store.artifacts.records(attempt.id),
        transitions=store.runs.transitions(attempt.id),
        run_id=run_id,
        run_over=view is not None and view.over,
        doing=doing,
    )


def over(attempt: Attempt) -> bool:
    return attempt.state in _CODES and attempt.evidence_head is not None


def exit_code(seen: Look) -> int:
    return PARKED if seen.parked else _CODES.get(seen.attempt.state, FAILED)


def _ended(services: Services, launcher: Launcher, seen: Look) -> Look:
    """Its Dagster run still has a few events to write; who stops the stack now would leave it looking broken."""
    deadline = time.monotonic() + _LAST_RUN_ENDS_WITHIN
    while not seen.run_over and seen.run_id is not None and time.monotonic() < deadline:
        time.sleep(0.05)
        seen = look(services, launcher, seen.attempt.key)
    return seen
