"""Intake: from a change key to its attempt's row, after every refusal that needs the network. No outside effect.
Which triggers lead here is orchestration's and the cli's."""

import hashlib
from collections.abc import Mapping

from oneshot_dagster.domain.attempt import Attempt, Inputs
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import Refusal, TryAgain
from oneshot_dagster.domain.intake import Admission, Admitted, Refused, admit, paused, refused_repository
from oneshot_dagster.domain.run import LIVE, OBSERVE_ONLY, Kind, Mode, State
from oneshot_dagster.services.github.protocol import Issue
from oneshot_dagster.steps.readiness import read_ahead, refuse_impossible
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.trust import grown, policy_at_tip

_TAKEN_UP = LIVE | {State.NEEDS_HUMAN, State.NEEDS_ITERATION, State.COMPLETED}


def take_in(
    services: Services, key: ChangeKey, *, base: str | None, prompt: str, by: str, text_sha256: str | None = None
) -> Attempt:
    """The change's attempt: the one it has, or a first one (a new one after cancelled or superseded).
    One that was only observed goes on where the repository trusts us further by now.

    Raises Refusal, with one sentence, for everything that is not taken in; TryAgain where the issue does not say
    any more what it has to (`text_sha256`).
    """
    existing = services.store.runs.latest(key)
    if existing is not None and existing.state in _TAKEN_UP:
        return _trusted_further(services, existing, by=by)
    refused = refused_repository(key, services.limits.repositories)
    if refused is not None:
        raise _refusal(refused)
    refused = paused(key.repository, services.store.pauses.stuck(key.repository), services.limits.stuck_changes)
    if refused is not None:
        raise _refusal(refused)
    issue, admitted = _admit(services, key, base)
    if text_sha256 not in {None, sha256_of(issue)}:
        raise TryAgain(f"{key} was edited while it was taken in")
    with read_ahead(services, key.repository, admitted.base):
        text, mode = policy_at_tip(services, key, admitted.base)
    refuse_impossible(services, key, base=admitted.base, policy=text, mode=mode)
    return services.store.runs.create(
        key,
        number=1 if existing is None else services.store.runs.all_of(key)[-1].number + 1,
        kind=Kind.IMPLEMENT,
        mode=mode,
        inputs=_inputs(issue, admitted, prompt=prompt, by=by),
        policy=text,
        cause=f"intake by {by}",
    )


def _trusted_further(services: Services, attempt: Attempt, *, by: str) -> Attempt:
    """What was only observed is proposed, once it may be: the kept commit is tested as the policy says now."""
    observed = attempt.state is State.NEEDS_HUMAN and attempt.human_reason == OBSERVE_ONLY and attempt.pr_number is None
    fields: Mapping[str, object] = grown(services, attempt) if observed else {}
    if not fields:
        return attempt
    mode, text = Mode(str(fields["mode"])), str(fields["policy"])
    refuse_impossible(services, attempt.key, base=attempt.inputs.base, policy=text, mode=mode)
    reason = f"started by {by} in mode {mode}"
    return services.store.runs.transition(attempt, State.TESTING, reason=reason, cause=f"intake by {by}", fields=fields)


def _admit(services: Services, key: ChangeKey, base: str | None) -> tuple[Issue, Admitted]:
    github, git = services.github, services.git
    default_branch = github.default_branch(key.repository)
    issue = github.issue(key.repository, key.issue_number) if default_branch else None
    branch = base or default_branch
    exists = branch is not None and issue is not None and git.remote_head(key.repository, branch) is not None
    answer = admit(
        Admission(
            key=key,
            repositories=services.limits.repositories,
            default_branch=default_branch,
            issue_open=issue.open if issue else None,
            is_pull_request=issue.is_pull_request if issue else False,
            pull_of=services.store.runs.change_of_pull(key.repository, key.issue_number),
            base=base,
            base_exists=exists,
        )
    )
    if isinstance(answer, Refused) or issue is None:
        raise _refusal(answer if isinstance(answer, Refused) else None)
    return issue, answer


def _inputs(issue: Issue, admitted: Admitted, *, prompt: str, by: str) -> Inputs:
    return Inputs(
        base=admitted.base,
        head=admitted.head,
        prompt=prompt,
        issue_title=issue.title,
        issue_body=issue.body,
        issue_sha256=sha256_of(issue),
        issue_author=issue.author,
        triggered_by=by,
    )


def sha256_of(issue: Issue) -> str:
    return hashlib.sha256(f"{issue.title}\n{issue.body}".encode()).hexdigest()


def _refusal(refused: Refused | None) -> Refusal:
    if refused is None:
        return Refusal(code="refused", sentence="the change was not admitted")
    return Refusal(code=refused.code, sentence=refused.sentence)
