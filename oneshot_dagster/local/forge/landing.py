"""The merge of a pull request and what follows from it. Whether it may be merged is in mergeability, the commits are
made in merging."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from oneshot_dagster.local.forge import merging
from oneshot_dagster.local.forge.calls import Refusal, not_found
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.guards import guards
from oneshot_dagster.local.forge.mergeability import unmet
from oneshot_dagster.local.forge.pushes import after_push, close
from oneshot_dagster.local.forge.records import Issue, Pull, Repository
from oneshot_dagster.local.forge.repos import Identity
from oneshot_dagster.local.forge.rules import Guard, demands
from oneshot_dagster.local.forge.standing import Live, live
from oneshot_dagster.local.forge.world import now

_CLOSES = re.compile(r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\s+#(\d+)\b", re.IGNORECASE)
NOT_MERGEABLE = "Pull Request is not mergeable"
QUEUE_ONLY = "Changes must be made through the merge queue"
NOT_AUTHORIZED = (
    "You're not authorized to push to this branch. "
    "Visit https://docs.github.com/articles/about-protected-branches/ for more information."
)
_METHOD_NAMES = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}


@dataclass(frozen=True, kw_only=True, slots=True)
class MergeRequest:
    """`bypass`: past the rules that the actor may pass by."""

    sha: str | None
    method: str
    title: str | None
    message: str | None
    bypass: bool = True


def identity(login: str) -> Identity:
    return Identity(name=login, email=f"{login}@users.noreply.localhost")


def merge(forge: Forge, repository: Repository, issue: Issue, wanted: MergeRequest, actor: str) -> str:
    """The SHA that landed; GitHub's 405 or 409 otherwise. The order of the refusals is GitHub's: state, then sha, then rules."""
    pull = forge.world.pull(repository, issue.number) or not_found()
    if pull.merged_at or not issue.open:
        raise Refusal(405, NOT_MERGEABLE)
    if pull.draft:
        raise Refusal(405, "Pull Request is still a draft")
    now_live = live(forge, repository, pull, wait=True)
    if wanted.sha and wanted.sha != now_live.pull.head_sha:
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    passing = actor if wanted.bypass else None
    guarding = guards(forge.world, repository, pull.base_ref, merging_as=passing)
    refuse_by_rules(repository, now_live, guarding, wanted, actor)
    return land(forge, repository, issue, now_live.pull, wanted, actor)


def land(forge: Forge, repository: Repository, issue: Issue, pull: Pull, wanted: MergeRequest, actor: str) -> str:
    """Makes the commit and puts it on the base, whatever the rules say."""
    tip = make(forge, repository, issue, pull, wanted, actor)
    if tip is None:
        raise Refusal(405, NOT_MERGEABLE)
    # Written before git moves: a forge killed in between knows at its next start that this merge happened.
    base = pull.base_sha
    pull = forge.world.put(replace(pull, landing=tip, merged_by=actor))
    if not forge.repos.move(forge.repos.path(repository.owner, repository.name), pull.base_ref, tip, base):
        forge.world.put(replace(pull, landing=None, merged_by=None))
        raise Refusal(405, "Base branch was modified. Review and try the merge again.")
    landed(forge, repository, issue, pull)
    return tip


def refuse_by_rules(
    repository: Repository, found: Live, guarding: tuple[Guard, ...], wanted: MergeRequest, actor: str
) -> None:
    """405 in GitHub's words: the repository's methods, then classic protection in a plain sentence, then rulesets in a list."""
    if found.standing is None or found.standing.conflict:
        raise Refusal(405, NOT_MERGEABLE)
    if not allows(repository, wanted.method):
        raise Refusal(405, f"{_METHOD_NAMES[wanted.method]} are not allowed on this repository.")
    for guard in guarding:
        if guard.pushers is not None and actor not in guard.pushers:
            raise Refusal(405, NOT_AUTHORIZED)
    plain, ruled = ([g for g in guarding if g.classic is word] for word in (True, False))
    if said := _violations(found, plain, wanted.method):
        raise Refusal(405, said[0])
    if said := _violations(found, ruled, wanted.method):
        raise Refusal(405, "".join(f"{line}\n\n" for line in ("Repository rule violations found", *said)))


def allows(repository: Repository, method: str) -> bool:
    if method == "merge":
        return repository.allow_merge_commit
    return repository.allow_squash_merge if method == "squash" else repository.allow_rebase_merge


def _violations(found: Live, guarding: list[Guard], method: str) -> list[str]:
    asked = demands(guarding)
    if asked.queue is not None:
        return [QUEUE_ONLY]
    said = list(unmet(found.standing, asked)) if found.standing else []
    if method not in asked.methods:
        said.append(f"Merge method {method} is not allowed on this branch")
    if asked.linear and (method == "merge" or (found.standing and found.standing.merge_commits and method == "rebase")):
        said.append("This branch must not contain merge commits.")
    if asked.strict and found.standing and found.standing.behind:
        said.append("Head branch is out of date. Review and try the merge again.")
    return said


def make(
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
        if repository.delete_branch_on_merge:
            _delete_head(forge, repository, issue, pull, actor)
        after_push(forge, repository, actor)


def _delete_head(forge: Forge, repository: Repository, issue: Issue, pull: Pull, actor: str) -> None:
    path = forge.repos.path(repository.owner, repository.name)
    if pull.head_ref != repository.default_branch and forge.repos.head(path, pull.head_ref) == pull.head_sha:
        forge.repos.delete(path, pull.head_ref)
        forge.world.tell(issue, "head_ref_deleted", actor)


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
