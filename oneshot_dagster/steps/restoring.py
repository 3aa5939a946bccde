"""Restore first: what was verified last serves again at once, before any commit takes the failed one back.
Under an epoch of the lane that is raised for it, so that a stalled engine that wakes later starts nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from oneshot_dagster.domain.attempt import Attempt, Fact
from oneshot_dagster.domain.errors import BadInput, LeaseLost, NeedsHuman, TryAgain
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.services.deploy.protocol import Deploy
from oneshot_dagster.steps import github_deployment, lane
from oneshot_dagster.steps.exporting import exported
from oneshot_dagster.steps.probes import Action, Result, observed_result
from oneshot_dagster.steps.target import target
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform

_TRIES = 2  # in any case
_FOR, _FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 1.0, 5.0  # seconds in which a host or an Argo CD may come back
_SERVED_BEFORE = "served_before"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Earlier:
    sha: str
    known_as: str


def restore(turn: Turn) -> str:
    """In one sentence, what serves now or why nothing could be brought back. Only a lost lane stops what follows."""
    deploy = turn.services.deploys.get(turn.policy.deploy.kind)
    if deploy is None or deploy.kind == "none":
        return "nothing is deployed, so nothing is restored"
    epoch = _raised(turn)
    if epoch is None:
        raise LeaseLost(f"the lane of {turn.attempt.key.repository} is not ours any more: nothing was restored")
    earlier = _earlier(turn)
    if earlier is None:
        return "nothing was restored: no earlier revision is on record here"
    refused = deploy.no_undo(target(turn.services, turn.attempt), sha=earlier.sha)
    if refused is not None:
        return f"{earlier.sha[:7]} was not restored: {refused}"
    return _undone(turn, deploy, earlier, epoch)


def _raised(turn: Turn) -> int | None:
    """Also where nothing can be brought back: what failed is not to be started again by an engine that was stalled before it.
    An undo that a run was ended in, or after, goes on under the epoch that it was intended under."""
    epoch = turn.store.leases.lane_epoch(turn.attempt)
    under = [w for w in turn.store.writes.of(turn.attempt.key) if w.lane_epoch == epoch]
    if under and under[-1].action == Action.UNDO and under[-1].outcome in {None, "done"}:
        return epoch
    return turn.store.leases.raise_lane(turn.attempt, lease=turn.held.lease)


def note_served_before(turn: Turn, deploy: Deploy) -> None:
    """Once, when a deployment begins: where nothing was ever verified, that is what is restored."""
    sha = turn.attempt.merge_sha or ""
    if _served_before(turn, sha) is None:
        seen = deploy.observe(target(turn.services, turn.attempt))
        turn.fact("deployment", _SERVED_BEFORE, {"revision": seen.revision, "ready": seen.ready}, sha=sha)


def last_verified(turn: Turn, attempt: Attempt) -> str | None:
    """Where the policy of that attempt deploys: what was proven elsewhere says nothing of it."""
    environment = parse_policy(attempt.policy).deploy.environment
    return turn.store.runs.last_verified_sha(attempt.key.repository, attempt.inputs.base, environment=environment)


def _served_before(turn: Turn, sha: str) -> Fact | None:
    return next((f for f in turn.store.facts.of(turn.attempt.id) if f.kind == _SERVED_BEFORE and f.sha == sha), None)


def _earlier(turn: Turn) -> _Earlier | None:
    attempt = turn.attempt
    verified = last_verified(turn, attempt)
    if verified is not None and verified != attempt.merge_sha:
        return _Earlier(sha=verified, known_as="verified last")
    seen = _served_before(turn, attempt.merge_sha or "")
    before = seen.data.get("revision") if seen else None
    if not isinstance(before, str) or before == attempt.merge_sha:
        return None
    return _Earlier(sha=before, known_as="which served before and was never verified here")


def _undone(turn: Turn, deploy: Deploy, earlier: _Earlier, epoch: int) -> str:
    said = ""
    for _ in _tries(turn):
        try:
            result = perform(turn, _undo(turn, deploy, earlier.sha, epoch))
        except (TryAgain, NeedsHuman, BadInput) as error:
            said = str(error)
            continue
        if not result.get("refused"):
            turn.fact("deployment", "restored", dict(result), sha=earlier.sha)
            github_deployment.again(turn, earlier.sha)
            return f"{earlier.sha[:7]}, {earlier.known_as}, serves again"
        said = str(result.get("detail"))
    return f"{earlier.sha[:7]}, {earlier.known_as}, could not be restored: {said}"


def _tries(turn: Turn) -> Iterator[int]:
    clock, pause = turn.services.clock, _FIRST_PAUSE
    until, tried = clock.monotonic() + _FOR, 0
    while tried < _TRIES or clock.monotonic() + pause <= until:
        if tried:
            turn.check_lease()
            clock.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        tried += 1
        yield tried


def _undo(turn: Turn, deploy: Deploy, sha: str, epoch: int) -> Effect:
    def act() -> Result:
        with exported(turn, sha, purpose="undo") as folder:
            aim = target(turn.services, turn.attempt, folder)
            seen = deploy.undo(aim, sha=sha, lane_is_ours=lambda: lane.is_ours(turn, epoch), say=turn.say)
        serves = seen.ready and seen.revision == sha  # exactly: what is past it, and is to go, holds it too
        return observed_result(seen) | ({} if serves else {"refused": True})

    return Effect(
        action=Action.UNDO,
        key=f"undo:{turn.attempt.merge_sha}:{sha}:{epoch}",
        payload={
            "sha": sha,
            "kind": deploy.kind,
            "environment": turn.policy.deploy.environment,
        },
        act=act,
        lane_epoch=epoch,
    )
