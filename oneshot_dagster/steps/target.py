"""Where an attempt is deployed: the policy's deploy section as services.deploy wants it."""

from pathlib import Path

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.services.deploy.protocol import Target
from oneshot_dagster.steps.services import Services


def target(services: Services, attempt: Attempt, folder: Path | None = None) -> Target:
    """`folder`: an exported tree of the SHA to start; only starting needs one."""
    deploy = parse_policy(attempt.policy).deploy
    return Target(
        repository=attempt.key.repository,
        environment=deploy.environment,
        start=deploy.start,
        url=deploy.url or "",
        timeout=deploy.timeout,
        folder=folder or services.limits.scratch,
    )
