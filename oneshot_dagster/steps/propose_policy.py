"""`oneshot init`: reads what is there, makes a policy of it, and opens a pull request with that one file; again, it finds it.
The words are domain.proposed_policy. No change and no record: a person asked for it, and GitHub has it."""

import hashlib
from dataclasses import dataclass

from oneshot_dagster.domain import found_in_tree
from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, Refusal
from oneshot_dagster.domain.intake import refused_repository
from oneshot_dagster.domain.policy import FILE
from oneshot_dagster.domain.proposed_policy import (
    BRANCH,
    TITLE,
    Found,
    body,
    checksum_in,
    commit_message,
    shown,
    text,
)
from oneshot_dagster.domain.readiness_facts import SAMPLE_HEAD, Reported, RepositoryFacts, Unread
from oneshot_dagster.domain.run import Mode
from oneshot_dagster.domain.workflows import FOLDER, Runs, Workflow, read_workflow
from oneshot_dagster.services.github.protocol import Pull
from oneshot_dagster.steps.services import Services

_LONGEST = 256 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposed:
    """`did` opened | updated | unchanged | left (somebody else worked on it) | observed; `shown` only when observed."""

    did: str
    url: str = ""
    shown: str = ""


def propose_policy(services: Services, repository: str, base: str | None) -> Proposed:
    """BadInput where the operator does not allow the repository, or where it has a policy."""
    refused = refused_repository(ChangeKey.parse(f"{repository}#1"), services.limits.repositories)
    if refused is not None:
        raise Refusal(code=refused.code, sentence=refused.sentence)
    found = _look(services, repository, base)
    if services.limits.mode is Mode.OBSERVE:
        return Proposed(did="observed", shown=shown(found))
    pull = next((one for one in services.github.pulls_by_head(repository, BRANCH) if one.open), None)
    moved = _push(services, found)
    if moved is None:
        return _left(found, pull)
    if pull is None:
        return Proposed(did="opened", url=_open(services, found).url)
    if moved:
        services.github.update_pull(repository, pull.number, title=TITLE, body=body(found))
    return Proposed(did="updated" if moved else "unchanged", url=pull.url)


def _push(services: Services, found: Found) -> bool | None:
    """Whether the branch was moved; None where what stands in it is somebody else's work by now."""
    git, repository = services.git, found.repository
    content = text(found).encode()
    head = git.remote_head(repository, BRANCH)
    if head is not None:
        there = git.read_file(repository, sha=head, path=FILE)
        if there is None or checksum_in(git.message(repository, head)) != _checksum(there):
            return None
        if _same(there, content):
            return False
    message = commit_message(_checksum(content), trailers=services.limits.trailers)
    onto = found.sha if head is None else head
    put = git.put_file(repository, onto=onto, branch=BRANCH, path=FILE, content=content, message=message)
    if put is None:
        raise BadInput(
            tried=f"push the branch {BRANCH} of {repository}",
            found="that somebody moves it at this moment",
            do="start again",
        )
    return True


def _open(services: Services, found: Found) -> Pull:
    repository = found.repository
    opened = services.github.open_pull(repository, head=BRANCH, base=found.base, title=TITLE, body=body(found))
    pulls = services.github.pulls_by_head(repository, BRANCH) if opened is None else (opened,)
    made = next((one for one in pulls if one.open), None)
    if made is None:
        raise BadInput(
            tried=f"open a pull request from {BRANCH} into {found.base}",
            found="that GitHub refuses it, since nothing lies between the two",
            do=f"delete the branch {BRANCH} of {repository} and start again",
        )
    return made


def _left(found: Found, pull: Pull | None) -> Proposed:
    if pull is not None:
        return Proposed(did="left", url=pull.url)
    raise BadInput(
        tried=f"propose a policy to {found.repository}",
        found=f"the branch {BRANCH} with work of somebody else and no open pull request",
        do="open one from it, or delete the branch and start again",
    )


def _look(services: Services, repository: str, asked: str | None) -> Found:
    git, github = services.git, services.github
    base = asked or github.default_branch(repository)
    sha = git.remote_head(repository, base) if base else None
    facts = github.repository_facts(repository, base=base) if base and sha else None
    if base is None or sha is None or facts is None:
        raise BadInput(
            tried=f"look at {repository}",
            found=f"no such repository{f' or no branch {base!r} in it' if base else ''}, or our token may not see it",
            do="check the name, and what the token has access to or where the App is installed",
        )
    git.fetch(repository)
    if git.read_file(repository, sha=sha, path=FILE) is not None:
        raise BadInput(
            tried=f"propose a policy to {repository}",
            found=f"a {FILE} on {base}",
            do=f"change that one; `oneshot policy check FILE` reads it, `oneshot doctor {repository}` says what is missing",
        )
    return _found(services, facts, sha)


def _found(services: Services, facts: RepositoryFacts, sha: str) -> Found:
    repository, rules = facts.repository, () if isinstance(facts.base_rules, Unread) else facts.base_rules
    reported = services.github.reported_contexts(repository, facts.base)
    contexts = () if isinstance(reported, Unread) else reported.contexts
    paths = services.git.paths(repository, revision=sha)
    contents = {path: _read(services, repository, sha, path) for path in found_in_tree.wanted(paths)}
    workflows = _workflows(services, repository, facts.base, sha)
    ours = [one for one in contexts if one.on_pull or _runs_for_us(one, workflows)]
    return Found(
        repository=repository,
        base=facts.base,
        sha=sha,
        required={context.name: rule.source for rule in rules for context in rule.contexts},
        reported={one.name: one.app for one in ours},
        elsewhere={one.name: one.app for one in contexts if one not in ours},
        approvals=max([0, *(rule.approvals for rule in rules)]),
        hints=found_in_tree.hints(paths, contents),
        workflows=len(workflows),
    )


def _read(services: Services, repository: str, sha: str, path: str) -> str:
    content = services.git.read_file(repository, sha=sha, path=path) or b""
    return content.decode("utf-8", "replace") if len(content) <= _LONGEST else ""


def _workflows(services: Services, repository: str, base: str, sha: str) -> tuple[Workflow, ...]:
    files = services.git.read_folder(repository, revision=sha, folder=FOLDER)
    return tuple(
        read_workflow(path, content.decode("utf-8", "replace"), base=base, head=SAMPLE_HEAD)
        for path, content in files.items()
        if path.endswith((".yml", ".yaml"))
    )


def _runs_for_us(context: Reported, workflows: tuple[Workflow, ...]) -> bool:
    return any(one.runs is Runs.ALWAYS and one.reports(context.name) for one in workflows)


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _same(one: bytes, other: bytes) -> bool:
    """But for the line that names the commit: a base that moved on is no reason for a new proposal."""
    return one.splitlines()[2:] == other.splitlines()[2:]
