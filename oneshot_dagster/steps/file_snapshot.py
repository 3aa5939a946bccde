"""The file snapshot: what git says lies between merge base and head. The GitHub API is never asked for files or patches."""

import time

from oneshot_dagster.domain.artifact import Artifact, Markdown, NotMyTurn, Record, Shown
from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.messages import files_table
from oneshot_dagster.domain.patch import undoes
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, Kind, State
from oneshot_dagster.domain.snapshot import Snapshot
from oneshot_dagster.steps.trust import observes
from oneshot_dagster.steps.turn import Turn


def file_snapshot(turn: Turn) -> Record | NotMyTurn:
    attempt, git = turn.attempt, turn.services.git
    if attempt.pr_number is None and _is_shown(turn):
        return _only_shown(turn)
    if attempt.pr_number is None or attempt.head_sha is None or attempt.base_sha is None:
        return NotMyTurn(artifact=Artifact.FILE_SNAPSHOT, reason="no pull request is open yet")
    began = time.monotonic()
    base_sha = _merge_base(turn)
    found = turn.store.projections.save_snapshot(
        attempt.key,
        pr_number=attempt.pr_number,
        base_sha=base_sha,
        head_sha=attempt.head_sha,
        files=git.changed_files(attempt.key, base_sha=base_sha, head_sha=attempt.head_sha),
    )
    rows, seconds = len(found.files), time.monotonic() - began
    turn.fact("git", "file_snapshot", {"files": rows, "source": "worktree", "base_sha": base_sha}, sha=attempt.head_sha)
    turn.store.projections.save_worktree(
        attempt.key,
        pr_number=attempt.pr_number,
        name=git.worktree_path(attempt.key).name,
        path=str(git.worktree_path(attempt.key)),
        base_sha=base_sha,
        head_sha=attempt.head_sha,
    )
    if _undoes_the_last(turn, found):
        raise NeedsHuman(f"attempt {attempt.number} takes back what the attempt before it did", reason="undone")
    if attempt.state is State.PR_READY:
        turn.then(State.AWAITING_CI, f"{rows} files on record at {attempt.head_sha[:7]}", awaited=None)
    elif attempt.state not in HEAD_IS_PUBLIC:
        return NotMyTurn(artifact=Artifact.FILE_SNAPSHOT, reason=f"the change is {attempt.state}")
    return Record(
        artifact=Artifact.FILE_SNAPSHOT,
        what_happened=f"{rows} files changed between {base_sha[:7]} and {attempt.head_sha[:7]}, read from the worktree.",
        shown=_shown(found, seconds=seconds),
    )


def read_snapshot(turn: Turn) -> Snapshot:
    """Between the merge base and the head on record."""
    attempt, git = turn.attempt, turn.services.git
    return git.snapshot(attempt.key, base_sha=_merge_base(turn), head_sha=attempt.head_sha or "", patches=True)


def _merge_base(turn: Turn) -> str:
    attempt = turn.attempt
    base = attempt.base_sha or ""
    return turn.services.git.merge_base(attempt.key.repository, base, attempt.head_sha or "") or base


def _is_shown(turn: Turn) -> bool:
    """What would be proposed is on record at this head, and nothing may be written."""
    shown = turn.store.artifacts.records(turn.attempt.id).get(Artifact.PULL_REQUEST)
    return shown is not None and shown.sha == turn.attempt.head_sha and observes(turn.services, turn.attempt)


def _only_shown(turn: Turn) -> Record:
    """Rows of a snapshot belong to a pull request: without one it is read and shown, and no row is stored."""
    began = time.monotonic()
    found = read_snapshot(turn)
    shown = _shown(found, seconds=time.monotonic() - began)
    turn.fact("git", "files_read", {"files": len(found.files), "stored": False}, sha=found.head_sha)
    if turn.attempt.state is State.PR_READY:
        turn.then(State.AWAITING_CI, f"{len(found.files)} files read at {found.head_sha[:7]}", awaited=None)
    return Record(
        artifact=Artifact.FILE_SNAPSHOT,
        what_happened=f"{len(found.files)} files changed between {found.base_sha[:7]} and {found.head_sha[:7]}; without a pull "
        "request they are shown and not stored.",
        shown={**shown, "stored": False},
    )


def _shown(found: Snapshot, *, seconds: float) -> dict[str, Shown]:
    return {
        "files": len(found.files),
        "additions": sum(f.additions or 0 for f in found.files),
        "deletions": sum(f.deletions or 0 for f in found.files),
        "base_sha": found.base_sha,
        "head_sha": found.head_sha,
        "source": "worktree",
        "snapshot_seconds": round(seconds, 3),
        "list": Markdown(files_table(found)),
    }


def _undoes_the_last(turn: Turn, found: Snapshot) -> bool:
    attempt = turn.attempt
    earlier = [a for a in turn.earlier() if a.pr_number and a.head_sha]
    if not earlier or attempt.kind is Kind.REVERT:
        return False
    last = turn.store.projections.snapshot(
        attempt.key.repository, pr_number=earlier[-1].pr_number or 0, head_sha=earlier[-1].head_sha or ""
    )
    return last is not None and undoes(last, found)
