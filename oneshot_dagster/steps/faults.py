"""Faults of the moment as facts of an attempt: what failed, and how long the other side asked us to wait.
So whoever looks next waits as well, and a person learns what the retries were spent on."""

from datetime import datetime, timedelta

from oneshot_dagster.domain.attempt import Attempt, Fact, Launch
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.steps.services import Services

_KIND = "fault"


def note_fault(services: Services, attempt: Attempt, error: TryAgain, *, again: bool = True) -> None:
    """`again` False: one that was noted last is not noted once more, unless it asks to wait."""
    noted = _faults(services, attempt)
    if not again and error.after is None and noted and noted[-1].data["why"] == str(error):
        return
    data = {"why": str(error), "wait": error.after}
    services.store.facts.append(attempt.id, source="engine", kind=_KIND, sha=attempt.head_sha, data=data)


def not_before(services: Services, attempt: Attempt) -> datetime | None:
    asked = [fact for fact in _faults(services, attempt) if fact.data["wait"] is not None]
    return max((fact.at + timedelta(seconds=float(str(fact.data["wait"]))) for fact in asked), default=None)


def fault_since(services: Services, attempt: Attempt, launch: Launch | None) -> str | None:
    """What ended that launch's run, where it was a fault."""
    noted = [f for f in _faults(services, attempt) if launch is not None and f.at >= launch.created_at]
    return str(noted[-1].data["why"]) if noted else None


def _faults(services: Services, attempt: Attempt) -> list[Fact]:
    return [fact for fact in services.store.facts.of(attempt.id) if fact.kind == _KIND]
