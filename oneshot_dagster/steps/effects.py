"""Effects on git and GitHub with their idempotency keys (the table in design section 4).
How each is found again is probes.py; the one path that performs them is write_action.py."""

from oneshot_dagster.steps.probes import PROBES, Action, Result, pull_result
from oneshot_dagster.steps.turn import Turn, digest
from oneshot_dagster.steps.write_action import Effect, perform

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
    payload: dict[str, object] = {"head": head, "base": base, "title": title, "not_these": sorted(not_these)}

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
    return perform(turn, Effect(action=Action.UPDATE_PR, key=key, payload={"number": number}, act=act))


def comment(turn: Turn, *, number: int, purpose: str, body: str) -> Result:
    """One comment a purpose: created once, edited afterwards, found by its hidden marker."""
    github, repository = turn.services.github, turn.attempt.key.repository
    marker, state = f"<!-- oneshot:{turn.attempt.key}:{purpose} -->", digest(body)[:16]
    text = f"{marker}\n{body}\n<!-- {state} -->"

    def act() -> Result:
        for made in github.comments(repository, number):
            if made.author == github.login and made.body.startswith(marker):
                edited = github.edit_comment(repository, made.comment_id, text)
                return {"comment_id": edited.comment_id, "url": edited.url}
        new = github.comment(repository, number, text)
        return {"comment_id": new.comment_id, "url": new.url}

    payload = {"purpose": purpose, "number": number, "marker": marker, "digest": state}
    key = f"comment:{number}:{purpose}:{state}"
    return perform(turn, Effect(action=Action.COMMENT, key=key, payload=payload, act=act))


def update_branch(turn: Turn, *, number: int, expected: str) -> Result:
    """Merges the base into the head branch on GitHub; refused on conflict or where the head moved."""
    github, repository = turn.services.github, turn.attempt.key.repository

    def act() -> Result:
        done = github.update_branch(repository, number, expected_head=expected)
        return {"from": expected} if done else {"refused": True, "from": expected}

    payload = {"number": number, "expected": expected}
    key = f"update_branch:{number}:{expected}"
    return perform(turn, Effect(action=Action.UPDATE_BRANCH, key=key, payload=payload, act=act))


def delete_branch(turn: Turn, *, branch: str, sha: str) -> Result:
    git, repository = turn.services.git, turn.attempt.key.repository

    def act() -> Result:
        gone = git.delete_branch(repository, branch=branch, expected=sha)
        return {"sha": sha} if gone else {"refused": True, "why": "the branch stands at another commit", "sha": sha}

    payload = {"branch": branch, "sha": sha}
    key = f"delete_branch:{branch}:{sha}"
    return perform(turn, Effect(action=Action.DELETE_BRANCH, key=key, payload=payload, act=act))
