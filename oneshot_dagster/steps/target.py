"""Where an attempt is deployed: the policy's deploy section as services.deploy wants it, and what serves there."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.policy_sections import DeploySection
from oneshot_dagster.domain.run import Kind
from oneshot_dagster.services.deploy import readiness
from oneshot_dagster.services.deploy.protocol import Observed, Target
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.what_landed import keeps


def target(services: Services, attempt: Attempt, folder: Path | None = None) -> Target:
    """`folder`: an exported tree of the SHA to start; only starting needs one."""
    aimed = aim(services, attempt.key.repository, parse_policy(attempt.policy).deploy, folder)
    return replace(aimed, contains=partial(_holds, services, attempt))


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


def _holds(services: Services, attempt: Attempt, revision: str, sha: str) -> bool:
    """Its own merge is not deployed by a revision in which somebody took it out. What takes back is deployed by whatever came
    after it, also where that brings the work back."""
    if not contains(services, attempt.key.repository, revision, sha):
        return False
    own = sha == attempt.merge_sha and revision != sha and attempt.kind is not Kind.REVERT
    return not own or keeps(services, attempt, revision)


def contains(services: Services, repository: str, revision: str, sha: str) -> bool:
    """Whether `sha` is that revision or in its history; it may be newer than what we have of the repository."""
    if revision == sha:
        return True
    if readiness.SHA.fullmatch(revision) is None:  # a service may call itself anything
        return False
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


def serving(services: Services, attempt: Attempt) -> str:
    """What serves as the attempt's merge: that, or a later revision that holds it."""
    deploy, sha = services.deploys.get(parse_policy(attempt.policy).deploy.kind), attempt.merge_sha or ""
    if deploy is None or deploy.kind == "none":
        return sha
    aimed = target(services, attempt)
    seen = deploy.observe(aimed)
    return seen.revision if seen.revision is not None and deploy.ready(aimed, seen, sha=sha) else sha
