"""The deployment: the merged revision, or a later one that holds it, started once in the lane, observed until it is ready.
Which of them is choosing.py's, what GitHub is told of it github_deployment's. One that takes long is parked. No suites here."""

from dataclasses import replace
from datetime import datetime, timedelta

from oneshot_dagster.domain.artifact import Artifact, Link, NotMyTurn, Record
from oneshot_dagster.domain.attempt import Awaited
from oneshot_dagster.domain.deploying import OLDER_THAN_LIVE, Chosen
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.resume_facts import Awaiting
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.deploy.protocol import Deploy, Observed
from oneshot_dagster.steps import github_deployment, lane
from oneshot_dagster.steps.choosing import chosen
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.probes import Action, Result, observed_result
from oneshot_dagster.steps.restoring import note_served_before
from oneshot_dagster.steps.rollback import fail_after_merge, went_on
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.verifying import take_baseline
from oneshot_dagster.steps.write_action import Effect, perform

_LONGEST_STATUS = 140


def deployment(turn: Turn) -> Record | NotMyTurn:
    attempt = turn.attempt
    if attempt.state not in {State.MERGED, State.DEPLOYING}:
        return _not_now(f"the change is {attempt.state}; only a merged change is deployed")
    epoch = lane.enter(turn)
    if epoch is None:
        return _not_now(turn.attempt.reason)
    if went_on(turn):
        return _not_now(turn.attempt.reason)
    if attempt.state is State.MERGED:
        turn.move(State.DEPLOYING, f"deploying {(attempt.merge_sha or '')[:7]}", awaited=None)
    else:  # what was fetched when it landed may be of days ago
        turn.services.git.fetch(attempt.key.repository)
    kind = turn.policy.deploy.kind
    if kind == "none":
        return _nothing_to_deploy(turn)
    deploy = turn.services.deploys.get(kind)
    if deploy is None:
        raise NeedsHuman(_unknown(kind), reason="deploy_not_configured")
    return _deploy(turn, deploy, epoch)


def _unknown(kind: str) -> str:
    do = "; set ONESHOT_ARGOCD__URL and a token, then retry" if kind == "argocd" else ""
    return f"this platform has nothing to deploy by {kind} with{do}"


def _deploy(turn: Turn, deploy: Deploy, epoch: int) -> Record | NotMyTurn:
    sha, began = turn.attempt.merge_sha or "", turn.store.now()
    choice = chosen(turn, deploy)
    if choice.taken_out is not None:
        return _taken_out(turn, choice.taken_out)
    if choice.unclear is not None:
        raise NeedsHuman(choice.unclear, reason=OLDER_THAN_LIVE)
    note_served_before(turn, deploy)
    number = github_deployment.record(turn, sha)
    take_baseline(turn)
    github_deployment.tell(turn, number, "in_progress", _begins(sha, choice))
    started: Result = {} if choice.serves else perform(turn, _start(turn, deploy, choice.sha, epoch))
    seen = _looked(turn, deploy, choice.sha, started)
    turn.fact("deployment", "observed", observed_result(seen), sha=sha)
    aim = target(turn.services, turn.attempt)
    if deploy.ready(aim, seen, sha=sha):
        return _deployed(turn, deploy, seen, number=number, epoch=epoch)
    if deploy.failed(aim, seen, sha=choice.sha):
        return _failed(turn, f"the deployment of {sha[:7]} failed: {seen.detail}")
    awaited = _awaited(turn, began)
    if turn.store.now() < awaited.deadline:
        return _park(turn, awaited, f"{sha[:7]} is being deployed: {seen.detail}")
    return _late(turn, number, seen, sha)


def _begins(sha: str, choice: Chosen) -> str:
    if choice.sha == sha:
        return f"starting {sha[:7]}"
    does = "serves already and" if choice.serves else "is started: it was verified and"
    return f"{choice.sha[:7]} {does} holds {sha[:7]}"


def _taken_out(turn: Turn, why: str) -> NotMyTurn:
    """Nothing is started, and nothing failed: the revert attempt proves what the person left, and no other attempt follows."""
    github_deployment.fell(turn, why)
    turn.move(State.ROLLING_BACK, why, awaited=None)
    return _not_now(turn.attempt.reason)


