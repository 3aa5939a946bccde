"""Keeps what lies in a worktree and on no remote before it is swept: as a bundle, or as a tar where git cannot hold it."""

import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.services.git.committing import add_all, commit_tree, is_ours, staged
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.tree import Tree

_MESSAGE = "Leftovers that lay in the worktree\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What `git status` says: HEAD, files that differ, and files that are swept without a word."""

    head: str
    changed: bool
    worthless: bool


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


def keep(tree: Tree, found: Standing, *, target: str, identity: Identity) -> Path | None:
    """The file with what would be lost by going to `target`, or None where nothing would."""
    if not found.changed and _is_public(tree, found.head, target):
        return None
    try:
        return _bundle(tree, found, identity)
    except OneshotError:
        return keep_folder(tree)


def keep_folder(tree: Tree) -> Path:
    """Everything in the folder, whatever it is."""
    tree.kept.mkdir(parents=True, exist_ok=True)
    path = tree.kept / f"{tree.name}-{time.time_ns()}.tar"
    making = path.with_suffix(".making")
    with tarfile.open(making, "w") as tar:
        tar.add(tree.path, arcname=tree.name)
    return making.rename(path)


def _is_public(tree: Tree, head: str, target: str) -> bool:
    if head == target:
        return True
    return not tree.bare.git("rev-list", "--max-count=1", head, f"^{target}", "--not", "--remotes=origin").stdout


def _bundle(tree: Tree, found: Standing, identity: Identity) -> Path:
    head = found.head
    if found.changed:
        add_all(tree)
        if any(change.new_mode == "160000" for change in staged(tree, head)):
            raise OneshotError("a repository within the worktree")
        head = commit_tree(tree, parent=head, message=_MESSAGE, author=identity, committer=identity)
    ref = tree.bare.pin(tree.key.issue_number, head)
    tree.kept.mkdir(parents=True, exist_ok=True)
    path = tree.kept / f"{tree.name}-{head[:12]}.bundle"
    making = path.with_suffix(".making")
    tree.bare.git("bundle", "create", "--quiet", str(making), ref, "--not", "--remotes=origin")
    return making.rename(path)
