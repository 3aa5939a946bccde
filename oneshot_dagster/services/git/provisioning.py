"""Brings a worktree to a commit, from whatever state it is in: new, warm, full of somebody's work, or half-made by a killed process."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.bare import TRACKED, Bare
from oneshot_dagster.services.git.keeping import Kept, Standing, keep, keep_folder, standing
from oneshot_dagster.services.git.leaks import Secrets
from oneshot_dagster.services.git.protocol import Identity, Worktree
from oneshot_dagster.services.git.tree import Tree


def provision(
    tree: Tree, *, base: str, recorded_head: str | None, branch: str, identity: Identity, secrets: Secrets
) -> Worktree:
    with tree.alone(), ThreadPoolExecutor(1) as pool:
        with tree.bare.locked():
            usable = tree.put() is not None and tree.is_linked()
            if usable:
                tree.mend_head()
            looking = pool.submit(_look, tree) if usable else None  # while the remote answers
            tree.bare.fetch()
            head = _head(tree.bare, base=base, recorded_head=recorded_head, branch=branch)
            base_sha = _merge_base(tree.bare, head, base)
            tree.bare.pin(tree.key.issue_number, head)
            kept = Kept() if usable else _make_anew(tree, head, secrets)
        found = looking.result() if looking is not None else None
        if found is not None:
            kept = keep(tree, found, target=head, identity=identity, secrets=secrets)
        _bring(tree, found, head)
        tree.leave_out(())
        tree.record(head)
    return Worktree(
        name=tree.name, path=tree.path, base_sha=base_sha, head_sha=head, kept=kept.path, dropped=kept.dropped
    )


def remove(tree: Tree, *, identity: Identity, secrets: Secrets) -> None:
    """What lies in it alone is kept."""
    with tree.alone():
        if tree.put() is not None and tree.is_linked():
            found = _look(tree)
            keep(tree, found, target=found.head, identity=identity, secrets=secrets)
        elif not tree.is_empty() and not tree.admin.exists():
            keep_folder(tree, secrets)
        with tree.bare.locked():
            tree.record(None)
            tree.clear()


def _head(bare: Bare, *, base: str, recorded_head: str | None, branch: str) -> str:
    tip, ahead = bare.resolve_all(f"{TRACKED}/{names.branch(base)}", f"{TRACKED}/{names.branch(branch)}")
    if tip is None:
        raise NeedsHuman(f"the remote has no branch {base}", reason="base_missing")
    if recorded_head is None:
        return ahead or tip
    if not bare.fetch_commit(names.sha(recorded_head)):
        raise NeedsHuman(f"neither we nor the remote have the commit {recorded_head}", reason="head_missing")
    return recorded_head


def _merge_base(bare: Bare, head: str, base: str) -> str:
    found = bare.git("merge-base", head, f"{TRACKED}/{base}", accept=(0, 1))
    if found.returncode == 1:
        raise NeedsHuman(f"{head[:7]} and {base} have no commit in common", reason="no_merge_base")
    return found.stdout.decode().split()[0]


def _make_anew(tree: Tree, head: str, secrets: Secrets) -> Kept:
    """What is no worktree of ours, and not a half-made one, is kept first."""
    foreign = tree.put() is not None or not tree.admin.exists()
    kept = keep_folder(tree, secrets) if foreign and not tree.is_empty() else Kept()
    tree.record(None)
    tree.add(head)
    return kept


def _look(tree: Tree) -> Standing:
    """What lies in the folder, also where somebody broke HEAD or the index: then against what we put there."""
    tree.settle()
    with contextlib.suppress(TryAgain):
        tree.distrust_index()
        found = standing(tree)
        if names.is_sha(found.head):
            return found
    put = tree.put()
    if put is None:
        raise TryAgain(f"the worktree {tree.name} was taken away meanwhile")
    tree.detach(put.head)
    tree.fresh_index(put.head)
    return standing(tree)


def _bring(tree: Tree, found: Standing | None, head: str) -> None:
    """To exactly `head`, with nothing else in the folder; what is that already is left alone."""
    clean = found is not None and not found.changed
    if found is not None and clean:
        tree.detach(found.head)
        if found.head == head and not found.worthless:
            return
    tree.record(None)
    # Of a clean folder it looks at the files that differ only; ignored files in its way make it refuse.
    if not (clean and tree.git("reset", "--keep", "--quiet", head, accept=range(256)).returncode == 0):
        tree.detach(head)
        tree.git("reset", "--hard", "--quiet")
    if found is None or not clean or found.worthless:
        tree.git("clean", "-ffdx", "--quiet")
