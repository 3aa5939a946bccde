"""Merges that are asked for now and done later: rules are judged when they run, and a push in between cancels them."""

import time
import uuid
from dataclasses import dataclass, replace

from oneshot_dagster.local.forge import landing, merge_queue
from oneshot_dagster.local.forge.calls import Refusal
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import Issue, Pull, Repository
from oneshot_dagster.local.forge.rule_records import AsyncMerge, MergeSwitches
from oneshot_dagster.local.forge.standing import live
from oneshot_dagster.local.forge.world import now

KEPT = 24 * 3600.0
PENDING = "Merge request is pending"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """`action` is default, direct_merge or merge_queue."""

    sha: str | None
    method: str | None
    title: str | None
    message: str | None
    action: str
    bypass: bool


def switches(forge: Forge) -> MergeSwitches:
    return next(iter(forge.world.all(MergeSwitches)), MergeSwitches(id=0))


def pending(forge: Forge, repository: Repository, number: int) -> AsyncMerge | None:
    rows = forge.world.all(AsyncMerge, repository)
    return next((m for m in rows if m.number == number and m.status == "pending"), None)


def find(forge: Forge, repository: Repository, number: int, wanted: str) -> AsyncMerge | None:
    """For a day after it was last touched."""
    rows = forge.world.all(AsyncMerge, repository)
    found = next((m for m in rows if m.number == number and m.uuid == wanted), None)
    return found if found and time.time() - found.touched < KEPT else None


def ask(forge: Forge, repository: Repository, pull: Pull, asked: Asked, actor: str) -> AsyncMerge:
    """Without a SHA it is the head's of now."""
    return forge.world.put(
        AsyncMerge(
            id=forge.world.next_id(),
            repository=repository.id,
            number=pull.number,
            uuid=str(uuid.uuid4()),
            sha=asked.sha or live(forge, repository, pull).pull.head_sha,
            method=asked.method,
            title=asked.title,
            text=asked.message,
            action=asked.action,
            bypass=asked.bypass,
            actor=actor,
            due=time.time() + switches(forge).delay,
            touched=time.time(),
            created_at=now(),
        )
    )


def put_off(forge: Forge, delay: float) -> None:
    """Those that wait, too, run so many seconds from now."""
    for row in forge.world.all(AsyncMerge):
        if row.status == "pending":
            forge.world.put(replace(row, due=time.time() + delay))


def tick(forge: Forge) -> bool:
    """Runs what is due; whether anything is left."""
    left = [m for m in forge.world.all(AsyncMerge) if m.status == "pending"]
    for row in (m for m in left if m.due <= time.time()):
        _run(forge, row)
    return any(m.due > time.time() for m in left)


def _run(forge: Forge, row: AsyncMerge) -> None:
    repository = forge.world.get(Repository, row.repository)
    pull = forge.world.pull(repository, row.number) if repository else None
    issue = forge.world.issue(repository, row.number) if repository else None
    if repository is None or pull is None or issue is None:
        _end(forge, row, "failed", "Pull request not found")
        return
    try:
        if _queues(forge, repository, pull, row):
            merge_queue.enqueue(forge, repository, pull, row.actor, expected=row.sha)
            _end(forge, row, "enqueued", "Pull request was added to the merge queue")
        else:
            _end(forge, row, "merged", "Pull Request successfully merged", _merge(forge, repository, issue, row))
    except Refusal as refusal:
        _end(forge, row, "failed", refusal.message)


def _queues(forge: Forge, repository: Repository, pull: Pull, row: AsyncMerge) -> bool:
    return row.action == "merge_queue" or (
        row.action == "default" and merge_queue.settings(forge, repository, pull.base_ref) is not None
    )


def _merge(forge: Forge, repository: Repository, issue: Issue, row: AsyncMerge) -> str:
    wanted = landing.MergeRequest(
        sha=row.sha, method=row.method or "merge", title=row.title, message=row.text, bypass=row.bypass
    )
    return landing.merge(forge, repository, issue, wanted, row.actor)


def _end(forge: Forge, row: AsyncMerge, status: str, said: str, sha: str | None = None) -> None:
    forge.world.put(replace(row, status=status, said=said, merge_sha=sha, touched=time.time()))
