"""What the demo itself sees in git, past the engine: whether the base branch holds the tree that was judged."""

import shutil
import tempfile
from pathlib import Path

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.demo.issues import Seen


def same_tree(remote: Remote, one: str, other: str, scratch: Path) -> bool:
    """Whether two commits of the forge hold the same files."""
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="trees-", dir=scratch) as folder:
        work = Path(folder)
        git("init", "--bare", "--quiet", ".", cwd=work)
        git("fetch", "--quiet", "--end-of-options", remote.url, one, other, cwd=work, remote=remote)
        trees = {git("rev-parse", f"{sha}^{{tree}}", cwd=work) for sha in (one, other)}
    return len(trees) == 1


def landed(remote: Remote, *, base: str, merge_sha: str | None, judged_sha: str | None, scratch: Path) -> Seen:
    """Fetches both commits from the forge and compares trees: the base's tip, and the judged head merged onto its parent."""
    if merge_sha is None or judged_sha is None:
        return Seen(ok=False, sentence="nothing was merged", url=remote.url)
    scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="landed-", dir=scratch))
    try:
        git("init", "--bare", "--quiet", ".", cwd=work)
        git(
            "fetch",
            "--quiet",
            "--end-of-options",
            remote.url,
            f"refs/heads/{base}",
            judged_sha,
            cwd=work,
            remote=remote,
        )
        tip = git("ls-remote", remote.url, f"refs/heads/{base}", cwd=work, remote=remote).split()[0]
        tree = git("rev-parse", f"{tip}^{{tree}}", cwd=work).strip()
        judged = git("merge-tree", "--write-tree", f"{tip}^1", judged_sha, cwd=work).strip()
    except TryAgain as problem:
        return Seen(ok=False, sentence=str(problem), url=remote.url)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if tip != merge_sha:
        said = f"{base} stands at {tip[:7]}, not at the merge {merge_sha[:7]}"
    elif tree != judged:
        said = f"{base} holds the tree {tree[:7]}, judged was {judged[:7]}"
    else:
        said = f"{base} stands at {tip[:7]} and holds the judged tree {tree[:7]}"
    return Seen(ok=tip == merge_sha and tree == judged, sentence=said, url=remote.url)
