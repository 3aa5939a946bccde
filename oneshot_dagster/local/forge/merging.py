"""Landing one branch on another in a bare repository: squash, merge commit, rebase. No working tree is made.
Each gives the new tip; putting it on the branch is the caller's compare-and-set."""

from pathlib import Path

from oneshot_dagster.local.forge.repos import Identity, Repos


def squash(repos: Repos, path: Path, *, base: str, head: str, message: str, by: Identity) -> str | None:
    """None, here as below, where the two conflict."""
    tree = repos.merge_tree(path, base, head)
    return tree and repos.commit(path, tree=tree, parents=(base,), message=message, author=by, committer=by)


def merge_commit(repos: Repos, path: Path, *, base: str, head: str, message: str, by: Identity) -> str | None:
    tree = repos.merge_tree(path, base, head)
    return tree and repos.commit(path, tree=tree, parents=(base, head), message=message, author=by, committer=by)


def rebase(repos: Repos, path: Path, *, base: str, head: str, by: Identity) -> str | None:
    """Commits keep their author and words; one that changes nothing on the new base is left out."""
    tip = base
    for sha in repos.ask(path, "rev-list", "--reverse", "--topo-order", "--no-merges", f"{base}..{head}").split():
        picked = _pick(repos, path, sha, tip, by)
        if picked is None:
            return None
        tip = picked
    return tip


def _pick(repos: Repos, path: Path, sha: str, tip: str, by: Identity) -> str | None:
    facts, onto = repos.facts(path, sha), repos.facts(path, tip)
    # A cherry-pick is a merge whose base is the picked commit's parent. git < 2.40 lets nobody name the base,
    # so a throwaway commit holds the tip's tree with that parent: then git finds the base by itself.
    stand_in = repos.commit(path, tree=onto.tree, parents=facts.parents[:1], message="tip", author=by, committer=by)
    tree = repos.merge_tree(path, stand_in, sha)
    if tree is None or tree == onto.tree:
        return tip if tree else None
    return repos.commit(
        path,
        tree=tree,
        parents=(tip,),
        message=facts.message,
        author=facts.author,
        committer=by,
        authored_at=facts.authored_at,
    )
