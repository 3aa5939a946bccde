"""What GitHub said of pull requests, and what git says of their files. Neither decides anything here."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.gate import GateFacts
from oneshot_dagster.domain.projection import reading_of
from oneshot_dagster.domain.snapshot import FileChange, FileStatus, Snapshot
from oneshot_dagster.services.store import sightings
from oneshot_dagster.services.store.database import Database, Row, plain

_FILE_COLUMNS = (
    "path_bytes", "path", "status", "old_path_bytes", "old_mode", "new_mode", "old_blob", "new_blob",
    "additions", "deletions", "patch", "patch_omitted",
)  # fmt: skip


class PostgresProjections:
    def __init__(self, database: Database) -> None:
        self._database = database

    def save_worktree(
        self, key: ChangeKey, *, pr_number: int | None, name: str, path: str, base_sha: str, head_sha: str
    ) -> None:
        self._database.run(
            "projections.save_worktree",
            repository=key.repository,
            issue_number=key.issue_number,
            pr_number=pr_number,
            name=name,
            path=path,
            base_sha=base_sha,
            head_sha=head_sha,
        )

    def save_snapshot(
        self, key: ChangeKey, *, pr_number: int, base_sha: str, head_sha: str, files: Iterable[FileChange]
    ) -> Snapshot:
        identity = _identity(key.repository, pr_number, head_sha)
        kept: list[FileChange] = []
        coming = _kept(files, kept)
        first = tuple(islice(coming, 1))  # git is silent while it looks for renames: no transaction waits for that
        with self._database.transaction() as asking:
            asking.run("projections.start_snapshot", **identity, base_sha=base_sha)
            asking.run("projections.clear_snapshot", **identity)
            asking.one("projections.as_long_as_git_takes")
            asking.copy(
                "jangar_github.pr_files",
                (*identity, *_FILE_COLUMNS),
                ((*identity.values(), *_file_values(file)) for file in chain(first, coming)),
            )
        return Snapshot(base_sha=base_sha, head_sha=head_sha, files=tuple(kept))

    def snapshot(self, repository: str, *, pr_number: int, head_sha: str) -> Snapshot | None:
        identity = _identity(repository, pr_number, head_sha)
        with self._database.transaction() as asking:
            header = asking.one("projections.snapshot", **identity)
            files = asking.all("projections.files", **identity)
        if header is None:
            return None
        return Snapshot(base_sha=header["base_sha"], head_sha=head_sha, files=tuple(map(_file, files)))

    def save_pull(self, repository: str, facts: GateFacts) -> None:
        with self._database.transaction() as asking:
            sightings.keep(asking, reading_of(repository, facts))

    def checks_by_commit(self, repository: str, pr_number: int) -> Mapping[str, tuple[dict[str, object], ...]]:
        rows = self._database.all("projections.checks_by_commit", repository=repository, pr_number=pr_number)
        return {row["commit_sha"]: tuple(row["checks"]) for row in rows}


def _kept(files: Iterable[FileChange], kept: list[FileChange]) -> Iterator[FileChange]:
    for file in files:
        kept.append(file)
        yield file


def _identity(repository: str, pr_number: int, commit_sha: str) -> dict[str, object]:
    return {"repository": repository, "pr_number": pr_number, "commit_sha": commit_sha}


def _file_values(file: FileChange) -> tuple[object, ...]:
    return (
        file.path_bytes,
        plain(file.path),
        file.status.value,
        file.old_path_bytes,
        file.old_mode,
        file.new_mode,
        file.old_blob,
        file.new_blob,
        file.additions,
        file.deletions,
        file.patch,
        file.patch_omitted,
    )


def _file(row: Row) -> FileChange:
    return FileChange(
        **{name: row[name] for name in _FILE_COLUMNS if name != "status"}, status=FileStatus(row["status"])
    )
