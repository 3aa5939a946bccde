"""The patch step: the agent edits the worktree by a prompt; the engine commits. It leaves patch, log, events and bundle.
What it is asked is prompting.py; its session agent_session.py; running an agent is services.agent."""

import json

from oneshot_dagster.domain.artifact import Artifact, NotMyTurn, Record
from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.domain.pull_request import commit_message
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentResult, Failure
from oneshot_dagster.services.store.protocol import StoredRecord
from oneshot_dagster.steps.agent_session import SESSION, Played, play
from oneshot_dagster.steps.prompting import prompt_of
from oneshot_dagster.steps.spent import spent, spent_budget, tokens_of, usd_of
from oneshot_dagster.steps.turn import Turn

_KEPT = "work_kept"  # the fact that an agent's work was committed before it had finished, for a session that goes on


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
    played = play(turn, prompt, start_sha)
    result = played.result
    _leave_what_was_said(turn, result)
    if result.end is AgentEnd.CANCELLED and played.over is None:
        return NotMyTurn(artifact=Artifact.PATCH, reason="a person asked to stop while the agent worked")
    head_sha = _commit(turn)
    _leave_patch(turn, result, start_sha=start_sha, head_sha=head_sha)
    _stop_where_it_cannot_go_on(turn, played, start_sha=start_sha, head_sha=head_sha)
    _move(turn, result, start_sha=start_sha, head_sha=head_sha)
    return _record(turn, played, start_sha=start_sha, head_sha=head_sha)


def _finished_already(turn: Turn) -> StoredRecord | None:
    """What it left where an earlier run was ended between record and move, or while a person's head was being taken over."""
    kept = turn.store.artifacts.records(turn.attempt.id).get(Artifact.PATCH)
    finished = (
        kept is not None and kept.record.shown.get("end") == AgentEnd.FINISHED and kept.sha != turn.attempt.base_sha
    )
    return kept if finished else None


def _leave_what_was_said(turn: Turn, result: AgentResult) -> None:
    turn.file("implementation-log", result.log, "text/plain")
    events = "".join(json.dumps({"kind": e.kind, "text": e.text, **e.raw}, default=str) + "\n" for e in result.events)
    turn.file("implementation-events", events.encode(), "application/jsonl")
    if result.session is not None:
        turn.file(SESSION, result.session, "application/gzip")
    used = result.usage
    said = {
        "agent": turn.services.agent.name,
        "end": result.end,
        "reason": result.reason,
        "seconds": result.seconds,
        "model": used.model,
        "input_tokens": used.input_tokens,
        "cached_tokens": used.cached_tokens,
        "output_tokens": used.output_tokens,
        "tokens": tokens_of(used),
        "usd": usd_of(turn.services, used),
    }
    turn.fact("agent", "agent_session", said)
    kept_apart = turn.services.agent.isolation
    turn.fact("engine", "agent_sandbox", {"isolation": kept_apart.active, "not_enforced": kept_apart.not_enforced})


def _commit(turn: Turn) -> str:
    git, limits = turn.services.git, turn.services.limits
    return git.commit_all(
        git.worktree_path(turn.attempt.key),
        message=commit_message(turn.attempt, trailers=limits.trailers),
        author=limits.author,
        most=limits.patch,
    )


def _leave_patch(turn: Turn, result: AgentResult, *, start_sha: str, head_sha: str) -> None:
    git, attempt = turn.services.git, turn.attempt
    base = attempt.base_sha or start_sha
    turn.file("implementation-patch", git.patch(attempt.key, base_sha=base, head_sha=head_sha), "text/x-diff")
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


def _stop_where_it_cannot_go_on(turn: Turn, played: Played, *, start_sha: str, head_sha: str) -> None:
    """A spent budget, a model's service that is down, a key that is refused: what was done so far is kept, and the
    session is taken up again when it can go on."""
    result = played.result
    failed = result.end in {AgentEnd.FAILED, AgentEnd.STALLED}
    if played.over is None and not (failed and result.failure is not Failure.OWN):
        return
    turn.set(head_sha=head_sha, agent_resume=result.resume)
    if head_sha != start_sha:
        turn.fact("engine", _KEPT, {"from": start_sha}, sha=head_sha)
    if played.over is not None:
        used = f"the budget of {turn.attempt.key} is spent ({played.over}); the agent was stopped at work"
        raise NeedsHuman(used, reason=played.over)
    if result.failure is Failure.HUMAN:
        raise NeedsHuman(result.reason, reason=result.code)
    raise TryAgain(result.reason)


def _move(turn: Turn, result: AgentResult, *, start_sha: str, head_sha: str) -> None:
    left = {"head_sha": head_sha, "agent_resume": result.resume}
    if not _has_changed(turn, start_sha=start_sha, head_sha=head_sha):
        reason = f"the agent changed nothing ({result.reason})"
        asked = f"The last attempt changed no file ({result.reason}). Make the change that the issue asks for."
        turn.then(State.NEEDS_ITERATION, reason, next_prompt=asked, **left)
    elif result.end is not AgentEnd.FINISHED:
        reason = f"the agent did not finish: {result.reason}"
        turn.then(State.NEEDS_ITERATION, reason, next_prompt=result.reason, **left)
    else:
        turn.then(State.TESTING, f"the agent finished; committed as {head_sha[:7]}", **left)


def _has_changed(turn: Turn, *, start_sha: str, head_sha: str) -> bool:
    """This attempt, in all its sessions."""
    if head_sha != start_sha:
        return True
    sent_back = turn.attempt.next_prompt is not None
    kept = any(fact.kind == _KEPT for fact in turn.store.facts.of(turn.attempt.id))
    return kept or not (sent_back or head_sha == turn.attempt.base_sha)


def _record(turn: Turn, played: Played, *, start_sha: str, head_sha: str) -> Record:
    result, changed, used = played.result, head_sha != start_sha, played.result.usage
    whole = spent(turn.services, turn.attempt)
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
            "model": used.model or "unknown",
            "input_tokens": _or_unknown(used.input_tokens),
            "cached_tokens": _or_unknown(used.cached_tokens),
            "output_tokens": _or_unknown(used.output_tokens),
            "usd": _or_unknown(usd_of(turn.services, used)),
            "change_tokens": whole.tokens.said,
            "change_usd": whole.usd.said,
            "isolation": turn.services.agent.isolation.active,
            "not_enforced": turn.services.agent.isolation.not_enforced,
            **played.set_up.shown,
        },
    )


def _or_unknown(amount: float | None) -> float | str:
    return "unknown" if amount is None else round(amount, 4)
