"""A person lets a repository's changes be taken in again. What pauses intake is domain.intake.paused."""

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.intake import paused
from oneshot_dagster.steps.services import Services


def resume_intake(services: Services, repository: str, *, by: str) -> tuple[ChangeKey, ...]:
    """The changes that still need a person. Raises BadInput where nothing is paused."""
    stuck = services.store.pauses.stuck(repository)
    if paused(repository, stuck, services.limits.stuck_changes) is None:
        found = f"it is not paused; {len(stuck)} of {services.limits.stuck_changes} changes in a row need a person"
        raise BadInput(tried=f"resume the intake of {repository}", found=found, do="there is nothing to do")
    services.store.pauses.lift(repository, by=by)
    return stuck
