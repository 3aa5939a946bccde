"""What follows where a merged change does not stand: the failure on record, what last stood serves again, then the revert.
The revert is an attempt of its own: the resumer starts it, and steps/reverting makes it."""

from collections.abc import Mapping, Sequence

from oneshot_dagster.domain.attempt import Request, StoredEvaluation
from oneshot_dagster.domain.rollback import (
    POST_DEPLOY_FAILED,
    REVERT_FAILED,
    fingerprint,
    next_prompt,
    where_it_is,
)
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.domain.verification import Fault
from oneshot_dagster.steps import github_deployment
from oneshot_dagster.steps.delivery import observe
from oneshot_dagster.steps.restoring import restore
from oneshot_dagster.steps.turn import Turn

_ON_FAILURE = "rollback"


def fail_after_merge(
    turn: Turn, why: str, *, suites: Sequence[Mapping[str, object]], whose: Fault = Fault.UNKNOWN
) -> None:
    """The row of codex_judge.evaluations comes before anything else; then it is taken back, or stops for a person.

    What was broken before is not mended by taking this change back: that is a person's.
    """
    failed = [dict(suite) for suite in suites]
    mark = fingerprint(failed, why)
    evaluation = StoredEvaluation(
        decision=_decision(turn, mark, whose).value,
        sha=turn.attempt.merge_sha or "",
        reasons={
            "error": POST_DEPLOY_FAILED,
            "detail": why,
            "deployed_sha": turn.attempt.deployed_sha,
            "suites": failed,
            "fingerprint": mark,
            "fault": whose.name.lower(),
        },
        missing_items=(),
        next_prompt=None,
        model=None,
        prompt_sha256=None,
        raw_output=None,
        at=turn.store.now(),
    )
    turn.store.artifacts.add_evaluation(turn.attempt.id, evaluation)
    turn.fact("engine", POST_DEPLOY_FAILED, {"detail": why}, sha=turn.attempt.merge_sha)
    _end(turn, why, whose)


def went_on(turn: Turn) -> bool:
    """Where a run was ended between that row and what follows it, or a person asked to take it back: that is done now."""
    reasons = _interrupted(turn)
    if reasons is not None:
        _end(turn, str(reasons.get("detail")), Fault[str(reasons.get("fault", "unknown")).upper()])
        return True
    asked = _asked(turn)
    if asked:
        fail_after_merge(turn, f"{asked[-1].by} asked to take it back", suites=())
    return bool(asked)


def _decision(turn: Turn, mark: str, whose: Fault) -> State:
    """What comes once it is taken back: another attempt, or a person where one asked for it, where nothing is taken back,
    and where an attempt before failed alike."""
    back = _is_taken_back(turn, whose) and turn.attempt.kind is not Kind.REVERT
    if not back or _asked(turn):
        return State.NEEDS_HUMAN
    before = [e for a in turn.earlier() for e in turn.store.artifacts.evaluations(a.id)]
    alike = any(e.reasons.get("fingerprint") == mark for e in before)
    return State.NEEDS_HUMAN if alike else State.NEEDS_ITERATION


def _is_taken_back(turn: Turn, whose: Fault) -> bool:
    return turn.policy.verify.on_failure == _ON_FAILURE and whose is not Fault.BEFORE


def _end(turn: Turn, why: str, whose: Fault) -> None:
    attempt = turn.attempt
    if attempt.kind is Kind.REVERT:
        said = restore(turn)
        github_deployment.fell(turn, why)
        reason = f"the revert did not stand: {why}; {said}. {_where(turn)}"
        turn.move(State.NEEDS_HUMAN, reason, human_from=attempt.state, human_reason=REVERT_FAILED)
        return
    asked = _asked(turn)
    if not _is_taken_back(turn, whose) and not asked:
        _leave_to_a_person(turn, why, whose)
        return
    if attempt.state is State.MERGED:
        turn.move(State.DEPLOYING, "it is taken back before anything is deployed")
    said = restore(turn)
    github_deployment.fell(turn, why)
    turn.move(State.ROLLING_BACK, f"{why}; {said}", next_prompt=next_prompt(attempt, why))
    for request in asked:
        turn.store.requests.handle(request.id)


def _leave_to_a_person(turn: Turn, why: str, whose: Fault) -> None:
    """The policy chooses what follows the restoring; what was broken before does not come right by it. What was restored has to be
    deployed anew before it can be verified again."""
    human_from, reason = turn.attempt.state, why
    if whose is not Fault.BEFORE:
        human_from, reason = State.DEPLOYING, f"{why}; {restore(turn)}"
    github_deployment.fell(turn, why)
    turn.move(State.NEEDS_HUMAN, reason, human_from=human_from, human_reason=POST_DEPLOY_FAILED)


def _interrupted(turn: Turn) -> Mapping[str, object] | None:
    """By the database's clock: a failure that is younger than the last move was not followed up."""
    attempt = turn.attempt
    failed = [e for e in turn.store.artifacts.evaluations(attempt.id) if e.reasons.get("error") == POST_DEPLOY_FAILED]
    if not failed or failed[-1].sha != attempt.merge_sha:
        return None
    moved = turn.store.runs.transitions(attempt.id)[-1].at
    return failed[-1].reasons if failed[-1].at > moved else None


def _asked(turn: Turn) -> list[Request]:
    return [r for r in turn.store.requests.open(turn.attempt.id) if r.kind == "rollback"]


def _where(turn: Turn) -> str:
    attempt, git = turn.attempt, turn.services.git
    seen = observe(turn.services, attempt)
    tip = git.resolve(attempt.key.repository, f"refs/remotes/origin/{attempt.inputs.base}")
    return where_it_is(
        base=attempt.inputs.base, tip=tip, merge_sha=attempt.merge_sha or "", live=seen.revision if seen else None
    )
