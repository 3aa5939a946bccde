"""The few git commands that the demo's own world needs: to plant a repository and to fetch one commit of it.
The engine's git is services.git; this stands for a person's and for a host's."""

import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.system.process import Command, clean_environment, run

GIT_TIMEOUT = 60.0


@dataclass(frozen=True, kw_only=True)
class Remote:
    """`token_file` holds the token; it is read by git's helper and stands in no argument and no URL."""

    url: str
    token_file: Path


def git(*arguments: str, cwd: Path, remote: Remote | None = None) -> str:
    """What git printed. Raises TryAgain with git's own last words."""
    done = run(Command(argv=("git", *arguments), cwd=cwd, env=_environment(cwd, remote), timeout=GIT_TIMEOUT))
    if done.returncode != 0 or done.timed_out:
        said = done.stderr.decode(errors="replace").strip()[-500:]
        raise TryAgain(f"git {arguments[0]} failed: {said or 'no word of why'}")
    return done.stdout.decode(errors="replace")


def _environment(cwd: Path, remote: Remote | None) -> dict[str, str]:
    settings = [
        ("init.defaultBranch", "main"),
        ("gc.auto", "0"),
        ("core.hooksPath", "/dev/null"),
        ("credential.helper", ""),
    ]
    if remote:
        helper = f'!f() {{ echo username=demo; echo "password=$(cat {shlex.quote(str(remote.token_file))})"; }}; f'
        settings.append((f"credential.{remote.url}.helper", helper))
    numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(settings)}
    numbered |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(settings)}
    return clean_environment(
        HOME=str(cwd),
        GIT_CONFIG_NOSYSTEM="1",
        GIT_CONFIG_GLOBAL="/dev/null",
        GIT_TERMINAL_PROMPT="0",
        GIT_CONFIG_COUNT=str(len(settings)),
        **numbered,
    )


def export(remote: Remote, *, sha: str, bare: Path, tree: Path) -> None:
    """Writes the tree of `sha` to the folder `tree`, whole or not at all; one that is there already is kept."""
    if tree.exists():
        return
    if not (bare / "HEAD").exists():
        bare.mkdir(parents=True, exist_ok=True)
        git("init", "--bare", "--quiet", ".", cwd=bare)
    git("fetch", "--quiet", "--end-of-options", remote.url, "+refs/heads/*:refs/heads/*", cwd=bare, remote=remote)
    tree.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix="half-", dir=tree.parent))
    try:
        (half / "tree").mkdir()
        git("--git-dir=.", f"--work-tree={half / 'tree'}", "checkout", "--quiet", "--force", sha, "--", ".", cwd=bare)
        (half / "tree").rename(tree)
    finally:
        shutil.rmtree(half, ignore_errors=True)
