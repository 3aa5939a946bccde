"""The bundle of a change, `.codex-implementation-changes.tar.gz`: manifest, patch, and the changed files as the head has them.
The same commits give the same bytes."""

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping, Sequence

from oneshot_dagster.domain.snapshot import FileChange, FileStatus
from oneshot_dagster.services.git.modes import EXECUTABLE, LINK, REPOSITORY

_LETTERS = {
    FileStatus.ADDED: "A",
    FileStatus.MODIFIED: "M",
    FileStatus.DELETED: "D",
    FileStatus.RENAMED: "R",
    FileStatus.COPIED: "C",
    FileStatus.TYPE_CHANGED: "T",
}


def present(files: Iterable[FileChange]) -> tuple[FileChange, ...]:
    """Those that the head holds as files or links: what the archive carries."""
    return tuple(f for f in files if f.status is not FileStatus.DELETED and f.new_mode != REPOSITORY)


def changes_archive(
    files: Sequence[FileChange], *, blobs: Mapping[str, bytes], patch: bytes, manifest: Mapping[str, object], at: int
) -> bytes:
    """`at` is the time that every member bears, in seconds."""
    listed = {**without_prompt(manifest), **_lists(files)}
    members = [
        ("metadata/manifest.json", json.dumps(listed, indent=2, sort_keys=True, default=str).encode() + b"\n"),
        ("metadata/git-status.txt", "".join(f"{_LETTERS[f.status]}  {f.path}\n" for f in files).encode()),
        ("metadata/git-diff.patch", patch),
    ]
    raw = io.BytesIO()
    with tarfile.open(
        fileobj=raw, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for name, content in members:
            _add(tar, name, content, mode=0o644, at=at)
        for file in sorted(present(files), key=lambda f: f.path_bytes):
            name, content = "files/" + os.fsdecode(file.path_bytes), blobs[file.new_blob]
            if file.new_mode == LINK:
                _add_link(tar, name, content, at=at)
            else:
                _add(tar, name, content, mode=0o755 if file.new_mode == EXECUTABLE else 0o644, at=at)
    return gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def without_prompt(manifest: Mapping[str, object]) -> dict[str, object]:
    """The prompt's hash in its place: the text is an artifact of its own."""
    kept = {name: value for name, value in manifest.items() if name != "prompt"}
    if "prompt" in manifest:
        kept["promptSha256"] = hashlib.sha256(str(manifest["prompt"]).encode()).hexdigest()
    return kept


def _lists(files: Sequence[FileChange]) -> dict[str, object]:
    """`deletedFiles` are to be removed before unpacking: what the head has no more, or has as another type."""
    deleted = {f.path_bytes for f in files if f.status in {FileStatus.DELETED, FileStatus.TYPE_CHANGED}}
    deleted |= {f.old_path_bytes for f in files if f.status is FileStatus.RENAMED and f.old_path_bytes is not None}
    repositories = {f.path_bytes for f in files if f.new_mode == REPOSITORY}
    return {
        "trackedFiles": _names(f.path_bytes for f in present(files)),
        "deletedFiles": _names(deleted),
        "submodules": _names(repositories),
    }


def _names(paths: Iterable[bytes]) -> list[object]:
    """Text where the name is UTF-8, else {"base64": …}."""
    return [_name(path) for path in sorted(paths)]


def _name(path: bytes) -> object:
    try:
        return path.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(path).decode()}


def _add(tar: tarfile.TarFile, name: str, content: bytes, *, mode: int, at: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), mode, at
    tar.addfile(member, io.BytesIO(content))


def _add_link(tar: tarfile.TarFile, name: str, target: bytes, *, at: int) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.mode, member.mtime = tarfile.SYMTYPE, os.fsdecode(target), 0o777, at
    tar.addfile(member)
