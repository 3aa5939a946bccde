"""Snapshots for the tests of the domain, short to write."""

from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot

BASE, HEAD = "b" * 40, "a" * 40


def changed(
    path: str,
    *,
    status: FileStatus = FileStatus.MODIFIED,
    old: str | None = None,
    patch: str | None = "@@ -1 +1 @@\n-a\n+b\n",
    additions: int | None = 1,
    deletions: int | None = 1,
    blobs: tuple[str, str] = ("1" * 40, "2" * 40),
    mode: str = "100644",
) -> FileChange:
    return FileChange(
        path_bytes=path.encode(errors="surrogateescape"),
        path=path,
        status=status,
        old_path_bytes=old.encode() if old else None,
        old_mode=mode,
        new_mode=mode,
        old_blob=blobs[0],
        new_blob=blobs[1],
        additions=additions,
        deletions=deletions,
        patch=patch,
        patch_omitted=None if patch is not None else "large",
    )


def snapshot(*files: FileChange, head: str = HEAD) -> Snapshot:
    return Snapshot(base_sha=BASE, head_sha=head, files=files)
