"""A repository without any policy, as an owner brings it: a small Python project with CI, on a forge."""

import time
from pathlib import Path

from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.forge.client import ForgeClient

TOOLS = "acme/tools"
PROJECT = {
    "Makefile": "test:\n\tpython3 -m unittest\n",
    "price.py": "def price(cents):\n    return cents\n",
    "test_price.py": (
        "import unittest\nfrom price import price\n\n\nclass Price(unittest.TestCase):\n"
        "    def test_price(self):\n        self.assertEqual(price(100), 100)\n"
    ),
    "deploy.sh": "#!/bin/sh\n",
    ".github/workflows/ci.yml": (
        "on: [push, pull_request]\njobs:\n  ci:\n    runs-on: ubuntu-latest\n"
        "    steps:\n      - uses: actions/checkout@v4\n      - run: make test\n"
    ),
}


def push(forge: ForgeClient, scratch: Path, files: dict[str, str], *, branch: str = "main", name: str = TOOLS) -> str:
    """As a person, onto what the branch holds by now; its SHA."""
    scratch.mkdir(parents=True, exist_ok=True)
    token = scratch / "token"
    token.write_text(forge.token)
    remote, tree = (
        Remote(url=forge.clone_url(name), token_file=token),
        scratch / f"clone-{len(list(scratch.iterdir()))}",
    )
    git("clone", "--quiet", remote.url, str(tree), cwd=scratch, remote=remote)
    there = git("ls-remote", remote.url, f"refs/heads/{branch}", cwd=tree, remote=remote)
    git("checkout", "--quiet", "-B", branch, *([f"origin/{branch}"] if there else []), cwd=tree)
    for path, text in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    git("add", "--all", cwd=tree)
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")
    git(*who, "commit", "--quiet", "--message", "By a person", cwd=tree)
    git("push", "--quiet", remote.url, f"HEAD:refs/heads/{branch}", cwd=tree, remote=remote)
    return git("rev-parse", "HEAD", cwd=tree).strip()


def earlier_change(forge: ForgeClient, sha: str, *, branch: str = "earlier") -> None:
    """A person's pull request on which CI reported; it stays open."""
    forge.create_pull(TOOLS, head=branch, base="main", title="An earlier change")
    deadline = time.monotonic() + 30
    while not any(run["status"] == "completed" for run in forge.check_runs(TOOLS, sha)):
        assert time.monotonic() < deadline, "CI did not report"
        time.sleep(0.1)
