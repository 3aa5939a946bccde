"""What people do to a repository while a change is on its way: push to a branch, close a pull request."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from world_fixtures import World

from oneshot_dagster.local.demo import plant
from oneshot_dagster.local.demo.checkout import Remote, git

_AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")


def push(world: World, branch: str, files: Mapping[str, str | None], *, message: str = "By hand", to: str = "") -> str:
    """One commit on that branch (`to` another one); its SHA. None removes a file. Without files, the branch as it is."""
    remote = Remote(url=f"{world.url}/{plant.REPOSITORY}.git", token_file=world.home / "owner-token")
    with tempfile.TemporaryDirectory(dir=world.home) as folder:
        tree = Path(folder) / "tree"
        git("clone", "--quiet", f"--branch={branch}", remote.url, str(tree), cwd=Path(folder), remote=remote)
        for path, content in files.items():
            if content is None:
                (tree / path).unlink()
            else:
                (tree / path).write_text(content)
        if files:
            git("add", "--all", cwd=tree)
            git(*_AS_ADA, "commit", "--quiet", "--message", message, cwd=tree)
        git("push", "--quiet", remote.url, f"HEAD:refs/heads/{to or branch}", cwd=tree, remote=remote)
        return git("rev-parse", "HEAD", cwd=tree).strip()


def policy(world: World) -> str:
    remote = Remote(url=f"{world.url}/{plant.REPOSITORY}.git", token_file=world.home / "owner-token")
    with tempfile.TemporaryDirectory(dir=world.home) as folder:
        tree = Path(folder) / "tree"
        git("clone", "--quiet", "--depth=1", remote.url, str(tree), cwd=Path(folder), remote=remote)
        return (tree / ".oneshot.toml").read_text()


def close_pull(world: World, number: int) -> None:
    world.forge.api("PATCH", plant.REPOSITORY, f"/pulls/{number}", {"state": "closed"})
