"""The base branch of an attempt as the remote has it now. What of it a change stands on is base_sha, kept with the attempt."""

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.steps.turn import Turn


def fetched_tip(turn: Turn) -> str:
    git, repository, base = turn.services.git, turn.attempt.key.repository, turn.attempt.inputs.base
    git.fetch(repository)
    tip = git.resolve(repository, f"refs/remotes/origin/{base}")
    if tip is None:
        raise NeedsHuman(f"the remote has no branch {base}", reason="base_missing")
    return tip
