"""What follows from branches that moved: heads of open pull requests, stale approvals, CI, closing.
Called after each push, and at start for what a killed forge could not finish."""

from dataclasses import replace

from oneshot_dagster.local.forge import thread_lines, tips
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.guards import guards
from oneshot_dagster.local.forge.records import Issue, Pull, Repository, Review
from oneshot_dagster.local.forge.rule_records import Protection
from oneshot_dagster.local.forge.rules import demands
from oneshot_dagster.local.forge.world import now


def after_push(forge: Forge, repository: Repository, actor: str) -> None:
    with forge.writing, forge.world.change():
        repository = forge.world.get(Repository, repository.id) or repository
        forge.world.put(replace(repository, pushed_at=now()))
        tips.note(forge, repository, actor)
        _follow_all(forge, repository, actor)


def catch_up(forge: Forge) -> None:
    """After a start: pushes that were not heard of, checks that were running when the forge went down."""
    for repository in forge.world.all(Repository):
        tips.note(forge, repository, repository.owner)
        _follow_all(forge, repository, repository.owner)
        forge.ci.resume(repository, forge.world.all(Pull, repository))


def start_ci(forge: Forge, repository: Repository, pull: Pull, action: str) -> Pull:
    with forge.world.change():
        started = forge.world.put(replace(pull, ci_sha=pull.head_sha))
        forge.ci.start(repository, started, action)
    return started


def protection(forge: Forge, repository: Repository, branch: str) -> Protection | None:
    return next((p for p in forge.world.all(Protection, repository) if p.branch == branch), None)


def close(forge: Forge, issue: Issue, actor: str, *, reason: str | None) -> Issue:
    closed = replace(issue, open=False, closed_at=now(), closed_by=actor, updated_at=now(), state_reason=reason)
    forge.world.tell(issue, "closed", actor)
    return forge.world.put(closed)


def _follow_all(forge: Forge, repository: Repository, actor: str) -> None:
    for pull in forge.world.all(Pull, repository):
        issue = forge.world.issue(repository, pull.number)
        if issue and issue.open:
            _follow(forge, repository, issue, pull, actor)


def _follow(forge: Forge, repository: Repository, issue: Issue, pull: Pull, actor: str) -> None:
    path = forge.repos.path(repository.owner, repository.name)
    head, base = forge.repos.head(path, pull.head_ref), forge.repos.head(path, pull.base_ref)
    if head is None:
        close(forge, issue, actor, reason=None)
        return
    before, moved = pull.head_sha, head != pull.head_sha
    pusher = tips.pushed_by(forge, repository, pull.head_ref) or actor
    pull = forge.world.put(replace(pull, head_sha=head, base_sha=base or pull.base_sha, pushed_by=pusher))
    if moved:
        forge.world.put(replace(issue, updated_at=now()))
        if not forge.repos.contains(path, before, head):
            forge.world.tell(issue, "head_ref_force_pushed", pusher, sha=head)
        _dismiss_stale(forge, repository, issue, pull)
        thread_lines.follow(forge, repository, pull)
    if pull.ci_sha != head:
        start_ci(forge, repository, pull, "synchronize")


def _dismiss_stale(forge: Forge, repository: Repository, issue: Issue, pull: Pull) -> None:
    if not demands(guards(forge.world, repository, pull.base_ref)).dismiss_stale:
        return
    for review in forge.world.all(Review, repository):
        if review.number == pull.number and review.state == "APPROVED":
            forge.world.put(replace(review, state="DISMISSED"))
            about = {"review": str(review.id), "state": "approved", "commit": pull.head_sha}
            forge.world.tell(issue, "review_dismissed", pull.pushed_by or repository.owner, about=about)
