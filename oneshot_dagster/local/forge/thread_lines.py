"""Where the line of a review thread is at a new head. A thread whose line a push changed is outdated."""

import re
from dataclasses import replace

from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.records import Pull, Repository, Thread

_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def follow(forge: Forge, repository: Repository, pull: Pull) -> None:
    path = forge.repos.path(repository.owner, repository.name)
    for thread in forge.world.all(Thread, repository):
        if thread.number != pull.number or thread.outdated or thread.line is None or not thread.sha:
            continue
        diff = forge.repos.git(path, "diff", "-U0", "--no-renames", thread.sha, pull.head_sha, "--", thread.path)
        line = moved_line(diff.stdout.decode(errors="replace"), thread.line)
        forge.world.put(replace(thread, line=line, outdated=line is None, sha=pull.head_sha))


def moved_line(diff: str, line: int) -> int | None:
    """By a diff without context; None where the line is gone or changed."""
    shift = 0
    for hunk in _HUNK.finditer(diff):
        start, removed, added = int(hunk[1]), int(hunk[2] or 1), int(hunk[4] or 1)
        if removed and start <= line < start + removed:
            return None
        if start + max(removed, 1) - 1 < line:
            shift += added - removed
    return line + shift
