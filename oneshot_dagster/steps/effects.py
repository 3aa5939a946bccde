"""Effects on git and GitHub with their idempotency keys (the table in design section 4).
How each is found again is probes.py; the one path that performs them is write_action.py."""

import contextlib
from collections.abc import Callable
from dataclasses import asdict

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.messages import marker
from oneshot_dagster.domain.our_check import CheckSays
from oneshot_dagster.domain.run import State
from oneshot_dagster.services.github.protocol import Comment, OurCheck
from oneshot_dagster.steps.probes import PROBES, Action, Result, pull_result
from oneshot_dagster.steps.turn import Turn, digest
from oneshot_dagster.steps.write_action import Effect, key_of_next, perform

_GITHUB_SHOWS_IN, _FORGE_SHOWS_IN = 30.0, 1.0  # seconds until a new pull request is in every list


def push(turn: Turn, *, sha: str, branch: str, expected: str | None) -> Result:
    """Refused, with the remote's head in `at`, where the branch is not where the record says."""
    git, key = turn.services.git, turn.attempt.key

    def act() -> Result:
        at = git.push(key, sha=sha, branch=branch, expected=expected)
        return {"sha": sha} if at is None or at == sha else {"refused": True, "at": at, "sha": sha}

    payload = {"branch": branch, "sha": sha, "expected": expected}
    return perform(turn, Effect(action=Action.PUSH, key=f"push:{branch}:{sha}:{expected}", payload=payload, act=act))


def open_pull(turn: Turn, *, title: str, body: str, not_these: frozenset[int]) -> Result:
    """Creates the attempt's pull request, or finds the open one of its head branch. `not_these`: PRs on record as ended."""
    github, attempt = turn.services.github, turn.attempt
    head, base = attempt.inputs.head, attempt.inputs.base
    payload: dict[str, object] = {
        "head": head,
        "base": base,
        "title": title,
        "body": body,
        "not_these": sorted(not_these),
    }

    def find() -> Result | None:
        return PROBES[Action.OPEN_PR](turn.services, attempt, payload)

    def act() -> Result:
        existing = find()
        if existing is not None:
            return existing
        pull = github.open_pull(attempt.key.repository, head=head, base=base, title=title, body=body)
        if pull is not None:
            return pull_result(pull)
        return find() or {"refused": True, "why": "GitHub answered 422 and lists no pull request of this branch"}

    key = f"open_pr:{attempt.number}:{head}"
    slow = _FORGE_SHOWS_IN if turn.services.limits.is_local_forge else _GITHUB_SHOWS_IN
    return perform(turn, Effect(action=Action.OPEN_PR, key=key, payload=payload, act=act, probe_for=slow))


def update_pull(turn: Turn, *, number: int, title: str, body: str) -> Result:
    github, repository = turn.services.github, turn.attempt.key.repository

    def act() -> Result:
        return pull_result(github.update_pull(repository, number, title=title, body=body))

    key = f"update_pr:{number}:{digest([title, body])}"
    return perform(
        turn,
        Effect(action=Action.UPDATE_PR, key=key, payload={"number": number, "title": title, "body": body}, act=act),
    )


def comment(turn: Turn, *, number: int, purpose: str, body: str) -> None:
    """One comment a purpose: created once, edited where it says something else by now, found by its hidden marker."""
    github, repository = turn.services.github, turn.attempt.key.repository
    subject, state = f"comment:{number}:{purpose}", digest(body)[:16]
    key = key_of_next(turn, Action.COMMENT, subject, state)
    if key is None:
        return
    mark = marker(turn.attempt.key, purpose)
    text = f"{mark}\n{body}\n<!-- {state} -->"
    known = _comment_made(turn, subject)

    def act() -> Result:
        if known is not None:
            with contextlib.suppress(NeedsHuman):  # it may have been deleted; then it is looked for and made anew
                return _comment_result(github.edit_comment(repository, known, text))
        for made in github.comments(repository, number):
            if made.author == github.login and made.body.startswith(mark):
                return _comment_result(github.edit_comment(repository, made.comment_id, text))
        return _comment_result(github.comment(repository, number, text))

    payload = {"purpose": purpose, "number": number, "marker": mark, "digest": state, "body": body}
    perform(turn, Effect(action=Action.COMMENT, key=key, payload=payload, act=act))


