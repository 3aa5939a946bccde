"""The pull request step: push the head, open or update the attempt's PR, write down its number, URL and head SHA.
Where nothing may be written it shows all of that instead."""

from dataclasses import replace

from oneshot_dagster.domain import messages
from oneshot_dagster.domain.artifact import Artifact, Link, Markdown, NotMyTurn, Record
from oneshot_dagster.domain.budget import in_words
from oneshot_dagster.domain.pull_request import body, title
from oneshot_dagster.domain.run import Kind, State
from oneshot_dagster.domain.test_results import from_json
from oneshot_dagster.steps import effects
from oneshot_dagster.steps.answering import answer_threads
from oneshot_dagster.steps.probes import Action
from oneshot_dagster.steps.reverting import make_revert, what_it_takes_back
from oneshot_dagster.steps.spent import spent
from oneshot_dagster.steps.telling import UNHEARD, shown_withheld, tell
from oneshot_dagster.steps.trust import observes
from oneshot_dagster.steps.turn import Turn
from oneshot_dagster.steps.write_action import settle_found

_LAST_WORDS = 5  # messages of the agent that the pull request quotes


def pull_request(turn: Turn) -> Record | NotMyTurn:
    if turn.attempt.kind is Kind.REVERT:
        unmade = make_revert(turn)
        if unmade is not None:
            return unmade
    attempt = turn.attempt
    sha, branch = attempt.head_sha or "", attempt.inputs.head
    remote = _remote_head(turn, branch)
    if observes(turn.services, attempt):
        return _only_shown(turn, remote)
    if remote != sha:
        pushed = effects.push(turn, sha=sha, branch=branch, expected=remote)
        if pushed.get("refused"):
            turn.move(
                State.NEEDS_HUMAN,
                f"{branch} stands at {str(pushed.get('at'))[:7]}, which our commit {sha[:7]} does not contain; nothing was overwritten",
                human_from=State.PR_READY,
                human_reason="branch_diverged",
            )
            return NotMyTurn(artifact=Artifact.PULL_REQUEST, reason="the branch moved; nothing was overwritten")
    else:
        settle_found(turn, Action.PUSH)
    text_title, text_body = title(attempt), _body(turn)
    opened = effects.open_pull(turn, title=text_title, body=text_body, not_these=_ended_pulls(turn))
    if opened.get("refused"):
        turn.move(
            State.NEEDS_HUMAN,
            f"the pull request could not be opened: {opened.get('why')}",
            human_from=State.PR_READY,
            human_reason="pull_request_refused",
        )
        return NotMyTurn(artifact=Artifact.PULL_REQUEST, reason=str(opened.get("why")))
    number, url = int(str(opened["number"])), str(opened["url"])
    effects.update_pull(turn, number=number, title=text_title, body=text_body)
    turn.set(pr_number=number, pr_url=url, head_sha=sha)
    answer_threads(turn)
    _tell(turn)
    turn.fact("github", "pull_request", {"number": number, "url": url}, sha=sha)
    return Record(
        artifact=Artifact.PULL_REQUEST,
        what_happened=f"Pull request #{number} is open for {branch} at {sha[:7]}.",
        shown={
            "pull_request": Link(url),
            "number": number,
            "branch": branch,
            "base": attempt.inputs.base,
            "head_sha": sha,
            "base_sha": attempt.base_sha,
            "title": text_title,
        },
    )


def _remote_head(turn: Turn, branch: str) -> str | None:
    """A branch that a merge left behind is no head of this attempt, which begins anew at the base."""
    at = turn.services.git.remote_head(turn.attempt.key.repository, branch)
    left = at is not None and any(a.merge_sha and a.head_sha == at for a in turn.earlier())
    return None if at and left and not effects.delete_branch(turn, branch=branch, sha=at).get("refused") else at


def _tell(turn: Turn) -> None:
    """From the pull request on it waits, and so it is told, whatever is still to be stored first."""
    tell(turn, replace(turn.attempt, state=State.AWAITING_CI), forgiven=UNHEARD)


def _only_shown(turn: Turn, remote: str | None) -> Record:
    attempt = turn.attempt
    sha, branch = attempt.head_sha or "", attempt.inputs.head
    text_title, text_body = title(attempt), _body(turn)
    if remote != sha:
        effects.push(turn, sha=sha, branch=branch, expected=remote)
    effects.open_pull(turn, title=text_title, body=text_body, not_these=_ended_pulls(turn))
    _tell(turn)
    return Record(
        artifact=Artifact.PULL_REQUEST,
        what_happened=f"Nothing was pushed: {attempt.key.repository} is in mode observe. Here is what would be proposed.",
        shown={
            "pull_request": "withheld: mode observe",
            "number": "none",
            "branch": branch,
            "base": attempt.inputs.base,
            "head_sha": sha,
            "base_sha": attempt.base_sha,
            "title": text_title,
            "body": Markdown(text_body),
            **shown_withheld(turn),
        },
    )


def _body(turn: Turn) -> str:
    attempt = turn.attempt
    report = turn.store.artifacts.report(attempt.id, kind="local", sha=attempt.head_sha or "")
    suites = tuple(from_json(suite) for suite in report.suites) if report else ()
    links = {"the change in Dagster": messages.change_url(turn.services.limits.public_url, attempt)}
    if attempt.kind is Kind.REVERT:
        return body(attempt, summary=what_it_takes_back(turn), suites=suites, links=links)
    said = [
        str(message["content"]) for message in turn.store.notes.messages(attempt.id) if message["kind"] == "message"
    ]
    used = spent(turn.services, attempt)
    cost = in_words(used.usd, used.tokens)
    return body(attempt, summary="\n".join(said[-_LAST_WORDS:]), suites=suites, links=links, cost=cost)


def _ended_pulls(turn: Turn) -> frozenset[int]:
    """PRs of earlier attempts that were merged: a new attempt opens its own."""
    return frozenset(
        a.pr_number
        for a in turn.store.runs.all_of(turn.attempt.key)
        if a.pr_number is not None and a.merge_sha is not None
    )
