"""Plants the demo's repository on the forge and opens issues in it. Who runs the demo is cli; the shop's files lie in shop/."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from oneshot_dagster.local.demo.checkout import Remote, git
from oneshot_dagster.local.demo.issues import Discount, Kind, Seen, Tax, draw
from oneshot_dagster.local.forge.client import ForgeClient, ForgeError

SHOP = Path(__file__).with_name("shop")
AGENT = Path(__file__).with_name("agent.py")
REPOSITORY = "acme/shop"
BASE = "main"
OWNER, ENGINE = "ada", "oneshot"
_AS_OWNER = ("-c", "user.name=Ada", "-c", "user.email=ada@users.noreply.localhost")
_PAGE = 100
_PLACE = "@SUPERVISOR_URL@"
_PLANTED = re.compile(r"SUPERVISOR_URL=(\S+)")


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


def connect(forge: ForgeClient, *, url: str, secret: str) -> None:
    """The forge tells that address of everything in the shop; once, however often it is asked for."""
    known = forge.api("GET", REPOSITORY, "/hooks", per_page=_PAGE)
    if all(hook["config"]["url"] != url for hook in known):
        forge.add_hook(REPOSITORY, url, secret=secret)


def plant(forge: ForgeClient, *, remote: Remote, supervisor_url: str, scratch: Path) -> str:
    """Idempotent; the SHA of the base afterwards. `forge` and `remote` act as the owner, who may push past protection."""
    forge.create_repository(REPOSITORY)
    scratch.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="plant-", dir=scratch))
    try:
        head = git("ls-remote", remote.url, f"refs/heads/{BASE}", cwd=work, remote=remote)
        sha = _point(work, remote, supervisor_url) if head else _first(work, remote, supervisor_url)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _protect(forge)
    return sha


def new_issue(forge: ForgeClient, kind: Kind, rng: Random) -> PlantedIssue:
    drawn = draw(kind, rng, _texts(forge))
    number = int(forge.create_issue(REPOSITORY, drawn.title, drawn.body)["number"])
    return PlantedIssue(number=number, kind=kind, title=drawn.title, expectation=drawn.expectation)


def _texts(forge: ForgeClient) -> Iterator[str]:
    """Of every issue that there ever was, page by page."""
    for page in count(1):
        found = forge.api("GET", REPOSITORY, "/issues", state="all", per_page=_PAGE, page=page)
        yield from (str(issue["body"] or "") for issue in found)
        if len(found) < _PAGE:
            return


def _protect(forge: ForgeClient) -> None:
    """Once: a rule that a person has changed since is left alone."""
    try:
        forge.api("GET", REPOSITORY, f"/branches/{BASE}/protection")
    except ForgeError as problem:
        if problem.status != 404:
            raise
        forge.set_protection(REPOSITORY, BASE, contexts=["ci"], enforce_admins=False)


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