def _looked(turn: Turn, deploy: Deploy, sha: str, started: Result) -> Observed:
    """Looks until it is ready or failed, the hold is over, or another run waits for this slot; once in any case."""
    if started.get("broken") == sha:  # as the start itself saw it
        return Observed(
            revision=_text(started, "revision"),
            ready=False,
            url=str(started.get("url")),
            detail=str(started.get("detail")),
            broken=sha,
        )
    clock, limits, aim = turn.services.clock, turn.services.limits, target(turn.services, turn.attempt)
    put_off = "" if started.get("asked", True) else f"{started.get('detail')}; "
    until = clock.monotonic() + limits.hold_seconds
    said = ""
    while True:
        seen = deploy.observe(aim)
        over = deploy.ready(aim, seen, sha=turn.attempt.merge_sha or "") or deploy.failed(aim, seen, sha=sha)
        if over or put_off or clock.monotonic() >= until or turn.held.lost or turn.others_wait():
            return seen if over else replace(seen, detail=f"{put_off}{seen.detail}")
        if seen.detail != said:
            said = seen.detail
            turn.say(f"waiting: {said}")
        clock.sleep(limits.poll_seconds)


def _deployed(turn: Turn, deploy: Deploy, seen: Observed, *, number: int, epoch: int) -> Record:
    sha, policy = turn.attempt.merge_sha or "", turn.policy.deploy
    github_deployment.stands(turn, number, seen.detail[:_LONGEST_STATUS])
    turn.then(State.VERIFYING, f"{sha[:7]} is deployed and ready", deployed_sha=sha, awaited=None)
    serves = sha[:7] if seen.revision == sha else f"{(seen.revision or '')[:7]}, which holds {sha[:7]},"
    return Record(
        artifact=Artifact.DEPLOYMENT,
        what_happened=f"{serves} serves at {seen.url} ({policy.environment}).",
        shown={
            "url": Link(policy.url or seen.url),
            "deployed_sha": sha,
            "observed_revision": str(seen.revision),
            "environment": policy.environment,
            "kind": deploy.kind,
            "github_deployment": number,
            "lane_epoch": epoch,
            "detail": seen.detail,
        },
    )


def _failed(turn: Turn, why: str) -> NotMyTurn:
    """GitHub is told last, where it may be: what stands waits for no answer of it."""
    fail_after_merge(turn, why, suites=())
    return _not_now(turn.attempt.reason)


def _late(turn: Turn, number: int, seen: Observed, sha: str) -> NotMyTurn:
    """In vain: what serves is known, and something is to be done about it, or it is not, and a person has to look."""
    why = f"{sha[:7]} was not deployed within {turn.policy.deploy.timeout / 60:g} min: {seen.detail}"
    if seen.revision is None:
        github_deployment.tell_if_may(turn, number, "error", why[:_LONGEST_STATUS])
        raise NeedsHuman(why, reason="deployment_unknown")
    return _failed(turn, why)


def _awaited(turn: Turn, began: datetime) -> Awaited:
    kept = turn.attempt.awaited
    if kept is not None and kept.what == Awaiting.DEPLOYMENT:
        return kept
    deadline = began + timedelta(seconds=turn.policy.deploy.timeout)
    return Awaited(what=Awaiting.DEPLOYMENT, since=began, deadline=deadline)


def _park(turn: Turn, awaited: Awaited, why: str) -> NotMyTurn:
    turn.park(awaited, why)
    turn.say(f"parked: {why}")
    return _not_now(why)


def _start(turn: Turn, deploy: Deploy, sha: str, epoch: int) -> Effect:
    def act() -> Result:
        with exported(turn, sha, purpose="deploy") as folder:
            aim = target(turn.services, turn.attempt, folder)
            seen = deploy.start(aim, sha=sha, lane_is_ours=lambda: lane.is_ours(turn, epoch), say=turn.say)
            again = deploy.failed(aim, seen, sha=sha) or not seen.asked
        return observed_result(seen) | ({"refused": True} if again else {})  # so that a later turn starts it again

    return Effect(
        action=Action.START_DEPLOYMENT,
        key=f"start:{sha}:{epoch}",
        payload={
            "sha": sha,
            "kind": deploy.kind,
            "environment": turn.policy.deploy.environment,
        },
        act=act,
        lane_epoch=epoch,
    )


def _nothing_to_deploy(turn: Turn) -> Record:
    turn.then(State.VERIFYING, "the policy deploys nothing ([deploy] kind = none)")
    lane.leave(turn)
    return Record(
        artifact=Artifact.DEPLOYMENT,
        what_happened=f"Nothing was deployed: the policy of {turn.attempt.key.repository} says kind none.",
        shown={"deployed_sha": "none", "kind": "none", "environment": turn.policy.deploy.environment},
    )


def _not_now(reason: str) -> NotMyTurn:
    return NotMyTurn(artifact=Artifact.DEPLOYMENT, reason=reason)


def _text(result: Result, key: str) -> str | None:
    value = result.get(key)
    return None if value is None else str(value)
