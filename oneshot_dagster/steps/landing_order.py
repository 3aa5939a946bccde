"""Into the lane in the order in which people's merges landed: what is below ours on the base goes first, or it would be
deployed, and blamed, with ours. That nothing older is ever started is domain/deploying's, whatever the order."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.run import State
from oneshot_dagster.steps import lane
from oneshot_dagster.steps.turn import Turn


def enter(turn: Turn, facts: GateFacts, merge_sha: str) -> int | None:
    """As `lane.enter`, of an attempt that is merged."""
    by_person = facts.merged_by != turn.services.github.login
    below = _below(turn, merge_sha) if by_person else []
    if below:
        turn.store.leases.leave_lane(turn.attempt, under=turn.held.lease)
        for attempt in below:
            turn.say(f"{attempt.key} landed before it")
            lane.take_place(turn.store, attempt)
        turn.store.looks.wake([attempt.key for attempt in below])
    return lane.enter(turn)


def _below(turn: Turn, merge_sha: str) -> list[Attempt]:
    """Merged and not in the lane yet, the lowest first."""
    ours, git = turn.attempt, turn.services.git
    git.fetch(ours.key.repository)
    found: dict[str, Attempt] = {}
    for attempt in turn.store.runs.unfinished():
        same = (attempt.key.repository, attempt.inputs.base) == (ours.key.repository, ours.inputs.base)
        if same and attempt.id != ours.id and attempt.state is State.MERGE_READY and attempt.pr_number is not None:
            sha = _merge_of(turn, attempt, attempt.pr_number)
            if sha is not None and sha != merge_sha and git.is_ancestor(ours.key.repository, sha, merge_sha):
                found[sha] = attempt
    depth = {sha: sum(git.is_ancestor(ours.key.repository, other, sha) for other in found) for sha in found}
    return [found[sha] for sha in sorted(found, key=lambda sha: depth[sha])]


def _merge_of(turn: Turn, attempt: Attempt, number: int) -> str | None:
    github, repository = turn.services.github, attempt.key.repository
    pull = github.pull(repository, number)
    if pull is None or pull.merge_sha is None or not pull.merged:
        return None
    turn.store.projections.save_pull(repository, github.gate_facts(repository, number))  # the lane's order asks for it
    return pull.merge_sha if turn.services.git.resolve(repository, pull.merge_sha) is not None else None
