"""Frees what finished changes left: worktrees, stored bytes that nothing names, scratch folders, old events.
A change that is live, or that anybody holds at this moment, is not touched."""

import contextlib
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import LeaseLost
from oneshot_dagster.domain.requests import ENDED
from oneshot_dagster.steps.lease import held
from oneshot_dagster.steps.services import Services

_ALL = 1_000_000
_UNDER_WAY = timedelta(hours=1)  # bytes are stored a moment before their row is
_LONGEST_STEP = timedelta(hours=6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Freed:
    """One kind of thing; `size` in bytes, 0 where it is rows of the database."""

    what: str
    number: int
    size: int = 0


def collect(services: Services, *, older_than: timedelta) -> tuple[Freed, ...]:
    now = services.store.now()
    before = now - older_than
    rows = services.store.purge(before)
    swept = services.blobs.sweep(services.store.artifacts.referenced(), before=min(before, now - _UNDER_WAY))
    return (
        _worktrees(services, before),
        Freed(what="stored files that nothing names", number=swept.number, size=swept.size),
        _scratch(services, min(before, now - _patience(services))),
        *(Freed(what=name.replace("_", " "), number=number) for name, number in rows.items()),
    )


def _patience(services: Services) -> timedelta:
    """Whoever made a scratch folder and still works in it is younger than this."""
    return max(_LONGEST_STEP, timedelta(seconds=2 * services.limits.agent_wall))


def _worktrees(services: Services, before: datetime) -> Freed:
    number = size = 0
    for attempt in services.store.runs.newest_of_each_change(limit=_ALL):
        path = services.git.worktree_path(attempt.key)
        if path.exists() and _is_over(attempt, before):
            bytes_there = _size(path)
            if _remove(services, attempt, before):
                number, size = number + 1, size + bytes_there
    return Freed(what="worktrees of finished changes", number=number, size=size)


def _remove(services: Services, attempt: Attempt, before: datetime) -> bool:
    """Under the change's lease, where it is looked at once more: it may have been started again."""
    with contextlib.suppress(LeaseLost), held(services.store, attempt.key, "gc", seconds=services.limits.lease_seconds):
        newest = services.store.runs.latest(attempt.key)
        if newest is not None and _is_over(newest, before):
            services.git.remove_worktree(attempt.key)
            return True
    return False


def _is_over(attempt: Attempt, before: datetime) -> bool:
    return (
        attempt.state in ENDED
        and attempt.evidence_head is not None
        and attempt.finished_at is not None
        and attempt.finished_at <= before
    )


def _scratch(services: Services, before: datetime) -> Freed:
    number = size = 0
    for path in _entries(services.limits.scratch):
        if path.lstat().st_mtime >= before.timestamp():
            continue
        number, size = number + 1, size + _size(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return Freed(what="scratch folders", number=number, size=size)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    """Of the files themselves; what goes away meanwhile counts nothing."""
    total = 0
    for file in (path, *path.rglob("*")):
        with contextlib.suppress(OSError):
            total += file.lstat().st_size
    return total
