"""The worktree step: a clean worktree of the change's branch, nothing that lay in it lost."""

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.policy import FILE
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps.reverting import head_after_rollback
from oneshot_dagster.steps.turn import Turn


def worktree(turn: Turn) -> Record | NotMyTurn:
    attempt, git = turn.attempt, turn.services.git
    recorded = attempt.head_sha or _last_head(turn)
    tree = git.provision(
        attempt.key,
        base=attempt.inputs.base,
        head=attempt.inputs.head,
        recorded_head=recorded,
        branch=attempt.inputs.head,
    )
    turn.keep(tree)
    turn.store.projections.save_worktree(
        attempt.key,
        pr_number=attempt.pr_number,
        name=tree.name,
        path=str(tree.path),
        base_sha=tree.base_sha,
        head_sha=tree.head_sha,
    )
    turn.fact("git", "worktree", {"base_sha": tree.base_sha, "head_sha": tree.head_sha}, sha=tree.head_sha)
    if attempt.state is State.QUEUED:
        policy = git.read_file(attempt.key.repository, sha=tree.base_sha, path=FILE) or b""
        turn.then(
            State.WORKTREE_READY,
            f"worktree {tree.name} at {tree.head_sha[:7]}",
            base_sha=tree.base_sha,
            head_sha=tree.head_sha,
            policy=policy.decode(),
        )
    kept = "; what lay in it is kept as a bundle" if tree.kept else ""
    return Record(
        artifact=Artifact.WORKTREE,
        what_happened=f"A clean worktree stands at {tree.head_sha[:7]}, {attempt.inputs.base} at {tree.base_sha[:7]}{kept}.",
        shown={
            "name": tree.name,
            "path": str(tree.path),
            "base_sha": tree.base_sha,
            "head_sha": tree.head_sha,
            "branch": attempt.inputs.head,
            "kept_bundle": tree.kept is not None,
        },
    )


def _last_head(turn: Turn) -> str | None:
    """The head of the attempt before, whose branch this one goes on with, or what is to be done again of one taken back."""
    earlier = turn.earlier()
    return earlier[-1].head_sha if earlier and earlier[-1].merge_sha is None else head_after_rollback(turn)
