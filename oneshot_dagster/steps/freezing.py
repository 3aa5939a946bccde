"""Freezing merges and lifting that; and the alarm that stops a lane, which only a person lifts."""

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.freeze import Freeze, sentence
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.turn import Turn

US = "oneshot"


def freeze(services: Services, repository: str | None, *, reason: str, by: str) -> Freeze:
    """What stands already stays as it was set."""
    if not reason.strip():
        raise BadInput(tried="freeze merges", found="no reason", do='say --reason "WHY"')
    return services.store.freezes.set(repository, reason=reason.strip(), by=by)


def unfreeze(services: Services, repository: str | None, *, by: str) -> tuple[Freeze, ...]:
    """Whoever waited for it is looked at again at once."""
    lifted = services.store.freezes.lift(repository, by=by)
    if not lifted:
        found = "; ".join(standing(services)) or "nothing that is frozen"
        raise BadInput(tried=f"unfreeze {repository or 'all repositories'}", found=found, do="name what is frozen")
    waiting = [attempt for attempt in services.store.runs.unfinished() if attempt.awaited is not None]
    services.store.looks.wake([a.key for a in waiting if repository in {None, a.key.repository}])
    return lifted


def standing(services: Services, repository: str | None = None) -> list[str]:
    """A sentence each: what holds merges in a repository, or anywhere."""
    return [sentence(freeze) for freeze in services.store.freezes.standing(repository)]


def stop_lane(turn: Turn, why: str) -> Freeze:
    """The alarm: from now on nobody enters the lanes of this repository, whoever holds one included."""
    attempt = turn.attempt
    reason = f"{attempt.key}, attempt {attempt.number}: {why}"
    halt = turn.store.freezes.set(attempt.key.repository, reason=reason, by=US, lane=True, attempt_id=attempt.id)
    turn.alarm(sentence(halt))
    return halt
