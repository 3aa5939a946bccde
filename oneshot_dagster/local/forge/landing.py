"""What a pull request stands at, read live from git and the world, and the merge of it.
The decision is in mergeability, the commits are made in merging."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.local.forge import merging
from oneshot_dagster.local.forge.calls import Refusal, not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.mergeability import Standing, state
from oneshot_dagster.local.forge.pushes import after_push, close, protection
from oneshot_dagster.local.forge.records import (
    CheckRun,
    CommitStatus,
    Issue,
    Pull,
    Repository,
    Review,
    Ruleset,
    Thread,
)
from oneshot_dagster.local.forge.repos import Comparison, Identity
from oneshot_dagster.local.forge.world import now

_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s+#(\d+)\b", re.IGNORECASE)
NOT_MERGEABLE = "Pull Request is not mergeable"


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """`word` is GitHub's mergeable_state; `comparison` None while it is not computed, or the branches are gone."""

    pull: Pull
    word: str
    comparison: Comparison | None

    @property
    def mergeable(self) -> bool | None:
        return None if self.word == "unknown" else self.comparison is not None and self.comparison.tree is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeRequest:
    sha: str | None
    method: str
    title: str | None
    message: str | None


def identity(login: str) -> Identity:
    return Identity(name=login, email=f"{login}@users.noreply.localhost")


def live(forge: Forge, repository: Repository, pull: Pull, *, wait: bool = False) -> Live:
    """`wait`: compute what is not known yet, also where the forge was asked to be slow about it like GitHub."""
    issue = forge.world.issue(repository, pull.number)
    path = forge.repos.path(repository.owner, repository.name)
    if issue is None or not issue.open:
        gone = not (forge.repos.has(path, pull.head_sha) and forge.repos.has(path, pull.base_sha))
        compared = None if gone else forge.repos.compare(path, pull.base_sha, pull.head_sha)
        return Live(pull=pull, word="unknown", comparison=compared)
    head, base = forge.repos.head(path, pull.head_ref), forge.repos.head(path, pull.base_ref)
    if head is None or base is None:
        return Live(pull=pull, word="unknown", comparison=None)
    pull = replace(pull, head_sha=head, base_sha=base)
    known = wait or not forge.config.lazy_mergeable or forge.repos.compared(path, base, head)
    compared = forge.repos.compare(path, base, head)
    standing = _standing(forge, repository, pull, compared, known=known)
    return Live(pull=pull, word=state(standing), comparison=compared if known else None)


def _standing(forge: Forge, repository: Repository, pull: Pull, compared: Comparison, *, known: bool) -> Standing:
    world, guard = forge.world, protection(forge, repository, pull.base_ref)
    rules = [r for r in world.all(Ruleset, repository) if r.branch == pull.base_ref]
    threads = [t for t in world.all(Thread, repository) if t.number == pull.number and t.resolved_by is None]
    return Standing(
        draft=pull.draft,
        conflict=compared.tree is None,
        known=known,
        behind=compared.behind > 0,
        strict=bool(guard and guard.strict) or any(r.strict for r in rules),
        required=[*((guard and guard.contexts) or ()), *(c for r in rules for c in r.contexts)],
        approvals=guard.approvals if guard else None,
        resolved_threads=bool(guard and guard.resolved_threads),
        open_threads=len(threads),
        checks=[c for c in world.all(CheckRun, repository) if c.head_sha == pull.head_sha],
        statuses=[s for s in world.all(CommitStatus, repository) if s.sha == pull.head_sha],
        reviews=[r for r in world.all(Review, repository) if r.number == pull.number],
        permissions=repository.permissions,
    )


