"""Where the head of an attempt's sealed evidence is kept outside our store: a comment on its pull request, and the status of
its GitHub Deployment. So a bundle that was rewritten and hashed anew is found, even where the store was rewritten with it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.attempt import Attempt, WriteAction
from oneshot_dagster.domain.delivery import Criterion
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.evidence import Sealed
from oneshot_dagster.domain.policy import parse_policy
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.github_deployment import key_of_deployment
from oneshot_dagster.steps.probes import Action, Result
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import Effect, perform


@dataclass(frozen=True, kw_only=True, slots=True)
class Bundle:
    """What was sealed: the hash of the last line, and what the seal lists."""

    head: str
    artifacts: tuple[Sealed, ...]


def anchor(
    turn: Turn, attempt: Attempt, bundle: Bundle, criteria: tuple[Criterion, ...], *, unverified: str | None = None
) -> tuple[str, ...]:
    """Where the head now stands, in words; what may not be written there is said in the log, and stops nothing."""
    where: list[str] = []
    if attempt.pr_number is not None:
        body = messages.evidence_summary(
            attempt, criteria=criteria, artifacts=bundle.artifacts, head=bundle.head, unverified=unverified
        )
        try:
            effects.comment(turn, number=attempt.pr_number, purpose=_purpose(attempt), body=body)
            where.append(f"pull request #{attempt.pr_number}")
        except NeedsHuman as error:
            _not_there(turn, Action.COMMENT, f"not anchored in the pull request: {error}")
    deployment = _last(turn.services, attempt, Action.GITHUB_DEPLOYMENT)
    if deployment is not None:
        number = int(str(deployment.result["id"]))
        try:
            perform(turn, _status(turn, attempt, number, bundle.head))
            where.append(f"deployment {number}")
        except NeedsHuman as error:
            _not_there(turn, Action.DEPLOYMENT_STATUS, f"not anchored in the deployment: {error}")
    return tuple(where)


def _not_there(turn: Turn, action: Action, why: str) -> None:
    """GitHub refused it, and nobody comes after the seal to settle what was intended."""
    turn.say(why)
    for intent in turn.store.writes.of(turn.attempt.key):
        if intent.action == action and intent.attempt_id == turn.attempt.id and intent.outcome is None:
            turn.store.writes.settle(intent.id, outcome="refused", result={"refused": True, "why": why})


def anchored(services: Services, attempt: Attempt) -> Mapping[str, str | None]:
    """The head as GitHub has it, by each place that there is; None where nothing of ours tells one there."""
    found = dict[str, str | None]()
    if attempt.pr_number is not None:
        found[f"pull request #{attempt.pr_number}"] = _first_head(_comments(services, attempt, attempt.pr_number))
    number = _deployment(services, attempt)
    if number is not None:
        told = services.github.deployment_told(attempt.key.repository, number)
        found[f"deployment {number}"] = _first_head(told)
    return found


def _first_head(texts: Iterable[str]) -> str | None:
    return next(filter(None, map(messages.evidence_head_in, texts)), None)


def _comments(services: Services, attempt: Attempt, number: int) -> Iterator[str]:
    begins = messages.marker(attempt.key, _purpose(attempt))
    for comment in services.github.comments(attempt.key.repository, number):
        if comment.author == services.github.login and comment.body.startswith(begins):
            yield comment.body


def _deployment(services: Services, attempt: Attempt) -> int | None:
    """As GitHub lists it, because our own rows are what is doubted."""
    deploy = parse_policy(attempt.policy).deploy
    if attempt.merge_sha is None or deploy.kind == "none":
        return None
    made = services.github.deployments(attempt.key.repository, sha=attempt.merge_sha, environment=deploy.environment)
    return made.get(key_of_deployment(attempt, attempt.merge_sha))


def _purpose(attempt: Attempt) -> str:
    return f"evidence-{attempt.number}"


def _status(turn: Turn, attempt: Attempt, deployment: int, head: str) -> Effect:
    """In the state that the deployment has; what it says more is the head."""
    github, repository, url = turn.services.github, attempt.key.repository, turn.policy.deploy.url or ""
    state = state_of(turn.services, attempt, deployment)

    def act() -> Result:
        description = messages.evidence_status(attempt, head=head)
        github.deployment_status(repository, deployment, state=state, url=url, description=description)
        return {"state": state}

    key = f"deployment_status:{deployment}:evidence:{head[:16]}"
    payload = {"number": deployment, "state": state, "evidence_head": head}
    return Effect(action=Action.DEPLOYMENT_STATUS, key=key, payload=payload, act=act)


def state_of(services: Services, attempt: Attempt, deployment: int) -> str:
    """As it was said last, by the revert that ended it too. What was taken back is never called a success again,
    also where GitHub would not hear that it failed."""
    told = [w for w in services.store.writes.of(attempt.key) if w.action == Action.DEPLOYMENT_STATUS]
    done = [w for w in told if w.outcome == "done" and w.payload.get("number") == deployment]
    said = str(done[-1].payload["state"]) if done else None
    if attempt.state is State.COMPLETED:
        return said or "success"
    fell = attempt.state is State.NEEDS_ITERATION and said == "success"
    return "inactive" if fell or said is None else said


def _last(services: Services, attempt: Attempt, action: Action) -> WriteAction | None:
    done = (w for w in services.store.writes.of(attempt.key) if w.attempt_id == attempt.id and w.action == action)
    return next((write for write in reversed(tuple(done)) if write.outcome == "done"), None)
