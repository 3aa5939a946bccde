"""Whether an attempt walks in circles: it failed as the one before it, or took back what that one did.
What the agent is told of failures is prompt.py."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from oneshot_dagster.domain.quoting import cleaned
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A check or suite that failed, by its name, and the end of its log."""

    name: str
    log: str


_NOISE = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"(?<![\w.])(?:[a-z]:)?(?:[/\\][^\s/\\:'\"`,;()]+)+[/\\](?=[^\s/\\])"), ""),  # /a/b/c.py is c.py
    (re.compile(r"\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
    (re.compile(r"<n>\s?(?:ms|s|sec|seconds?|m|min|minutes?)\b"), "<time>"),
    (re.compile(r"[=\-_*.~]{4,}"), ""),
    (re.compile(r"\s+"), " "),
)


def normalised_fingerprint(failures: Sequence[Failure]) -> str:
    """The same for the same failures, whatever the time, the folder, the numbers and the order; "" for none."""
    if not failures:
        return ""
    lines = sorted({f"{failure.name}\n{_normalised(failure.log)}" for failure in failures})
    return hashlib.sha256("\0".join(lines).encode(errors="replace")).hexdigest()


def _normalised(log: str) -> str:
    return "\n".join(line for line in (_normalised_line(line) for line in cleaned(log).lower().splitlines()) if line)


def _normalised_line(line: str) -> str:
    for noise, word in _NOISE:
        line = noise.sub(word, line)
    return line.strip()


def undoes(previous: Snapshot, present: Snapshot) -> bool:
    """Whether the present patch takes the previous one back: laid on top of it, file by file the other way round,
    or made anew from the same base with nothing left of it."""
    if not previous.files:
        return False
    if present.base_sha == previous.base_sha:
        return not present.files
    before = {move for file in previous.files for move in _moves(file)}
    after = {move for file in present.files for move in _moves(file)}
    return {(path, new, old) for path, old, new in before} <= after


_Stand = tuple[str, str] | None  # mode and blob; None where there is no file
_Move = tuple[bytes, _Stand, _Stand]


def _moves(file: FileChange) -> list[_Move]:
    old, new = (file.old_mode, file.old_blob), (file.new_mode, file.new_blob)
    if file.status is FileStatus.RENAMED and file.old_path_bytes is not None:
        return [(file.old_path_bytes, old, None), (file.path_bytes, None, new)]
    has_old = file.status not in {FileStatus.ADDED, FileStatus.COPIED}
    return [(file.path_bytes, old if has_old else None, new if file.status is not FileStatus.DELETED else None)]