def merge(forge: Forge, repository: Repository, issue: Issue, wanted: MergeRequest, actor: str) -> str:
    """The SHA that landed; GitHub's 405 or 409 otherwise. The order of the refusals is GitHub's: state, then sha."""
    pull = forge.world.pull(repository, issue.number) or not_found()
    if pull.merged_at or not issue.open:
        raise Refusal(405, NOT_MERGEABLE)
    now_live = live(forge, repository, pull, wait=True)
    if wanted.sha and wanted.sha != now_live.pull.head_sha:
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    if now_live.word not in {"clean", "unstable"}:
        raise Refusal(405, NOT_MERGEABLE)
    tip = _make(forge, repository, issue, now_live.pull, wanted, actor)
    if tip is None:
        raise Refusal(405, NOT_MERGEABLE)
    # Written before git moves: a forge killed in between knows at its next start that this merge happened.
    pull = forge.world.put(replace(now_live.pull, landing=tip, merged_by=actor))
    path = forge.repos.path(repository.owner, repository.name)
    if not forge.repos.move(path, pull.base_ref, tip, now_live.pull.base_sha):
        forge.world.put(replace(pull, landing=None, merged_by=None))
        raise Refusal(405, "Base branch was modified. Review and try the merge again.")
    landed(forge, repository, issue, pull)
    return tip


def _make(
    forge: Forge, repository: Repository, issue: Issue, pull: Pull, wanted: MergeRequest, actor: str
) -> str | None:
    path, by = forge.repos.path(repository.owner, repository.name), identity(actor)
    base, head = pull.base_sha, pull.head_sha
    if wanted.method == "rebase":
        return merging.rebase(forge.repos, path, base=base, head=head, by=by)
    if wanted.method == "merge":
        title = wanted.title or f"Merge pull request #{pull.number} from {repository.owner}/{pull.head_ref}"
        message = _message(title, issue.title if wanted.message is None else wanted.message)
        return merging.merge_commit(forge.repos, path, base=base, head=head, message=message, by=by)
    message = _message(wanted.title or f"{issue.title} (#{pull.number})", wanted.message or "")
    return merging.squash(forge.repos, path, base=base, head=head, message=message, by=by)


def _message(title: str, body: str) -> str:
    return f"{title}\n\n{body}".strip() + "\n"


def landed(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> None:
    """Records a merge that git already holds, and closes what it says it closes."""
    actor = pull.merged_by or repository.owner
    with forge.world.change():
        forge.world.put(replace(pull, merged_at=now(), merge_sha=pull.landing, landing=None))
        forge.world.tell(issue, "merged", actor, sha=pull.landing)
        close(forge, issue, actor, reason=None)
        if pull.base_ref == repository.default_branch:
            for number in {int(n) for n in _CLOSES.findall(issue.body)}:
                closed = forge.world.issue(repository, number)
                if closed and closed.open and forge.world.pull(repository, number) is None:
                    close(forge, closed, actor, reason="completed")
        after_push(forge, repository, actor)


def finish_landings(forge: Forge) -> None:
    """At start: merges whose commit reached the base before the forge went down."""
    for repository in forge.world.all(Repository):
        for pull in forge.world.all(Pull, repository):
            issue = forge.world.issue(repository, pull.number)
            if pull.landing and issue and not pull.merged_at:
                _finish(forge, repository, issue, pull, pull.landing)


def _finish(forge: Forge, repository: Repository, issue: Issue, pull: Pull, tip: str) -> None:
    path = forge.repos.path(repository.owner, repository.name)
    base = forge.repos.head(path, pull.base_ref)
    if base and forge.repos.contains(path, tip, base):
        landed(forge, repository, issue, pull)
    else:
        forge.world.put(replace(pull, landing=None, merged_by=None))


def update_branch(forge: Forge, repository: Repository, pull: Pull, expected: str | None, actor: str) -> None:
    """Merges the base into the head branch; 422 where it cannot."""
    now_live = live(forge, repository, pull, wait=True)
    head, base = now_live.pull.head_sha, now_live.pull.base_sha
    if now_live.comparison is None or (expected and expected != head):
        raise Refusal(422, "expected head sha didn’t match current head ref.")
    if now_live.comparison.behind == 0:
        raise Refusal(422, "There are no new commits on the base branch.")
    path: Path = forge.repos.path(repository.owner, repository.name)
    message = f"Merge branch '{pull.base_ref}' into {pull.head_ref}\n"
    tip = merging.merge_commit(forge.repos, path, base=head, head=base, message=message, by=identity(actor))
    if tip is None:
        raise Refusal(422, "merge conflict between base and head")
    if not forge.repos.move(path, pull.head_ref, tip, head):
        raise Refusal(422, "expected head sha didn’t match current head ref.")
    after_push(forge, repository, actor)
