"""The record on file, shown again by a step that has nothing to add to it."""

from dataclasses import replace

from oneshot_dagster.domain.artifact import NotMyTurn, Record
from oneshot_dagster.steps.turn import Turn


def shown_again(turn: Turn) -> Record | NotMyTurn:
    kept = turn.store.artifacts.records(turn.attempt.id).get(turn.artifact)
    if kept is None:
        return NotMyTurn(
            artifact=turn.artifact, reason=f"the change is {turn.attempt.state} and this step left no record"
        )
    return replace(kept.record, what_happened=f"On record since {kept.at:%Y-%m-%d %H:%M}: {kept.record.what_happened}")
