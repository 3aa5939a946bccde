"""After a review: each thread that the attempt was shown is answered on GitHub, and resolved where its lines were changed.
What is said, and what counts as met, is domain.threads."""

import json

from oneshot_dagster.domain.threads import AskedThread, answers
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.prompting import THREADS
from oneshot_dagster.steps.turn import Turn


def answer_threads(turn: Turn) -> None:
    """Once the new head is pushed: the replies name it."""
    kept = turn.read_file(THREADS)
    number, head = turn.attempt.pr_number, turn.attempt.head_sha
    if kept is None or number is None or head is None:
        return
    stood = json.loads(kept)
    asked = [AskedThread(**thread) for thread in stood["threads"]]
    if not asked or stood["head_sha"] == head:
        return
    changed = turn.services.git.snapshot(turn.attempt.key, base_sha=stood["head_sha"], head_sha=head, patches=True)
    said = [str(m["content"]) for m in turn.store.notes.messages(turn.attempt.id) if m["kind"] == "message"]
    given = answers(asked, said, changed, attempt=turn.attempt.number)
    for answer in given:
        effects.reply_to_thread(turn, number=number, thread_id=answer.thread_id, body=answer.body)
        if answer.met:
            effects.resolve_thread(turn, number=number, thread_id=answer.thread_id)
    met = [answer.thread_id for answer in given if answer.met]
    turn.fact("engine", "threads", {"asked": [thread.thread_id for thread in asked], "met": met}, sha=head)
