"""Reads the lists that `git diff` prints between two commits: of the files, and of their counts. The patches are git_patches.py's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.snapshot import FileChange, FileStatus, printable

Counts = tuple[int | None, int | None]  # additions and deletions; None for a binary file


class NotGitOutput(ValueError):
    """The bytes are not what git prints for these options: a fault of ours or of git, never to be guessed around."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """One path of git's raw list, as FileChange has it."""

    path_bytes: bytes
    path: str
    status: FileStatus
    old_path_bytes: bytes | None
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str


_STATUS = {
    "A": FileStatus.ADDED,
    "M": FileStatus.MODIFIED,
    "D": FileStatus.DELETED,
    "R": FileStatus.RENAMED,
    "C": FileStatus.COPIED,
    "T": FileStatus.TYPE_CHANGED,
}
_TWO_PATHS = {FileStatus.RENAMED, FileStatus.COPIED}


def parse_raw(output: bytes) -> tuple[Listed, ...]:
    """Reads `git diff --raw -z -M --no-abbrev`."""
    listed, rest = _listed(output.split(b"\0"))
    if any(rest):
        raise NotGitOutput("git printed more than a list of files")
    return listed


def parse_numstat(output: bytes, listed: Sequence[Listed]) -> tuple[Counts, ...]:
    """Reads `git diff --numstat -z -M`, whose order is that of the raw list."""
    return _counts(output.split(b"\0"), listed)


def parse_raw_numstat(output: bytes) -> tuple[FileChange, ...]:
    """Reads `git diff --raw --numstat -z -M --no-abbrev`: first every raw entry, then the counts in the same order."""
    listed, rest = _listed(output.split(b"\0"))
    return tuple(change(entry, counts) for entry, counts in zip(listed, _counts(rest, listed), strict=True))


def _listed(fields: Sequence[bytes]) -> tuple[tuple[Listed, ...], Sequence[bytes]]:
    """The entries, and the fields behind them."""
    place, entries = 0, list[Listed]()
    while fields[place].startswith(b":"):
        old_mode, new_mode, old_blob, new_blob, letter = fields[place][1:].decode("ascii").split(" ")
        status = _status(letter)
        paths = fields[place + 1 : place + (3 if status in _TWO_PATHS else 2)]
        place += 1 + len(paths)
        if place >= len(fields):
            raise NotGitOutput("git's list ends within an entry")
        entries.append(
            Listed(
                path_bytes=paths[-1],
                path=printable(paths[-1]),
                status=status,
                old_path_bytes=paths[0] if len(paths) == 2 else None,
                old_mode=old_mode,
                new_mode=new_mode,
                old_blob=old_blob,
                new_blob=new_blob,
            )
        )
    return tuple(entries), fields[place:]


def _status(letter: str) -> FileStatus:
    if letter[:1] not in _STATUS:
        raise NotGitOutput(f"git gave the unknown status {letter[:1]!r}")
    return _STATUS[letter[:1]]


def _counts(fields: Sequence[bytes], listed: Sequence[Listed]) -> tuple[Counts, ...]:
    left = iter(fields)
    counts = tuple(_count(next(left, b""), left, entry.path_bytes) for entry in listed)
    if any(left):
        raise NotGitOutput("git counted more files than it listed")
    return counts


def _count(field: bytes, left: Iterator[bytes], path: bytes) -> Counts:
    parts = field.split(b"\t", 2)
    if len(parts) != 3:
        raise NotGitOutput(f"git gave no counts for {path!r}")
    additions, deletions, counted = parts
    if not counted:  # a rename: the old and the new path follow as fields of their own
        next(left, b"")
        counted = next(left, b"")
    if counted != path:
        raise NotGitOutput(f"git counted {counted!r} where it listed {path!r}")
    return (None, None) if additions == b"-" else (int(additions), int(deletions))


def change(entry: Listed, counts: Counts, *, patch: str | None = None, omitted: str | None = None) -> FileChange:
    return FileChange(
        path_bytes=entry.path_bytes,
        path=entry.path,
        status=entry.status,
        old_path_bytes=entry.old_path_bytes,
        old_mode=entry.old_mode,
        new_mode=entry.new_mode,
        old_blob=entry.old_blob,
        new_blob=entry.new_blob,
        additions=counts[0],
        deletions=counts[1],
        patch=patch,
        patch_omitted=omitted,
    )
