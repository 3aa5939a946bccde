"""What GitHub is told of a deployment: a GitHub Deployment of the merged commit, and its statuses as it goes on.
Nothing is deployed by it. Where the policy deploys nothing there is none, because it would start others' workflows."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.steps.probes import Action, Result
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, key_of_next, perform

LONGEST = 140  # of a description


def key_of_deployment(attempt: Attempt, sha: str) -> str:
    """In the payload of the GitHub Deployment: by it ours is found among all of that commit."""
    return f"{attempt.key}:{attempt.number}:{sha}"


def record(turn: Turn, sha: str) -> int:
    """The number of the one GitHub Deployment that the attempt has of that commit."""
    github, repository, environment = turn.services.github, turn.attempt.key.repository, turn.policy.deploy.environment
    key = key_of_deployment(turn.attempt, sha)

    def act() -> Result:
        description = f"{turn.attempt.key}, attempt {turn.attempt.number}"
        return {
            "id": github.create_deployment(
                repository, sha=sha, environment=environment, key=key, description=description
            )
        }

    payload = {"key": key, "sha": sha, "environment": environment}
    made = perform(
        turn,
        Effect(action=Action.GITHUB_DEPLOYMENT, key=f"deployment:{environment}:{sha}", payload=payload, act=act),
    )
    return int(str(made["id"]))


def tell(turn: Turn, number: int, state: str, description: str) -> None:
    """`state` in_progress | success | failure | error | inactive; nothing is written where it is the last one said."""
    github, repository, url = turn.services.github, turn.attempt.key.repository, turn.policy.deploy.url or ""
    key = key_of_next(turn, Action.DEPLOYMENT_STATUS, f"deployment_status:{number}", state)
    if key is None:
        return

    def act() -> Result:
        github.deployment_status(repository, number, state=state, url=url, description=description)
        return {"state": state}

    payload = {"number": number, "state": state, "digest": state}
    perform(turn, Effect(action=Action.DEPLOYMENT_STATUS, key=key, payload=payload, act=act))


def fell(turn: Turn, why: str) -> None:
    """The merge's deployment does not stand, for what came after it too."""
    made = [
        w
        for w in turn.store.writes.of(turn.attempt.key)
        if w.action == Action.GITHUB_DEPLOYMENT and w.attempt_id == turn.attempt.id and "id" in w.result
    ]
    if made and made[-1].payload.get("sha") == turn.attempt.merge_sha:
        tell_if_may(turn, int(str(made[-1].result["id"])), "failure", why[:LONGEST])


def again(turn: Turn, sha: str) -> None:
    """An earlier revision serves again: our newest deployment of it stands once more."""
    repository, environment = turn.attempt.key.repository, turn.policy.deploy.environment
    try:
        numbers = turn.services.github.deployments(repository, sha=sha, environment=environment).values()
    except (NeedsHuman, TryAgain) as error:
        turn.say(f"GitHub is not told what serves again: {error}")
        return
    if numbers:
        tell_if_may(turn, max(numbers), "success", f"serves again in place of {turn.attempt.key}")


def tell_if_may(turn: Turn, number: int, state: str, description: str) -> None:
    """That it cannot be said is said in the log, and stops nothing."""
    try:
        tell(turn, number, state, description)
    except (NeedsHuman, TryAgain) as error:
        turn.say(f"deployment {number} is not told to be {state}: {error}")


def stands(turn: Turn, number: int, description: str) -> None:
    """Success, and the deployments that stood before are inactive. GitHub does that itself only outside of production."""
    tell(turn, number, "success", description)
    try:
        before = turn.services.github.active_deployments(
            turn.attempt.key.repository, environment=turn.policy.deploy.environment
        )
        for earlier in before:
            if earlier != number:
                tell(turn, earlier, "inactive", f"after {turn.attempt.key}")
    except (NeedsHuman, TryAgain) as error:  # the service serves all the same
        turn.say(f"earlier deployments stay as they are on GitHub: {error}")
