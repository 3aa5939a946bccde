"""One file put into a remote's branch without any worktree: a commit of one blob, pushed compare-and-set.
What a change does goes through a worktree and committing.py instead."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.services.git import names, pushing
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.services.git.protocol import Identity


@dataclass(frozen=True, kw_only=True, slots=True)
class OneFile:
    path: str
    content: bytes
    message: str


def paths(bare: Bare, revision: str) -> tuple[str, ...]:
    listing = bare.git("ls-tree", "-r", "-z", "--full-tree", names.revision(revision)).stdout
    found: list[str] = []
    for entry in listing.split(b"\0"):
        meta, _, path = entry.partition(b"\t")
        if meta.startswith(b"100"):
            found.append(path.decode("utf-8", "replace"))
    return tuple(found)


def put_file(bare: Bare, file: OneFile, *, onto: str, branch: str, identity: Identity, scratch: Path) -> str | None:
    """The commit on top of `onto`, where the branch then stands; None where it stands elsewhere."""
    expected = bare.remote_head(branch)
    if expected is not None and expected != onto:
        return None
    sha = _commit(bare, file, parent=names.sha(onto), identity=identity, scratch=scratch)
    return sha if pushing.push(bare, sha=sha, branch=branch, expected=expected) is None else None


def _commit(bare: Bare, file: OneFile, *, parent: str, identity: Identity, scratch: Path) -> str:
    path = names.path_in_tree(file.path)
    blob = bare.git("hash-object", "-w", "--stdin", stdin=file.content).stdout.decode().strip()
    with tempfile.TemporaryDirectory(prefix="index-", dir=scratch) as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        bare.git("read-tree", bare.sure(parent), environment=index)
        bare.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", environment=index)
        tree = bare.git("write-tree", environment=index).stdout.decode().strip()
    people = {
        "GIT_AUTHOR_NAME": identity.name,
        "GIT_AUTHOR_EMAIL": identity.email,
        "GIT_COMMITTER_NAME": identity.name,
        "GIT_COMMITTER_EMAIL": identity.email,
    }
    made = bare.git("commit-tree", "-p", parent, tree, stdin=file.message.encode(), environment=people)
    return made.stdout.decode().strip()
