"""The merge queue of a branch, one pull request a group: a commit on `gh-readonly-queue/…`, its CI, then the base moves to it.
A pull request that cannot land is dropped without a word but a line in its timeline, as on GitHub."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from oneshot_dagster.local.forge import landing
from oneshot_dagster.local.forge.calls import Refusal
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.guards import guards
from oneshot_dagster.local.forge.mergeability import unmet
from oneshot_dagster.local.forge.records import Issue, Pull, Repository
from oneshot_dagster.local.forge.rule_records import QueueEntry
from oneshot_dagster.local.forge.rules import Parameters, demands
from oneshot_dagster.local.forge.standing import live, reports
from oneshot_dagster.local.forge.world import now

_NO_QUEUE = "Pull request's base branch does not have a merge queue enabled"
_TIMEOUT_MINUTES = 60


def settings(forge: Forge, repository: Repository, branch: str) -> Parameters | None:
    return demands(guards(forge.world, repository, branch)).queue


def entries(forge: Forge, repository: Repository, branch: str) -> list[QueueEntry]:
    return [e for e in forge.world.all(QueueEntry, repository) if e.base_ref == branch]


def entry(forge: Forge, repository: Repository, number: int) -> QueueEntry | None:
    return next((e for e in forge.world.all(QueueEntry, repository) if e.number == number), None)


def enqueue(forge: Forge, repository: Repository, pull: Pull, actor: str, *, expected: str | None = None) -> QueueEntry:
    """422 where there is no queue or the pull request is not ready for it."""
    issue = forge.world.issue(repository, pull.number)
    if settings(forge, repository, pull.base_ref) is None:
        raise Refusal(422, _NO_QUEUE)
    if issue is None or not issue.open or entry(forge, repository, pull.number):
        raise Refusal(422, "Pull request is already in the queue" if issue and issue.open else "Pull request is closed")
    found = live(forge, repository, pull, wait=True)
    if expected and found.pull.head_sha != expected:
        raise Refusal(422, "Head branch was modified. Review and try the merge again.")
    if pull.draft or found.standing is None or found.standing.conflict:
        raise Refusal(422, landing.NOT_MERGEABLE)
    if said := unmet(found.standing, demands(guards(forge.world, repository, pull.base_ref))):
        raise Refusal(422, said[0])
    forge.world.tell(issue, "added_to_merge_queue", actor)
    return forge.world.put(
        QueueEntry(
            id=forge.world.next_id(),
            repository=repository.id,
            number=pull.number,
            base_ref=pull.base_ref,
            head_sha=found.pull.head_sha,
            enqueuer=actor,
            enqueued_at=now(),
        )
    )


def dequeue(forge: Forge, repository: Repository, row: QueueEntry, actor: str) -> None:
    issue = forge.world.issue(repository, row.number)
    if row.group_ref:
        forge.repos.delete(forge.repos.path(repository.owner, repository.name), row.group_ref)
    if issue and issue.open:
        forge.world.tell(issue, "removed_from_merge_queue", actor)
    forge.world.drop(row)  # last, as at a merge


def tick(forge: Forge) -> bool:
    """One step for the head of each queue; whether any is left."""
    heads = {(e.repository, e.base_ref): e for e in reversed(forge.world.all(QueueEntry))}
    for row in heads.values():
        repository = forge.world.get(Repository, row.repository)
        if repository:
            _step(forge, repository, row)
    return bool(forge.world.all(QueueEntry))


def _step(forge: Forge, repository: Repository, row: QueueEntry) -> None:
    pull, issue = forge.world.pull(repository, row.number), forge.world.issue(repository, row.number)
    asked = settings(forge, repository, row.base_ref)
    path = forge.repos.path(repository.owner, repository.name)
    base = forge.repos.head(path, row.base_ref)
    gone = pull is None or forge.repos.head(path, pull.head_ref) != row.head_sha
    if gone or pull is None or issue is None or asked is None or base is None or not issue.open:
        dequeue(forge, repository, row, repository.owner)
    elif row.group_sha is None or row.base_sha != base:
        _group(forge, repository, issue, replace(pull, head_sha=row.head_sha, base_sha=base), row)
    else:
        _judge(forge, repository, issue, replace(pull, head_sha=row.head_sha, base_sha=base), row)


def _group(forge: Forge, repository: Repository, issue: Issue, pull: Pull, row: QueueEntry) -> None:
    """The commit that would land, under a name of the queue's own, and CI for it."""
    path = forge.repos.path(repository.owner, repository.name)
    asked = settings(forge, repository, row.base_ref) or {}
    method = str(asked.get("merge_method", "MERGE")).lower()
    wanted = landing.MergeRequest(sha=None, method=method, title=None, message=None)
    sha = landing.make(forge, repository, issue, pull, wanted, row.enqueuer)
    if row.group_ref:
        forge.repos.delete(path, row.group_ref)
    if sha is None:
        dequeue(forge, repository, replace(row, group_ref=None), repository.owner)
        return
    ref = f"gh-readonly-queue/{row.base_ref}/pr-{row.number}-{pull.base_sha}"
    forge.repos.move(path, ref, sha, "0" * 40)
    forge.world.put(replace(row, group_sha=sha, group_ref=ref, base_sha=pull.base_sha, grouped_at=now()))
    forge.ci.start(repository, replace(pull, head_sha=sha, head_ref=ref), "checks_requested")


def _judge(forge: Forge, repository: Repository, issue: Issue, pull: Pull, row: QueueEntry) -> None:
    required = demands(guards(forge.world, repository, row.base_ref)).required
    found = reports(forge, repository, row.group_sha or "")
    states = [{r.state for r in found if r.context == w.context and w.app_id in {None, r.app_id}} for w in required]
    if any("failure" in s for s in states) or _late(forge, repository, row):
        dequeue(forge, repository, row, repository.owner)
    elif all(s == {"success"} for s in states):
        _land(forge, repository, issue, pull, row)


def _late(forge: Forge, repository: Repository, row: QueueEntry) -> bool:
    asked = settings(forge, repository, row.base_ref) or {}
    minutes = asked.get("check_response_timeout_minutes")
    limit = timedelta(minutes=minutes if isinstance(minutes, int) else _TIMEOUT_MINUTES)
    return datetime.fromisoformat(row.grouped_at or now()) + limit < datetime.now(UTC)


def _land(forge: Forge, repository: Repository, issue: Issue, pull: Pull, row: QueueEntry) -> None:
    path, tip = forge.repos.path(repository.owner, repository.name), row.group_sha or ""
    pull = forge.world.put(replace(pull, landing=tip, merged_by=row.enqueuer))
    if forge.repos.move(path, row.base_ref, tip, pull.base_sha):
        forge.repos.delete(path, row.group_ref or "")
        landing.landed(forge, repository, issue, pull)
        forge.world.drop(row)  # last: who sees it gone sees the merge too
    else:
        forge.world.put(replace(pull, landing=None, merged_by=None))
