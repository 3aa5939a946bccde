"""What an attempt leaves for the prompts of later changes of its repository: facts and the judge's notes, as memories.
What is worth remembering is domain.memory."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.memory import Mended, learned
from oneshot_dagster.steps.gate import last_gate
from oneshot_dagster.steps.prompting import failures_of
from oneshot_dagster.steps.turn import Turn


def remember(turn: Turn) -> None:
    """Once an attempt, at its end."""
    attempt, store = turn.attempt, turn.store
    if store.notes.memories_of(attempt.id):
        return
    reports = [
        report
        for kind, sha in (("local", attempt.head_sha), ("verification", attempt.merge_sha))
        if sha and (report := store.artifacts.report(attempt.id, kind=kind, sha=sha)) is not None
    ]
    earlier, gate = turn.earlier(), last_gate(turn.services, attempt)
    memories = learned(
        attempt,
        store.artifacts.evaluations(attempt.id),
        reports,
        gate.conditions if gate else (),
        earlier,
        _mended(turn, earlier[-1]) if earlier else None,
    )
    for memory in memories:
        store.notes.remember(
            attempt.key, attempt_id=attempt.id, title=memory.title, content=memory.content, tags=memory.tags
        )


def _mended(turn: Turn, before: Attempt) -> Mended | None:
    """Where the gate passed, all that failed before is; else nothing is known to be."""
    attempt = turn.attempt
    failures = failures_of(turn, before)
    if not failures or attempt.ci_status != "success" or not before.head_sha or not attempt.head_sha:
        return None
    try:
        changed = turn.services.git.snapshot(
            attempt.key, base_sha=before.head_sha, head_sha=attempt.head_sha, patches=False
        )
    except NeedsHuman:  # the branch was made anew and git has forgotten the old head
        return None
    return Mended(failures=failures, files=tuple(file.path for file in changed.files))
