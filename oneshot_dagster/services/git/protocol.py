"""What we ask of git: one bare repository per remote, worktrees from it, exact diffs, guarded pushes.
Every method may raise TryAgain (network, lock, timeout) or NeedsHuman (refused for good)."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.snapshot import FileChange, Snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Worktree:
    """`kept` is a file with commits or changes that lay in the worktree and are not on the remote, or None: a git bundle,
    or a tar of the folder where git cannot hold what lay there (a repository within it). `dropped` are the places in it that
    held a secret of the agent's: then nothing of it is kept."""

    name: str
    path: Path
    base_sha: str
    head_sha: str
    kept: Path | None = None
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reverted:
    """`sha` None: `conflicts` are the paths that git cannot bring back, or there is nothing left to bring back."""

    sha: str | None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Most:
    """The most that one commit may add or change; `size` in bytes of the files as they are afterwards."""

    files: int = 5_000
    size: int = 50 * 2**20


class Git(Protocol):
    def provision(self, key: ChangeKey, *, base: str, head: str, recorded_head: str | None, branch: str) -> Worktree:
        """A clean worktree at `recorded_head` if given, else at the remote's `branch` head, else at the tip of `base`.

        `head` is the change's branch; `base_sha` is the merge base of its head and the remote's `base`.
        Raises NeedsHuman where `base` or `recorded_head` does not exist.
        """
        ...

    def worktree_path(self, key: ChangeKey) -> Path: ...

    def hold(self, key: ChangeKey) -> AbstractContextManager[int]:
        """The worktree's lock, as a descriptor that children inherit: a new holder gets it when all old processes are gone."""
        ...

    def remove_worktree(self, key: ChangeKey) -> None: ...

    def set_aside(self, key: ChangeKey) -> tuple[str, ...]:
        """After commands of set-up ran in a clean worktree: its own files are as they were again, and what else lies there
        is in no commit and not kept. The paths of the latter, but for those that git ignores anyway."""
        ...

    def commit_all(self, path: Path, *, message: str, author: Identity, most: Most | None = None) -> str:
        """Commits everything in the worktree but `.codex*` files; the head SHA after it, unchanged where nothing differs.

        Raises NeedsHuman for a symlink or submodule that leads outside of the repository, for more than `most`, and for a
        secret of the agent's: of that nothing is committed, and the worktree is swept.
        """
        ...

    def snapshot(self, key: ChangeKey, *, base_sha: str, head_sha: str, patches: bool) -> Snapshot: ...

    def changed_files(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> Iterator[FileChange]:
        """Those of the snapshot with patches, in its order, each as soon as git has printed it: git works while they are
        taken, and what it refuses is raised then."""
        ...

    def patch(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> bytes:
        """`git diff --binary --full-index` between the two."""
        ...

    def changes_archive(self, key: ChangeKey, *, base_sha: str, head_sha: str, manifest: Mapping[str, object]) -> bytes:
        """`.codex-implementation-changes.tar.gz`: metadata/manifest.json, metadata/git-status.txt, metadata/git-diff.patch
        and files/<path>. Unpacked onto the base (deleted ones removed) it gives exactly the head tree."""
        ...

    def bundle(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> bytes: ...

    def fetch(self, repository: str) -> None: ...

    def remote_head(self, repository: str, branch: str) -> str | None:
        """What the remote itself says now (`ls-remote`)."""
        ...

    def resolve(self, repository: str, revision: str) -> str | None: ...

    def push(self, key: ChangeKey, *, sha: str, branch: str, expected: str | None) -> str | None:
        """Compare-and-set: moves the remote's branch from `expected` (None: it must not exist) to `sha`.

        None where it moved; else the remote's present head, untouched.
        """
        ...

    def delete_branch(self, repository: str, *, branch: str, expected: str) -> bool:
        """True where the branch is gone afterwards, False where it stands at another SHA."""
        ...

    def read_file(self, repository: str, *, sha: str, path: str) -> bytes | None: ...

    def read_folder(self, repository: str, *, revision: str, folder: str) -> Mapping[str, bytes]:
        """What lies directly in a folder, by path; links and what is too large to be read are left out."""
        ...

    def paths(self, repository: str, *, revision: str) -> tuple[str, ...]:
        """Of every regular file."""
        ...

    def message(self, repository: str, sha: str) -> str: ...

    def put_file(
        self, repository: str, *, onto: str, branch: str, path: str, content: bytes, message: str
    ) -> str | None:
        """A commit of one file on top of `onto`, pushed; its SHA, or None where the branch stands elsewhere.

        The branch is made where it does not exist; where it does, `onto` has to be its head.
        """
        ...

    def tree(self, repository: str, sha: str) -> str: ...

    def parents(self, repository: str, sha: str) -> tuple[str, ...]: ...

    def merge_tree(self, repository: str, ours: str, theirs: str) -> str | None:
        """The tree id of a clean merge (`git merge-tree --write-tree`), or None on conflict."""
        ...

    def revert(self, key: ChangeKey, *, landed: str, before: str, onto: str, message: str) -> Reverted:
        """A commit on top of `onto` that takes back what came from `before` to `landed`, as `git revert` would; not pushed.

        Whatever number of commits or parents that was, it is one commit; what others did since stays.
        """
        ...

    def merge_base(self, repository: str, one: str, other: str) -> str | None: ...

    def is_ancestor(self, repository: str, ancestor: str, descendant: str) -> bool: ...

    def export(self, repository: str, *, sha: str, target: Path) -> None:
        """Writes the tree of `sha` into the empty folder `target`, with no `.git` in it."""
        ...
