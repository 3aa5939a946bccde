"""Whether a head that is not ours may be taken over: where the policy has a person look at what people push, it is left to one.
Taking it over is local_test_report's."""

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.turn import Turn


def leave_to_a_person(turn: Turn, *, before: str | None, head: str) -> None:
    """Raises NeedsHuman with the new head on record, so that whoever lets it go on speaks of that one."""
    if turn.policy.judge.on_human_push == "continue" or _is_our_update(turn, before, head):
        return
    found = f"somebody else pushed {head[:7]} to {turn.attempt.inputs.head}, and the policy has a person look at that"
    raise NeedsHuman(found, reason="human_push")


def _is_our_update(turn: Turn, before: str | None, head: str) -> bool:
    """We asked GitHub to bring the branch up to date, and this is just what git makes of the two."""
    git, repository = turn.services.git, turn.attempt.key.repository
    asked = any(
        write.action == Action.UPDATE_BRANCH and write.payload.get("expected") == before and write.outcome != "refused"
        for write in turn.store.writes.of(turn.attempt.key)
    )
    parents = git.parents(repository, head) if asked else ()
    if len(parents) != 2 or parents[0] != before:
        return False
    return git.merge_tree(repository, parents[0], parents[1]) == git.tree(repository, head)
