"""Whether what is merged could be deployed: a change that is merged and then cannot be is worse than one that never began."""

from collections.abc import Iterator

from oneshot_dagster.domain.quoting import one_line
from oneshot_dagster.domain.readiness_facts import Finding, Level, Situation, Unread
from oneshot_dagster.domain.run import Mode

_DO = {"argocd": "set ONESHOT_ARGOCD__URL and a token"}


def of_deployment(situation: Situation) -> Iterator[Finding]:
    policy = situation.policy
    if policy is None or not policy.deploy.stated or policy.deploy.kind == "none":
        return
    kind, found = policy.deploy.kind, situation.deployment
    grave = Level.WARNING if situation.mode is Mode.OBSERVE else Level.IMPOSSIBLE
    if situation.deploys is not None and kind not in situation.deploys:
        said = f"the policy deploys by {kind}, with which this platform is not connected"
        yield Finding(code="deploy_not_configured", level=grave, found=said, do=_DO.get(kind, "choose another kind"))
    elif isinstance(found, Unread):
        said = f"did not look at where it is deployed: {one_line(found.why, 300)}"
        yield Finding(code="deployment", level=Level.UNKNOWN, found=said)
    elif found:
        yield Finding(
            code="deployment", level=grave, found=one_line(found, 400), do="mend it, or the policy's [deploy]"
        )
