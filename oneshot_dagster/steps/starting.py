"""Starting a change from GitHub: it is taken in and people see its status comment, before any run of it.
Both under the change's lease, so that no run starts in between. The refusals are intake's."""

import contextlib

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.steps.intake import take_in
from oneshot_dagster.steps.lease import Held, held
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.telling import UNHEARD, tell_status
from oneshot_dagster.steps.turn import Turn

_WHO = "intake"


def start(services: Services, key: ChangeKey, *, base: str | None, by: str, text_sha256: str | None) -> Attempt:
    """Raises Refusal, and LeaseLost where a run works on the change."""
    with held(services.store, key, _WHO, seconds=services.limits.lease_seconds) as holding:
        attempt = take_in(services, key, base=base, prompt="", by=by, text_sha256=text_sha256)
        _tell(services, attempt, holding)
    services.store.wake(key)
    return attempt


def show_status(services: Services, attempt: Attempt) -> None:
    """Where a run works on it, the run shows it."""
    with (
        contextlib.suppress(LeaseLost),
        held(services.store, attempt.key, _WHO, seconds=services.limits.lease_seconds) as holding,
    ):
        _tell(services, attempt, holding)


def _tell(services: Services, attempt: Attempt, holding: Held) -> None:
    turn = Turn(
        services,
        artifact=Artifact.WORKTREE,
        attempt=attempt,
        held=holding,
        run_id=_WHO,
        say=lambda _: None,
        others_wait=lambda: False,
    )
    with contextlib.suppress(*UNHEARD):
        tell_status(turn, attempt)
