"""The patch step: the agent edits the worktree by a prompt; the engine commits. It leaves patch, log, events and bundle.
What it is asked is prompting.py; running an agent is services.agent."""

import json
from collections import deque

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.pull_request import commit_message
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentEvent, AgentRequest, AgentResult
from oneshot_dagster.services.store.protocol import StoredRecord
from oneshot_dagster.steps.prompting import prompt_of
from oneshot_dagster.steps.spent import spent_budget
from oneshot_dagster.steps.turn import Turn


def patch(turn: Turn) -> Record | NotMyTurn:
    kept = _finished_already(turn)
    if kept is not None:
        head = turn.attempt.head_sha if turn.attempt.pr_number else kept.sha
        turn.then(State.TESTING, f"goes on with {(head or '')[:7]}", head_sha=head)
        return kept.record
    over = spent_budget(turn.services, turn.attempt)
    if over is not None:
        raise NeedsHuman(f"the budget of {turn.attempt.key} is spent ({over}); no agent was started", reason=over)
    start_sha = turn.attempt.head_sha or ""
    if turn.attempt.state is State.WORKTREE_READY:
        turn.move(State.IMPLEMENTING, f"{turn.services.agent.name} starts")
    prompt = prompt_of(turn)
    turn.file("implementation-prompt", prompt.encode(), "text/markdown")
    result = _run_agent(turn, prompt, start_sha)
    if result.end is AgentEnd.CANCELLED:
        return NotMyTurn(artifact=Artifact.PATCH, reason="a person asked to stop while the agent worked")
    head_sha = turn.services.git.commit_all(
        turn.services.git.worktree_path(turn.attempt.key),
        message=commit_message(turn.attempt),
        author=turn.services.limits.author,
    )
    _leave_files(turn, result, start_sha=start_sha, head_sha=head_sha)
    tokens = (
        None if result.usage.input_tokens is None else result.usage.input_tokens + (result.usage.output_tokens or 0)
    )
    said = {"end": result.end, "reason": result.reason, "seconds": result.seconds, "tokens": tokens}
    turn.fact("agent", "agent_session", said, sha=head_sha)
    left = {"head_sha": head_sha, "agent_resume": result.resume}
    sent_back = turn.attempt.next_prompt is not None
    if head_sha == start_sha and (sent_back or head_sha == turn.attempt.base_sha):
        reason = f"the agent changed nothing ({result.reason})"
        turn.then(State.NEEDS_ITERATION, reason, next_prompt=_nothing_changed(result), **left)
    elif result.end is not AgentEnd.FINISHED:
        reason = f"the agent did not finish: {result.reason}"
        turn.then(State.NEEDS_ITERATION, reason, next_prompt=result.reason, **left)
    else:
        turn.then(State.TESTING, f"the agent finished; committed as {head_sha[:7]}", **left)
    return _record(turn, result, start_sha=start_sha, head_sha=head_sha)


def _finished_already(turn: Turn) -> StoredRecord | None:
    """What it left where an earlier run was ended between record and move, or while a person's head was being taken over."""
    kept = turn.store.artifacts.records(turn.attempt.id).get(Artifact.PATCH)
    finished = (
        kept is not None and kept.record.shown.get("end") == AgentEnd.FINISHED and kept.sha != turn.attempt.base_sha
    )
    return kept if finished else None


def _run_agent(turn: Turn, prompt: str, start_sha: str) -> AgentResult:
    """In a clean worktree: leftovers of an interrupted agent are kept as a bundle first."""
    attempt, services = turn.attempt, turn.services
    with services.git.hold(attempt.key) as lock:
        tree = services.git.provision(
            attempt.key,
            base=attempt.inputs.base,
            head=attempt.inputs.head,
            recorded_head=start_sha,
            branch=attempt.inputs.head,
        )
        turn.keep(tree.kept)
        messages = _Messages(turn)
        request = AgentRequest(
            worktree=tree.path,
            prompt=prompt,
            resume=attempt.agent_resume,
            wall=services.limits.agent_wall,
            stall=services.limits.agent_stall,
            keep_open=(lock,),
        )
        result = services.agent.run(request, on_event=messages.add, cancelled=turn.cancelled)
        turn.check_lease()
        messages.flush()
    return result


class _Messages:
    """Events on their way to the log and the store, in batches."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._count = turn, 0
        self._waiting: deque[dict[str, object]] = deque()

    def add(self, event: AgentEvent) -> None:
        self._turn.say(f"agent: {event.text[:300]}" if event.text else f"agent: {event.kind}")
        self._count += 1
        self._waiting.append(
            {
                "dedupe_key": f"{self._turn.attempt.id}:{self._turn.run_id}:{self._count}",
                "kind": event.kind,
                "role": "assistant",
                "content": event.text,
                "attrs": dict(event.raw),
                "timestamp": self._turn.services.clock.now(),
            }
        )
        if len(self._waiting) >= 50:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._turn.store.notes.add_messages(self._turn.attempt.id, tuple(self._waiting))
            self._waiting.clear()


def _nothing_changed(result: AgentResult) -> str:
    return f"The last attempt changed no file ({result.reason}). Make the change that the issue asks for."


def _leave_files(turn: Turn, result: AgentResult, *, start_sha: str, head_sha: str) -> None:
    git, attempt = turn.services.git, turn.attempt
    base = attempt.base_sha or start_sha
    turn.file("implementation-patch", git.patch(attempt.key, base_sha=base, head_sha=head_sha), "text/x-diff")
    turn.file("implementation-log", result.log, "text/plain")
    events = "".join(json.dumps({"kind": e.kind, "text": e.text, **e.raw}, default=str) + "\n" for e in result.events)
    turn.file("implementation-events", events.encode(), "application/jsonl")
    manifest = {
        "version": 1,
        "repository": attempt.key.repository,
        "issueNumber": attempt.key.issue_number,
        "attempt": attempt.number,
        "commitSha": head_sha,
        "sessionId": result.resume,
    }
    archive = git.changes_archive(attempt.key, base_sha=base, head_sha=head_sha, manifest=manifest)
    turn.file("implementation-changes", archive, "application/gzip")


def _record(turn: Turn, result: AgentResult, *, start_sha: str, head_sha: str) -> Record:
    changed = head_sha != start_sha
    usage = result.usage
    return Record(
        artifact=Artifact.PATCH,
        what_happened=(
            f"{turn.services.agent.name} {result.end} in {result.seconds:.1f} s and "
            + (f"the engine committed {head_sha[:7]}." if changed else "changed nothing.")
        ),
        shown={
            "agent": turn.services.agent.name,
            "end": result.end.value,
            "base_sha": turn.attempt.base_sha,
            "head_sha": head_sha,
            "events": len(result.events),
            "agent_seconds": round(result.seconds, 3),
            "input_tokens": "unknown" if usage.input_tokens is None else usage.input_tokens,
            "output_tokens": "unknown" if usage.output_tokens is None else usage.output_tokens,
            "not_enforced": "; ".join(f"not enforced: {phrase}" for phrase in turn.services.agent.not_enforced)
            or "nothing",
        },
    )
