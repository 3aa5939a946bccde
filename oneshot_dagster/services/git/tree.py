"""One worktree on disk: its folder, git's own folder for it in the bare repository, and our record of what was put there.
Git is always told both folders, so what an agent does to the `.git` file changes nothing."""

import contextlib
import json
import re
import shutil
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.system.lock import FileLock
from oneshot_dagster.system.process import Finished

_OURS = {"HEAD", "commondir", "gitdir", "index"}
_HIDING = re.compile(rb"(?:^|\0)[a-zS] ")  # `ls-files -v -z`: lower case is assume-unchanged, S is skip-worktree


@dataclass(frozen=True, kw_only=True, slots=True)
class Put:
    """What stands in the worktree since it was last made clean, or since our last commit in it.

    The record exists only while the folder is whole: without it the folder is a half-made one. `index` tells whether
    somebody else wrote git's index since.
    """

    key: str
    head: str
    index: str


class Tree:
    def __init__(self, key: ChangeKey, *, root: Path, bare: Bare) -> None:
        self.key, self.bare = key, bare
        self.name = names.worktree(key)
        self.path = root / self.name
        self.admin = bare.path / "worktrees" / self.name
        self.kept = root / ".kept"
        self._record = root / ".state" / f"{self.name}.json"
        self._left_out = root / ".state" / f"{self.name}.left-out"
        self._provisioning = FileLock(root / ".state" / f"{self.name}.provision")
        self.lock = FileLock(root / ".state" / f"{self.name}.lock")

    @contextlib.contextmanager
    def alone(self) -> Generator[None]:
        """Nobody else provisions or removes this worktree meanwhile."""
        with self._provisioning.held(timeout=900.0):
            yield

    def put(self) -> Put | None:
        return read_record(self._record)

    def record(self, head: str | None) -> None:
        """None: from now on what stands in the folder is half-made."""
        if head is None:
            self._record.unlink(missing_ok=True)
            return
        new = self._record.with_suffix(".new")
        new.write_text(json.dumps(asdict(Put(key=str(self.key), head=head, index=self._index_state()))))
        new.replace(self._record)

    def leave_out(self, paths: Sequence[bytes]) -> None:
        """These, with all below them, are none of the change, until the worktree is swept."""
        if paths:
            self._left_out.write_bytes(b"\0".join(paths))
        else:
            self._left_out.unlink(missing_ok=True)

    def left_out(self) -> tuple[bytes, ...]:
        with contextlib.suppress(FileNotFoundError):
            return tuple(self._left_out.read_bytes().split(b"\0"))
        return ()

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
    ) -> Finished:
        places = {"GIT_DIR": str(self.admin), "GIT_WORK_TREE": str(self.path)}
        return self.bare.git(
            *arguments, stdin=stdin, environment={**places, **(environment or {})}, cwd=self.path, accept=accept
        )

    def is_linked(self) -> bool:
        """Whether git's folder for it is there and the worktree is a folder with no repository put in it."""
        return self.path.is_dir() and not self._dot_git.is_dir() and (self.admin / "commondir").is_file()

    def is_empty(self) -> bool:
        return not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir()))

    def add(self, head: str) -> None:
        """Makes it anew, with no files checked out yet; the bare repository's lock is held."""
        self.clear()
        self.bare.git(
            "worktree", "add", "--quiet", "--no-checkout", "--detach", "--end-of-options", str(self.path), head
        )

    def clear(self) -> None:
        """Removes the folder and git's record of it; the bare repository's lock is held."""
        for folder in (self.path, self.admin):
            if folder.is_dir() and not folder.is_symlink():
                shutil.rmtree(folder, onerror=_make_removable)
            else:
                folder.unlink(missing_ok=True)
        self.bare.git("worktree", "prune")

    def settle(self) -> None:
        """Undoes what others did to git's own files for the worktree: locks, merges under way, sparse rules, the link."""
        link = f"gitdir: {self.admin}\n"
        if (
            self._dot_git.is_symlink()
            or not self._dot_git.is_file()
            or self._dot_git.read_text(errors="replace") != link
        ):
            self._dot_git.unlink(missing_ok=True)
            self._dot_git.write_text(link)
        (self.admin / "commondir").write_text("../..\n")
        (self.admin / "gitdir").write_text(f"{self._dot_git}\n")
        for entry in self.admin.iterdir():
            if entry.name in _OURS:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def detach(self, head: str) -> None:
        """Moves HEAD alone: neither a branch that somebody checked out nor the files."""
        new = self.admin / "HEAD.new"
        new.write_text(f"{head}\n")
        new.replace(self.admin / "HEAD")

    def mend_head(self) -> None:
        """HEAD as we put it, where it names a commit that there is not."""
        put, named = self.put(), self._named()
        if put is None or named == put.head or named.startswith("ref:"):
            return
        if not (names.is_sha(named) and self.bare.has(named)):
            self.detach(put.head)

    def stands_at(self, head: str) -> bool:
        return self._named() == head

    def _named(self) -> str:
        head = self.admin / "HEAD"
        return head.read_text(errors="replace").strip() if head.is_file() else ""

    def distrust_index(self) -> None:
        """Makes an index that others wrote anew where it is broken, or flags in it would hide changed files."""
        put, state = self.put(), self._index_state()
        if put is not None and state and put.index == state:
            return
        try:
            listed = self.git("ls-files", "-v", "-z").stdout if state else b"S "
        except TryAgain:
            listed = b"S "
        if _HIDING.search(listed):
            self.fresh_index("HEAD")

    def _index_state(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            now = (self.admin / "index").stat()
            return f"{now.st_ino} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}"
        return ""

    def fresh_index(self, head: str) -> None:
        (self.admin / "index").unlink(missing_ok=True)
        self.git("read-tree", head)

    @property
    def _dot_git(self) -> Path:
        return self.path / ".git"


def read_record(path: Path) -> Put | None:
    try:
        found = cast("dict[str, str]", json.loads(path.read_bytes()))
        return Put(key=found["key"], head=found["head"], index=found["index"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _make_removable(_function: object, path: str, _error: object) -> None:
    """A folder that somebody made unwritable."""
    place = Path(path)
    place.parent.chmod(0o700)
    with contextlib.suppress(OSError):
        place.chmod(0o700)
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.unlink(missing_ok=True)
