"""Routes: deployments and their statuses. They are records here; nothing is deployed by them."""

from dataclasses import replace

from oneshot_dagster.local.forge.calls import Answer, Call, Endpoint, Refusal, invalid, not_found
from oneshot_dagster.local.forge.mergeability import latest_checks, latest_statuses
from oneshot_dagster.local.forge.records import CheckRun, CommitStatus, Deployment, DeploymentStatus
from oneshot_dagster.local.forge.rest.checks import resolve
from oneshot_dagster.local.forge.shapes import checks as shapes
from oneshot_dagster.local.forge.world import now

_STATES = {"error", "failure", "inactive", "in_progress", "queued", "pending", "success"}
_GOOD = {"success", "skipped", "neutral"}


def create_deployment(call: Call) -> Answer:
    """`auto_merge` true would merge the base into the ref on GitHub: refused, so that nobody leaves it on unseen."""
    ref = call.text("ref")
    sha = resolve(call, ref)
    if call.body.get("auto_merge", True) is not False:
        raise Refusal(409, "this forge has no auto_merge: send auto_merge=false")
    _refuse_unready(call, sha)
    deployment = Deployment(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        sha=sha,
        ref=ref,
        task=call.text("task", "deploy"),
        environment=call.text("environment", "production"),
        creator=call.user.login,
        created_at=now(),
        payload=_payload(call),
        description=call.text("description", "") or None,
    )
    call.forge.world.put(deployment)
    return Answer(status=201, body=shapes.deployment(call.urls, call.repository, deployment))


def _payload(call: Call) -> dict[str, object] | str:
    payload = call.mapping("payload")
    return dict(payload) if payload is not None else call.text("payload", "")


def _refuse_unready(call: Call, sha: str) -> None:
    """Without `required_contexts` every check and status must have passed; [] asks for none."""
    world, repo = call.forge.world, call.repository
    named = call.words("required_contexts") if call.body.get("required_contexts") is not None else None
    checks = latest_checks([c for c in world.all(CheckRun, repo) if c.head_sha == sha])
    statuses = latest_statuses([s for s in world.all(CommitStatus, repo) if s.sha == sha])
    passed = {c.name: c.conclusion in _GOOD for c in checks} | {s.context: s.state == "success" for s in statuses}
    missing = [name for name in (passed if named is None else named) if not passed.get(name)]
    if missing:
        raise Refusal(409, f"Conflict: Commit status checks failed for {sha}: {', '.join(missing)}")


def _deployment(call: Call) -> Deployment:
    found = call.forge.world.get(Deployment, call.number("deployment"))
    return found if found and found.repository == call.repository.id else not_found()


def get_deployment(call: Call) -> Answer:
    return Answer(body=shapes.deployment(call.urls, call.repository, _deployment(call)))


def list_deployments(call: Call) -> Answer:
    query = call.query
    rows = [
        d
        for d in reversed(call.forge.world.all(Deployment, call.repository))
        if query.get("sha", d.sha) == d.sha
        and query.get("ref", d.ref) == d.ref
        and query.get("task", d.task) == d.task
        and query.get("environment", d.environment) == d.environment
    ]
    return call.page([shapes.deployment(call.urls, call.repository, d) for d in rows])


def create_status(call: Call) -> Answer:
    deployment, state = _deployment(call), call.text("state")
    if state not in _STATES:
        invalid("state", "invalid")
    status = DeploymentStatus(
        id=call.forge.world.next_id(),
        repository=call.repository.id,
        deployment=deployment.id,
        state=state,
        creator=call.user.login,
        created_at=now(),
        description=call.text("description", ""),
        environment_url=call.text("environment_url", ""),
        log_url=call.text("log_url", ""),
    )
    call.forge.world.put(status)
    if state == "success" and call.body.get("auto_inactive", True) is not False:
        _end_earlier(call, deployment)
    body = shapes.deployment_status(call.urls, call.repository, status, deployment.environment)
    return Answer(status=201, body=body)


def _end_earlier(call: Call, deployment: Deployment) -> None:
    """Of the same environment, those that stood; never in production, which is what is called so (this forge has no flag)."""
    world, repo = call.forge.world, call.repository
    if deployment.environment == "production":
        return
    last = {status.deployment: status for status in world.all(DeploymentStatus, repo)}
    for earlier in world.all(Deployment, repo):
        stood = earlier.id in last and last[earlier.id].state == "success"
        if stood and earlier.id < deployment.id and earlier.environment == deployment.environment:
            ended = replace(last[earlier.id], id=world.next_id(), state="inactive", created_at=now())
            world.put(ended)


def list_statuses(call: Call) -> Answer:
    deployment = _deployment(call)
    rows = [s for s in call.forge.world.all(DeploymentStatus, call.repository) if s.deployment == deployment.id]
    return call.page(
        [shapes.deployment_status(call.urls, call.repository, s, deployment.environment) for s in reversed(rows)]
    )


_DEPLOYMENTS = "/repos/{owner}/{repo}/deployments"
ENDPOINTS = (
    Endpoint(method="GET", pattern=_DEPLOYMENTS, handler=list_deployments),
    Endpoint(method="POST", pattern=_DEPLOYMENTS, handler=create_deployment, needs="write"),
    Endpoint(method="GET", pattern=_DEPLOYMENTS + "/{deployment}", handler=get_deployment),
    Endpoint(method="GET", pattern=_DEPLOYMENTS + "/{deployment}/statuses", handler=list_statuses),
    Endpoint(method="POST", pattern=_DEPLOYMENTS + "/{deployment}/statuses", handler=create_status, needs="write"),
)
