"""The authoritative file list of a change: what git says lies between merge base and head. It is read in git_diff.py."""

from dataclasses import dataclass
from enum import StrEnum


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
