"""The deployment: exactly the merged revision, started once in the lane, observed until it is ready. No suites here."""

import tempfile
from pathlib import Path

from oneshot_dagster.domain.artifact import Artifact, Link, NotMyTurn, Record
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.deploy.protocol import Deploy
from oneshot_dagster.steps import lane
from oneshot_dagster.steps.probes import Action, Result, observed_result
from oneshot_dagster.steps.rollback import fail_after_merge
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform


def deployment(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state not in {State.MERGED, State.DEPLOYING}:
        return NotMyTurn(
            artifact=Artifact.DEPLOYMENT, reason=f"the change is {attempt.state}; only a merged change is deployed"
        )
    epoch = lane.enter(turn)
    if epoch is None:
        return NotMyTurn(artifact=Artifact.DEPLOYMENT, reason=turn.attempt.reason)
    if attempt.state is State.MERGED:
        turn.move(State.DEPLOYING, f"deploying {(attempt.merge_sha or '')[:7]}", awaited=None)
    kind = turn.policy.deploy.kind
    if kind == "none":
        return _nothing_to_deploy(turn)
    deploy = turn.services.deploys.get(kind)
    if deploy is None:
        fail_after_merge(turn, f"this platform cannot deploy by {kind} yet", suites=())
        return NotMyTurn(artifact=Artifact.DEPLOYMENT, reason=turn.attempt.reason)
    return _deploy(turn, deploy, epoch)


def _deploy(turn: Turn, deploy: Deploy, epoch: int) -> Record | NotMyTurn:
    sha = turn.attempt.merge_sha or ""
    deployment_id = int(str(perform(turn, _github_deployment(turn, sha))["id"]))
    _status(turn, deployment_id, "in_progress", f"starting {sha[:7]}")
    result = perform(turn, _start(turn, deploy, sha, epoch))
    ready = result.get("revision") == sha and bool(result.get("ready"))
    _status(turn, deployment_id, "success" if ready else "failure", str(result.get("detail"))[:140])
    turn.fact("deployment", "observed", dict(result), sha=sha)
    if not ready:
        fail_after_merge(turn, f"the deployment of {sha[:7]} is not ready: {result.get('detail')}", suites=())
        return NotMyTurn(artifact=Artifact.DEPLOYMENT, reason=turn.attempt.reason)
    turn.then(State.VERIFYING, f"{sha[:7]} is deployed and ready", deployed_sha=sha)
    return Record(
        artifact=Artifact.DEPLOYMENT,
        what_happened=f"{sha[:7]} serves at {turn.policy.deploy.url} ({turn.policy.deploy.environment}).",
        shown={
            "url": Link(turn.policy.deploy.url or ""),
            "deployed_sha": sha,
            "observed_revision": str(result.get("revision")),
            "environment": turn.policy.deploy.environment,
            "kind": deploy.kind,
            "github_deployment": deployment_id,
            "lane_epoch": epoch,
            "detail": str(result.get("detail")),
            "not_enforced": "not enforced: undo and rollback of a failed deployment",
        },
    )


def _start(turn: Turn, deploy: Deploy, sha: str, epoch: int) -> Effect:
    def act() -> Result:
        turn.services.limits.scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=turn.services.limits.scratch, prefix="deploy-") as scratch:
            folder = Path(scratch) / "tree"
            turn.services.git.export(turn.attempt.key.repository, sha=sha, target=folder)
            aim = target(turn.services, turn.attempt, folder)
            seen = deploy.start(aim, sha=sha, lane_is_ours=lambda: lane.is_ours(turn, epoch), say=turn.say)
        serves = seen.ready and seen.revision == sha
        return observed_result(seen) | ({} if serves else {"refused": True})  # so that a retry starts it again

    return Effect(
        action=Action.START_DEPLOYMENT,
        key=f"start:{sha}:{epoch}",
        payload={"sha": sha, "kind": deploy.kind, "environment": turn.policy.deploy.environment},
        act=act,
        lane_epoch=epoch,
    )


def _github_deployment(turn: Turn, sha: str) -> Effect:
    github, repository, environment = turn.services.github, turn.attempt.key.repository, turn.policy.deploy.environment
    key = f"{turn.attempt.key}:{turn.attempt.number}:{sha}"

    def act() -> Result:
        description = f"{turn.attempt.key}, attempt {turn.attempt.number}"
        return {
            "id": github.create_deployment(
                repository, sha=sha, environment=environment, key=key, description=description
            )
        }

    payload = {"key": key, "sha": sha, "environment": environment}
    return Effect(action=Action.GITHUB_DEPLOYMENT, key=f"deployment:{environment}:{sha}", payload=payload, act=act)


def _status(turn: Turn, deployment_id: int, state: str, description: str) -> None:
    github, repository, url = turn.services.github, turn.attempt.key.repository, turn.policy.deploy.url or ""

    def act() -> Result:
        github.deployment_status(repository, deployment_id, state=state, url=url, description=description)
        return {"state": state}

    key = f"deployment_status:{deployment_id}:{state}"
    perform(turn, Effect(action=Action.DEPLOYMENT_STATUS, key=key, payload={"state": state}, act=act))


def _nothing_to_deploy(turn: Turn) -> Record:
    turn.then(State.VERIFYING, "the policy deploys nothing ([deploy] kind = none)")
    lane.leave(turn)
    return Record(
        artifact=Artifact.DEPLOYMENT,
        what_happened=f"Nothing was deployed: the policy of {turn.attempt.key.repository} says kind none.",
        shown={"deployed_sha": "none", "kind": "none", "environment": turn.policy.deploy.environment},
    )
