"""How each write action is found again in the world after a crash or a lost answer: from its payload alone.
None means that the world does not show it. A test walks the enum: an action without a probe cannot be added."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import cast

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.services.github.protocol import Pull, ReviewThread
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.target import target

Result = Mapping[str, object]
Probe = Callable[[Services, Attempt, Result], Result | None]


# Of a result: the other side does it in its own time. What else the result says is kept in the intent, for the probe.
UNDERWAY = "underway"
PENDING, ENQUEUED, QUEUED = "pending", "enqueued", "queued"  # asked for; taken into the merge queue; seen in it
_SHOWS_IN = timedelta(seconds=60)  # the merge queue, after GitHub took a pull request into it


class Action(StrEnum):
    """Every effect on the outside world that exists."""

    PUSH = "push"
    OPEN_PR = "open_pr"
    UPDATE_PR = "update_pr"
    COMMENT = "comment"
    CHECK_RUN = "check_run"
    REPLY_THREAD = "reply_thread"
    RESOLVE_THREAD = "resolve_thread"
    UPDATE_BRANCH = "update_branch"
    MERGE = "merge"
    GITHUB_DEPLOYMENT = "github_deployment"
    DEPLOYMENT_STATUS = "deployment_status"
    START_DEPLOYMENT = "start_deployment"
    UNDO = "undo"
    DELETE_BRANCH = "delete_branch"


def pull_result(pull: Pull) -> dict[str, object]:
    return {"number": pull.number, "url": pull.url, "head_sha": pull.head_sha}


def observed_result(observed: Observed) -> dict[str, object]:
    return {
        "revision": observed.revision,
        "ready": observed.ready,
        "url": observed.url,
        "detail": observed.detail,
        "broken": observed.broken,
        "asked": observed.asked,
    }


def _push(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    at = services.git.remote_head(attempt.key.repository, str(payload["branch"]))
    return {"sha": at, "found": True} if at == payload["sha"] else None


def _open_pr(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    ended = cast("list[int]", payload["not_these"])
    pulls = services.github.pulls_by_head(attempt.key.repository, str(payload["head"]))
    mine = [p for p in pulls if p.number not in ended]
    return pull_result(mine[0]) if mine else None


def _written_again(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    """Saying the same once more changes nothing, so nothing is looked for."""
    del services, attempt, payload


def _comment(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    marker, digest = str(payload["marker"]), str(payload["digest"])
    for comment in services.github.comments(attempt.key.repository, int(str(payload["number"]))):
        if comment.author == services.github.login and comment.body.startswith(marker) and digest in comment.body:
            return {"comment_id": comment.comment_id, "url": comment.url, "found": True}
    return None


def _reply_thread(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    thread = _thread(services, attempt, payload)
    for comment in thread.comments if thread else ():
        if comment.author == services.github.login and comment.body.startswith(str(payload["marker"])):
            return {"url": comment.url, "found": True}
    return None


def _resolve_thread(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    thread = _thread(services, attempt, payload)
    return {"resolved": True, "found": True} if thread is not None and thread.is_resolved else None


def _thread(services: Services, attempt: Attempt, payload: Result) -> ReviewThread | None:
    threads = services.github.threads(attempt.key.repository, int(str(payload["number"])))
    return next((thread for thread in threads if thread.thread_id == payload["thread_id"]), None)


def _update_branch(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    pull = services.github.pull(attempt.key.repository, int(str(payload["number"])))
    moved = pull is not None and pull.head_sha != payload["expected"]
    return {"from": payload["expected"], "found": True} if moved else None


def _merge(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    pull = services.github.pull(attempt.key.repository, int(str(payload["number"])))
    if pull is not None and pull.merged:
        if pull.merge_sha is None:
            raise TryAgain(f"GitHub says that #{pull.number} is merged, and not yet as which commit")
        return {"sha": pull.merge_sha, "found": True, "by": pull.merged_by}
    if pull is None or not payload.get(UNDERWAY):
        return None
    return _requested(services, attempt, payload) or _in_queue(services, attempt, payload)


def _requested(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    """What GitHub says of an asynchronous merge; None where it is the merge queue's by now, or forgotten."""
    if payload[UNDERWAY] != PENDING or not payload.get("uuid"):
        return None
    answer = services.github.merge_async_result(
        attempt.key.repository, int(str(payload["number"])), str(payload["uuid"])
    )
    match answer.state:
        case "pending":
            return {UNDERWAY: PENDING}
        case "merged" if answer.sha:
            return {"sha": answer.sha, "found": True}
        case "failed":
            return {"refused": True, "status": answer.state, "message": answer.message, "why": answer.why}
        case _:
            return None


def _in_queue(services: Services, attempt: Attempt, payload: Result) -> Result:
    """A pull request that can not land drops out of its queue without a word."""
    now = services.clock.now()
    standing = services.github.merge_queue(attempt.key.repository, int(str(payload["number"])))
    if standing.merged:
        return {UNDERWAY: payload[UNDERWAY]}  # read again a moment later, as which commit
    if standing.queued:
        return {UNDERWAY: QUEUED}
    entered = str(payload.get("enqueued_at") or now.isoformat())
    patience = timedelta(seconds=1) if services.limits.is_local_forge else _SHOWS_IN
    if payload[UNDERWAY] != QUEUED and now - datetime.fromisoformat(entered) < patience:
        return {UNDERWAY: ENQUEUED, "enqueued_at": entered}
    message = "it is neither merged nor in the merge queue any more"
    return {"refused": True, "status": "dequeued", "message": message, "why": "dequeued"}


def _github_deployment(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    made = services.github.deployments(
        attempt.key.repository, sha=str(payload["sha"]), environment=str(payload["environment"])
    )
    found = made.get(str(payload["key"]))
    return {"id": found, "found": True} if found is not None else None


def _start_deployment(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    deploy = services.deploys.get(str(payload["kind"]))
    if deploy is None:
        return None
    aim = target(services, attempt)
    observed = deploy.observe(aim)
    ready = deploy.ready(aim, observed, sha=str(payload["sha"]))
    return observed_result(observed) | {"found": True} if ready else None


def _undo(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    """By exactly what serves: what is past it, and was to go, holds it too."""
    deploy = services.deploys.get(str(payload["kind"]))
    seen = deploy.observe(target(services, attempt)) if deploy else None
    back = seen is not None and seen.ready and seen.revision == payload["sha"]
    return observed_result(seen) | {"found": True} if seen is not None and back else None


def _delete_branch(services: Services, attempt: Attempt, payload: Result) -> Result | None:
    at = services.git.remote_head(attempt.key.repository, str(payload["branch"]))
    return {"sha": payload["sha"], "found": True} if at is None else None


PROBES: Mapping[Action, Probe] = {
    Action.PUSH: _push,
    Action.OPEN_PR: _open_pr,
    Action.UPDATE_PR: _written_again,
    Action.COMMENT: _comment,
    Action.CHECK_RUN: _written_again,
    Action.REPLY_THREAD: _reply_thread,
    Action.RESOLVE_THREAD: _resolve_thread,
    Action.UPDATE_BRANCH: _update_branch,
    Action.MERGE: _merge,
    Action.GITHUB_DEPLOYMENT: _github_deployment,
    Action.DEPLOYMENT_STATUS: _written_again,
    Action.START_DEPLOYMENT: _start_deployment,
    Action.UNDO: _undo,
    Action.DELETE_BRANCH: _delete_branch,
}