def _comment_made(turn: Turn, subject: str) -> int | None:
    """The comment's id where an earlier write made or found it."""
    writes = [w for w in turn.store.writes.of(turn.attempt.key) if w.action == Action.COMMENT and w.outcome == "done"]
    ids = [w.result.get("comment_id") for w in writes if w.key.startswith(f"{subject}:")]
    return int(str(ids[-1])) if ids else None


def _comment_result(made: Comment) -> Result:
    return {"comment_id": made.comment_id, "url": made.url}


def check_run(turn: Turn, *, sha: str, says: CheckSays, url: str) -> None:
    """Our check at that commit, where it says something else by now."""
    github, repository = turn.services.github, turn.attempt.key.repository
    check = OurCheck(
        status="completed" if says.conclusion else "in_progress",
        conclusion=says.conclusion,
        title=says.title,
        summary=says.summary,
        url=url,
    )
    state = digest(asdict(check))[:16]
    key = key_of_next(turn, Action.CHECK_RUN, f"check_run:{sha}", state)
    if key is None:
        return

    def act() -> Result:
        return {"url": github.put_check(repository, sha=sha, check=check)}

    payload = {"sha": sha, "digest": state, **asdict(check)}
    perform(turn, Effect(action=Action.CHECK_RUN, key=key, payload=payload, act=act))


def reply_to_thread(turn: Turn, *, number: int, thread_id: str, body: str) -> None:
    """Once an attempt. A thread that is gone by now is answered by nobody."""
    github, attempt = turn.services.github, turn.attempt
    marker = f"<!-- oneshot:{attempt.key}:thread-{attempt.number} -->"

    def act() -> Result:
        return {"url": github.reply_to_thread(attempt.key.repository, thread_id, f"{marker}\n{body}")}

    payload = {"number": number, "thread_id": thread_id, "marker": marker, "body": body}
    key = f"reply_thread:{thread_id}:{attempt.number}"
    perform(turn, Effect(action=Action.REPLY_THREAD, key=key, payload=payload, act=_or_refused(act)))


def resolve_thread(turn: Turn, *, number: int, thread_id: str) -> None:
    github, attempt = turn.services.github, turn.attempt

    def act() -> Result:
        github.resolve_thread(attempt.key.repository, thread_id)
        return {"resolved": True}

    payload = {"number": number, "thread_id": thread_id}
    key = f"resolve_thread:{thread_id}:{attempt.number}"
    perform(turn, Effect(action=Action.RESOLVE_THREAD, key=key, payload=payload, act=_or_refused(act)))


def _or_refused(act: Callable[[], Result]) -> Callable[[], Result]:
    """What may not be done there, or is gone, is refused: it stops no change, and the gate says what is still open."""

    def tried() -> Result:
        try:
            return act()
        except NeedsHuman as error:
            return {"refused": True, "why": str(error)}

    return tried


def update_branch(turn: Turn, *, number: int, expected: str) -> Result:
    """Merges the base into the head branch on GitHub; refused on conflict or where the head moved."""
    github, repository = turn.services.github, turn.attempt.key.repository

    def act() -> Result:
        done = github.update_branch(repository, number, expected_head=expected)
        return {"from": expected} if done else {"refused": True, "from": expected}

    payload = {"number": number, "expected": expected}
    key = f"update_branch:{number}:{expected}"
    return perform(turn, Effect(action=Action.UPDATE_BRANCH, key=key, payload=payload, act=act))


def updates_of_branch(turn: Turn) -> int:
    """How often this attempt's branch was brought up to date since a person last said to go on."""
    said = [s.at for s in turn.store.runs.transitions(turn.attempt.id) if s.source is State.NEEDS_HUMAN]
    return sum(
        w.action == Action.UPDATE_BRANCH and w.outcome == "done" and not (said and w.created_at < said[-1])
        for w in turn.store.writes.of(turn.attempt.key)
        if w.attempt_id == turn.attempt.id
    )


def delete_branch(turn: Turn, *, branch: str, sha: str) -> Result:
    git, repository = turn.services.git, turn.attempt.key.repository

    def act() -> Result:
        gone = git.delete_branch(repository, branch=branch, expected=sha)
        return {"sha": sha} if gone else {"refused": True, "why": "the branch stands at another commit", "sha": sha}

    payload = {"branch": branch, "sha": sha}
    key = f"delete_branch:{branch}:{sha}"
    return perform(turn, Effect(action=Action.DELETE_BRANCH, key=key, payload=payload, act=act))
