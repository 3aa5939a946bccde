"""The authoritative file list of a change: what git says lies between merge base and head. Parsed here, read by services.git."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

PATCH_LIMIT = 512 * 1024  # bytes of one file's patch that are kept inline


class FileStatus(StrEnum):
    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"
    TYPE_CHANGED = "type_changed"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """One path. `path_bytes` is the identity; `path` is for people. Counts are None for a binary file.

    `patch` is None where it is binary, large, not UTF-8 or holds NUL; then `patch_omitted` says why.
    Modes are git's octal strings ("100644", "120000" a symlink, "160000" a submodule).
    """

    path_bytes: bytes
    path: str
    status: FileStatus
    old_path_bytes: bytes | None = None
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    additions: int | None
    deletions: int | None
    patch: str | None = None
    patch_omitted: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """All files between `base_sha` (the merge base) and `head_sha`."""

    base_sha: str
    head_sha: str
    files: tuple[FileChange, ...]


class NotGitOutput(ValueError):
    """The bytes are not what git prints for these options: a fault of ours or of git, never to be guessed around."""


_STATUS = {
    b"A": FileStatus.ADDED,
    b"M": FileStatus.MODIFIED,
    b"D": FileStatus.DELETED,
    b"R": FileStatus.RENAMED,
    b"C": FileStatus.COPIED,
    b"T": FileStatus.TYPE_CHANGED,
}
_TWO_PATHS = {FileStatus.RENAMED, FileStatus.COPIED}


def printable(path: bytes) -> str:
    """A rendering for people: what cannot be shown, and the backslash itself, as backslash escapes."""
    text = path.decode("utf-8", "surrogateescape")
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def parse_raw_numstat(output: bytes) -> tuple[FileChange, ...]:
    """Reads `git diff --raw --numstat -z -M --no-abbrev`: first every raw entry, then the counts in the same order."""
    fields = iter(output.split(b"\0"))
    entries: list[tuple[bytes, FileStatus, bytes, bytes | None]] = []
    field = next(fields, b"")
    while field.startswith(b":"):
        status = _status(field)
        first = next(fields, b"")
        old, path = (first, next(fields, b"")) if status in _TWO_PATHS else (None, first)
        entries.append((field, status, path, old))
        field = next(fields, b"")
    changes = tuple(
        _change(*entry, counts=_counts(field if n == 0 else next(fields, b""), fields, entry[2]))
        for n, entry in enumerate(entries)
    )
    if any(fields):
        raise NotGitOutput("git counted more files than it listed")
    return changes


def _status(field: bytes) -> FileStatus:
    letter = field.rpartition(b" ")[2][:1]
    if letter not in _STATUS:
        raise NotGitOutput(f"git gave the unknown status {letter!r}")
    return _STATUS[letter]


def _counts(field: bytes, fields: Iterator[bytes], path: bytes) -> tuple[int | None, int | None]:
    parts = field.split(b"\t", 2)
    if len(parts) != 3:
        raise NotGitOutput(f"git gave no counts for {path!r}")
    counted = parts[2]
    if not counted:  # a rename: the old and the new path follow as fields of their own
        next(fields, b"")
        counted = next(fields, b"")
    if counted != path:
        raise NotGitOutput(f"git counted {counted!r} where it listed {path!r}")
    if parts[0] == b"-":
        return None, None
    return int(parts[0]), int(parts[1])


def _change(
    field: bytes, status: FileStatus, path: bytes, old: bytes | None, *, counts: tuple[int | None, int | None]
) -> FileChange:
    old_mode, new_mode, old_blob, new_blob, _ = field[1:].decode("ascii").split(" ")
    return FileChange(
        path_bytes=path,
        path=printable(path),
        status=status,
        old_path_bytes=old,
        old_mode=old_mode,
        new_mode=new_mode,
        old_blob=old_blob,
        new_blob=new_blob,
        additions=counts[0],
        deletions=counts[1],
    )


def with_patches(files: Sequence[FileChange], output: bytes, *, truncated: bool = False) -> tuple[FileChange, ...]:
    """Gives each file its section of `git diff -U3 -M --full-index` over the same two commits.

    Every line of a file's content has a prefix, so `diff --git` at the start of a line begins a section, and git keeps
    the order of the raw list; a changed type has two sections. `truncated`: the end of the output is missing.
    """
    sections = _sections(output)
    if truncated:
        sections = sections[:-1]
    place, done = 0, list[FileChange]()
    for change in files:
        count = 2 if change.status is FileStatus.TYPE_CHANGED else 1
        own = sections[place : place + count]
        place += count
        if len(own) == count:
            done.append(_patched(change, own))
        elif truncated:
            done.append(_with(change, omitted="the whole patch is too large"))
        else:
            raise NotGitOutput(f"git printed no patch for {change.path}")
    if place < len(sections):
        raise NotGitOutput("git printed patches for more files than it listed")
    return tuple(done)


def _sections(output: bytes) -> list[bytes]:
    if not output:
        return []
    if not output.startswith(b"diff --git "):
        raise NotGitOutput("a patch does not begin with 'diff --git'")
    first, *rest = output.split(b"\ndiff --git ")
    cut = [first, *(b"diff --git " + section for section in rest)]
    return [section if section.endswith(b"\n") else section + b"\n" for section in cut]


def _patched(change: FileChange, sections: Sequence[bytes]) -> FileChange:
    _check_blobs(change, sections)
    content = sections[0] if len(sections) == 1 else b"".join(sections)
    if change.additions is None:
        return _with(change, omitted="binary")
    if content.find(b"\nBinary files ", 0, _end_of_head(content)) >= 0:
        return _with(change, omitted="the file is too large")
    if len(content) > PATCH_LIMIT:
        return _with(change, omitted=f"the patch is larger than {PATCH_LIMIT // 1024} KiB")
    if b"\0" in content:
        return _with(change, omitted="holds NUL")
    try:
        return _with(change, patch=content.decode("utf-8"))
    except UnicodeDecodeError:
        return _with(change, omitted="not UTF-8")


def _end_of_head(section: bytes) -> int:
    """Where its first hunk begins."""
    found = section.find(b"\n@@ ")
    return found if found >= 0 else len(section)


def _with(change: FileChange, *, patch: str | None = None, omitted: str | None = None) -> FileChange:
    """As dataclasses.replace does it, three times as fast: there may be thousands of files."""
    return FileChange(
        path_bytes=change.path_bytes,
        path=change.path,
        status=change.status,
        old_path_bytes=change.old_path_bytes,
        old_mode=change.old_mode,
        new_mode=change.new_mode,
        old_blob=change.old_blob,
        new_blob=change.new_blob,
        additions=change.additions,
        deletions=change.deletions,
        patch=patch,
        patch_omitted=omitted,
    )


def _check_blobs(change: FileChange, sections: Sequence[bytes]) -> None:
    """Each section names the blobs it is between, so that no file can get another one's patch."""
    if change.old_blob == change.new_blob:
        return
    nothing = "0" * len(change.old_blob)
    pairs = [(change.old_blob, change.new_blob)]
    if change.status is FileStatus.TYPE_CHANGED:
        pairs = [(change.old_blob, nothing), (nothing, change.new_blob)]
    for section, (old, new) in zip(sections, pairs, strict=True):
        if section.find(f"\nindex {old}..{new}".encode(), 0, _end_of_head(section)) < 0:
            raise NotGitOutput(f"a patch is not that of {change.path}")
