"""A revert without any worktree: the three-way merge that `git revert` does, over trees alone, and one commit of what it gives.
So neither a half-done revert nor anybody's files can be in its way; pushing it is pushing.py."""

from dataclasses import dataclass

from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.services.git.protocol import Identity, Reverted


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """`landed` goes, back to `before`; `onto` is where the branch stands by now."""

    landed: str
    before: str
    onto: str


def revert(bare: Bare, span: Span, *, message: str, identity: Identity) -> Reverted:
    """Of a squash, a merge commit and a row of rebased commits alike: from the tree that landed back to the one before it."""
    landed, before, onto = (bare.sure(names.sha(sha)) for sha in (span.landed, span.before, span.onto))
    # merge-tree of this git wants commits and finds their base itself: so they get one, the tree that landed.
    shared = _commit(bare, f"{landed}^{{tree}}", (), "landed", identity)
    ours = _commit(bare, f"{onto}^{{tree}}", (shared,), "onto", identity)
    theirs = _commit(bare, f"{before}^{{tree}}", (shared,), "before", identity)
    merged = bare.git("merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", ours, theirs, accept=(0, 1))
    tree, *paths = merged.stdout.decode("utf-8", "replace").split("\0")
    if merged.returncode == 1:
        return Reverted(sha=None, conflicts=tuple(dict.fromkeys(path for path in paths if path)))
    if tree == bare.commit(onto).tree.hexsha:
        return Reverted(sha=None)
    return Reverted(sha=_commit(bare, tree, (onto,), message, identity))


def _commit(bare: Bare, tree: str, parents: tuple[str, ...], message: str, identity: Identity) -> str:
    people = {
        "GIT_AUTHOR_NAME": identity.name,
        "GIT_AUTHOR_EMAIL": identity.email,
        "GIT_COMMITTER_NAME": identity.name,
        "GIT_COMMITTER_EMAIL": identity.email,
    }
    options = [option for parent in parents for option in ("-p", parent)]
    made = bare.git("commit-tree", *options, tree, stdin=message.encode(), environment=people)
    return made.stdout.decode().strip()
