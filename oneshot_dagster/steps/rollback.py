"""What follows where a merged change does not stand: the failure on record, and who takes it back."""

from collections.abc import Mapping, Sequence

from oneshot_dagster.domain.attempt import StoredEvaluation
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.turn import Turn


def fail_after_merge(turn: Turn, why: str, *, suites: Sequence[Mapping[str, object]]) -> None:
    """The row of codex_judge.evaluations comes before anything else; then it stops for a person."""
    evaluation = StoredEvaluation(
        decision="needs_human",
        sha=turn.attempt.merge_sha or "",
        reasons={
            "error": "post_deploy_failed",
            "detail": why,
            "deployed_sha": turn.attempt.deployed_sha,
            "suites": list(suites),
        },
        missing_items=(),
        next_prompt=None,
        model=None,
        prompt_sha256=None,
        raw_output=None,
        at=turn.services.clock.now(),
    )
    turn.store.artifacts.add_evaluation(turn.attempt.id, evaluation)
    turn.fact("engine", "post_deploy_failed", {"detail": why}, sha=turn.attempt.merge_sha)
    turn.move(State.NEEDS_HUMAN, why, human_from=turn.attempt.state, human_reason="post_deploy_failed")
