"""Keeps what lies in a worktree and on no remote before it is swept: as a bundle, or as a tar where git cannot hold it.
What holds a secret of the agent's is not kept."""

import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.snapshot import printable
from oneshot_dagster.services.git import leaks
from oneshot_dagster.services.git.committing import add_all, commit_tree, is_ours, staged
from oneshot_dagster.services.git.leaks import Secrets
from oneshot_dagster.services.git.modes import REPOSITORY
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.tree import Tree
from oneshot_dagster.system.secret_forms import Search

_PIECE, _OVERLAP = 16 * 2**20, 64 * 2**10  # bytes
_MESSAGE = "Leftovers that lay in the worktree\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What `git status` says: HEAD, files that differ, and files that are swept without a word."""

    head: str
    changed: bool
    worthless: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """`path` is None where nothing was to be kept, or it held a secret at the places in `dropped`."""

    path: Path | None = None
    dropped: tuple[str, ...] = ()


def standing(tree: Tree) -> Standing:
    left_out = tree.left_out()
    output = tree.git(
        "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignored=matching"
    ).stdout
    head, changed, worthless = "", False, False
    for entry in output.split(b"\0"):
        if entry.startswith(b"# branch.oid "):
            head = entry.rpartition(b" ")[2].decode()
        elif entry.startswith(b"! ") or (entry.startswith(b"? ") and _is_worthless(entry[2:], left_out)):
            worthless = True
        elif entry and not entry.startswith(b"# "):
            changed = True
    return Standing(head=head, changed=changed, worthless=worthless)


def _is_worthless(path: bytes, left_out: Sequence[bytes]) -> bool:
    return is_ours(path) or any(path.rstrip(b"/") == one or path.startswith(one + b"/") for one in left_out)


def keep(tree: Tree, found: Standing, *, target: str, identity: Identity, secrets: Secrets) -> Kept:
    """What would be lost by going to `target`."""
    if not found.changed and _is_public(tree, found.head, target):
        return Kept()
    search = secrets()
    try:
        head = _committed(tree, found, identity)
        dropped = leaks.in_commits(tree.bare, head, without=target, search=search) if search else ()
        return Kept(dropped=dropped) if dropped else Kept(path=_bundle(tree, head))
    except OneshotError:
        return keep_folder(tree, secrets)


def keep_folder(tree: Tree, secrets: Secrets) -> Kept:
    """Everything in the folder, whatever it is."""
    search = secrets()
    dropped = tuple(_holding(tree.path, search)) if search else ()
    if dropped:
        return Kept(dropped=dropped)
    tree.kept.mkdir(parents=True, exist_ok=True)
    path = tree.kept / f"{tree.name}-{time.time_ns()}.tar"
    making = path.with_suffix(".making")
    with tarfile.open(making, "w") as tar:
        tar.add(tree.path, arcname=tree.name)
    return Kept(path=making.rename(path))


def _holding(folder: Path, search: Search) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        name = bytes(path.relative_to(folder))
        if search.finds(name):
            yield "the name of a file"
        elif path.is_symlink():
            if search.finds(bytes(path.readlink())):
                yield printable(name)
        elif path.is_file() and _holds(path, search):
            yield printable(name)


def _holds(path: Path, search: Search) -> bool:
    before = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if search.finds(before + piece):
                return True
            before = piece[-_OVERLAP:]
    return False


def _is_public(tree: Tree, head: str, target: str) -> bool:
    if head == target:
        return True
    return not tree.bare.git("rev-list", "--max-count=1", head, f"^{target}", "--not", "--remotes=origin").stdout


def _committed(tree: Tree, found: Standing, identity: Identity) -> str:
    """What stands there as a commit to which nothing leads yet."""
    if not found.changed:
        return found.head
    add_all(tree)
    if any(change.new_mode == REPOSITORY for change in staged(tree, found.head)):
        raise OneshotError("a repository within the worktree")
    return commit_tree(tree, parent=found.head, message=_MESSAGE, author=identity, committer=identity)


def _bundle(tree: Tree, head: str) -> Path:
    ref = tree.bare.pin(tree.key.issue_number, head)
    tree.kept.mkdir(parents=True, exist_ok=True)
    path = tree.kept / f"{tree.name}-{head[:12]}.bundle"
    making = path.with_suffix(".making")
    tree.bare.git("bundle", "create", "--quiet", str(making), ref, "--not", "--remotes=origin")
    return making.rename(path)
