"""Plants the demo's repository on the forge and opens issues in it. Who runs the demo is cli; the shop's files lie in shop/."""

import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.demo.issues import Discount, Kind, Seen, Tax, draw

SHOP = Path(__file__).with_name("shop")
AGENT = Path(__file__).with_name("agent.py")
REPOSITORY = "acme/shop"
BASE = "main"
OWNER, ENGINE = "ada", "oneshot"
_AS_OWNER = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")
_PLACE = "@SUPERVISOR_URL@"
_PLANTED = re.compile(r"SUPERVISOR_URL=(\S+)")


class Forge(Protocol):
    """What planting asks of the forge's client, as its owner."""

    def create_repository(self, full_name: str) -> object: ...

    def set_protection(self, repository: str, branch: str, *, checks: Iterable[str]) -> object: ...

    def create_issue(self, repository: str, *, title: str, body: str) -> int: ...

    def issue_texts(self, repository: str) -> Iterable[str]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class PlantedIssue:
    number: int
    kind: Kind
    title: str
    expectation: Discount | Tax

    def check(self, url: str) -> Seen:
        """Whether the service at `url` behaves as the issue asks."""
        return self.expectation.check(url)


def people(*, owner_token: str, engine_token: str) -> dict[str, dict[str, object]]:
    """The forge's people: the owner, who also sets the world up, and the engine's own identity."""
    return {
        OWNER: {"token": owner_token, "admin": True, "permissions": {REPOSITORY: "admin"}},
        ENGINE: {"token": engine_token, "permissions": {REPOSITORY: "write"}},
    }


def plant(forge: Forge, *, remote: Remote, supervisor_url: str, scratch: Path) -> str:
    """Idempotent; the SHA of the base afterwards. `remote` is the repository as its owner may push to it."""
    forge.create_repository(REPOSITORY)
    scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="plant-", dir=scratch))
    try:
        head = git("ls-remote", remote.url, f"refs/heads/{BASE}", cwd=work, remote=remote)
        sha = _point(work, remote, supervisor_url) if head else _first(work, remote, supervisor_url)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    forge.set_protection(REPOSITORY, BASE, checks=["ci"])
    return sha


def new_issue(forge: Forge, kind: Kind, rng: Random) -> PlantedIssue:
    drawn = draw(kind, rng, forge.issue_texts(REPOSITORY))
    number = forge.create_issue(REPOSITORY, title=drawn.title, body=drawn.body)
    return PlantedIssue(number=number, kind=kind, title=drawn.title, expectation=drawn.expectation)


def _first(work: Path, remote: Remote, supervisor_url: str) -> str:
    tree = work / "shop"
    shutil.copytree(SHOP, tree, ignore=shutil.ignore_patterns("__pycache__"))
    for script in tree.glob("*.sh"):
        script.chmod(0o755)
    policy = tree / ".oneshot.toml"
    policy.write_text(policy.read_text(encoding="utf-8").replace(_PLACE, supervisor_url), encoding="utf-8")
    git("init", "--quiet", ".", cwd=tree)
    return _push(tree, remote, "A small price service")


def _point(work: Path, remote: Remote, supervisor_url: str) -> str:
    """A planted shop whose supervisor answers elsewhere by now is told so."""
    tree = work / "shop"
    git("clone", "--quiet", "--depth=1", f"--branch={BASE}", remote.url, str(tree), cwd=work, remote=remote)
    policy = tree / ".oneshot.toml"
    text = policy.read_text(encoding="utf-8")
    planted = _PLANTED.search(text)
    if planted is None or planted[1] == supervisor_url:
        return git("rev-parse", "HEAD", cwd=tree).strip()
    policy.write_text(text.replace(planted[1], supervisor_url), encoding="utf-8")
    return _push(tree, remote, "The deploy supervisor has moved")


def _push(tree: Path, remote: Remote, message: str) -> str:
    git("add", "--all", cwd=tree)
    git(*_AS_OWNER, "commit", "--quiet", "--message", message, cwd=tree)
    git("push", "--quiet", remote.url, f"HEAD:refs/heads/{BASE}", cwd=tree, remote=remote)
    return git("rev-parse", "HEAD", cwd=tree).strip()
