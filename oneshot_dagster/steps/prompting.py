"""The prompt of an attempt: what the issue, people, the repository, memories and the attempt before have to say to the agent.
The words around it are texts/agent_prompt.md; rendering and cutting is domain.patch."""

import json
from importlib.resources import files

from oneshot_dagster.domain.commands import may_command
from oneshot_dagster.domain.patch import Failure, PromptParts, Said, render_prompt
from oneshot_dagster.steps.turn import Turn

BUDGET = 120_000  # characters


def prompt_of(turn: Turn) -> str:
    attempt, services = turn.attempt, turn.services
    repository = attempt.key.repository
    own = turn.policy.prompt.file
    guidance = (
        services.git.read_file(repository, sha=attempt.base_sha or "", path=own) if own and attempt.base_sha else None
    )
    asked = f"{attempt.inputs.issue_title}\n{attempt.inputs.issue_body}"
    parts = PromptParts(
        repository=repository,
        key=str(attempt.key),
        attempt=attempt.number,
        issue_title=attempt.inputs.issue_title,
        issue_body=attempt.inputs.issue_body,
        instructions=attempt.inputs.prompt,
        comments=_trusted_comments(turn),
        guidance=guidance.decode(errors="replace") if guidance else "",
        commands=turn.policy.tests.commands,
        memories=services.store.notes.recall(repository, text=asked, limit=5),
        failures=_failures(turn),
        next_prompt=attempt.next_prompt,
    )
    return render_prompt(_template(), parts, BUDGET)


def _template() -> str:
    return files("oneshot_dagster.domain").joinpath("texts", "agent_prompt.md").read_text()


def _trusted_comments(turn: Turn) -> tuple[Said, ...]:
    """Of people with write access; each author's permission is read once."""
    github, key = turn.services.github, turn.attempt.key
    trusted: dict[str, bool] = {github.login: False}
    said: list[Said] = []
    for comment in github.comments(key.repository, key.issue_number):
        if comment.author not in trusted:
            trusted[comment.author] = may_command(github.permission(key.repository, comment.author))
        if trusted[comment.author]:
            said.append(Said(author=comment.author, text=comment.body))
    return tuple(said)


def _failures(turn: Turn) -> tuple[Failure, ...]:
    """What failed in the attempt before, with the logs that it left."""
    earlier = turn.earlier()
    kept = turn.read_file("failures", of=earlier[-1].id) if earlier else None
    return tuple(Failure(name=f["name"], log=f["log"]) for f in json.loads(kept)) if kept else ()
