"""Where an attempt is deployed: the policy's deploy section as services.deploy wants it, and what serves there."""

from pathlib import Path

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.policy_sections import DeploySection
from oneshot_dagster.services.deploy.protocol import Observed, Target
from oneshot_dagster.steps.services import Services


def target(services: Services, attempt: Attempt, folder: Path | None = None) -> Target:
    """`folder`: an exported tree of the SHA to start; only starting needs one."""
    return aim(services, attempt.key.repository, parse_policy(attempt.policy).deploy, folder)


def aim(services: Services, repository: str, deploy: DeploySection, folder: Path | None = None) -> Target:
    return Target(
        repository=repository,
        environment=deploy.environment,
        start=deploy.start,
        url=deploy.url or "",
        timeout=deploy.timeout,
        folder=folder or services.limits.scratch,
        application=deploy.application or "",
        sync=deploy.sync,
        trailer=deploy.trailer,
        annotation=deploy.annotation,
        contains=lambda revision, sha: contains(services, repository, revision, sha),
    )


def contains(services: Services, repository: str, revision: str, sha: str) -> bool:
    """Whether `sha` is that revision or in its history; it may be newer than what we have of the repository."""
    if revision == sha:
        return True
    if services.git.resolve(repository, revision) is None:
        services.git.fetch(repository)
    if services.git.resolve(repository, revision) is None or services.git.resolve(repository, sha) is None:
        return False
    return services.git.is_ancestor(repository, sha, revision)


def serves(services: Services, attempt: Attempt, seen: Observed) -> bool:
    """Whether what was seen is the attempt's merge, deployed and ready."""
    deploy = services.deploys.get(parse_policy(attempt.policy).deploy.kind)
    sha = attempt.merge_sha
    return deploy is not None and sha is not None and deploy.ready(target(services, attempt), seen, sha=sha)
