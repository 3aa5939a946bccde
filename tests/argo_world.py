"""A small world of Argo CD: the stand-in over HTTP, a repository that it follows, and the real client."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from oneshot_dagster.local.argocd.applications import Controller
from oneshot_dagster.local.argocd.server import Server
from oneshot_dagster.local.argocd.sources import Sources
from oneshot_dagster.services.deploy.argocd import ArgoDeploy
from oneshot_dagster.services.deploy.argocd_api import ArgoCD
from oneshot_dagster.services.deploy.protocol import Observed, Target

TOKEN = "argocd-token-for-tests"
PERSON = {
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "P"), ("EMAIL", "p@x.y"))
    },
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
    "PATH": os.environ["PATH"],
}


class Repository:
    def __init__(self, root: Path, name: str) -> None:
        self.path = root / f"{name}.git"
        self.clone = root / f"{name}.clone"
        for flags, place in (("--bare", self.path), ("--quiet", self.clone)):
            place.mkdir(parents=True)
            self._git("init", "-q", flags, "-b", "main", ".", at=place)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def commit(self, message: str = "a change", **files: str) -> str:
        for name, content in files.items():
            (self.clone / name.replace("__", ".")).write_text(content)
        self._git("add", "--all", at=self.clone)
        self._git("commit", "-q", "--allow-empty", "-m", message, at=self.clone)
        self._git("push", "-q", str(self.path), "HEAD:refs/heads/main", at=self.clone)
        return self._git("rev-parse", "HEAD", at=self.clone)

    def contains(self, revision: str, sha: str) -> bool:
        done = subprocess.run(
            ["git", "merge-base", "--is-ancestor", sha, revision], cwd=self.path, env=PERSON, check=False
        )
        return done.returncode == 0

    def _git(self, *arguments: str, at: Path) -> str:
        done = subprocess.run(["git", *arguments], cwd=at, env=PERSON, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@dataclass
class Argo:
    url: str
    root: Path
    shop: Repository
    deploy: ArgoDeploy
    target: Target

    def put(self, **given: object) -> None:
        body = {"name": "shop", "repo_url": self.shop.url, **given}
        httpx.put(f"{self.url}/_argocd/applications", json=body, timeout=5).raise_for_status()

    def trap(self, **traps: object) -> None:
        self.put(traps=traps)

    def fault(self, pattern: str, kind: str, *, times: int = 0) -> None:
        body = {"pattern": pattern, "kind": kind, "times": times}
        httpx.put(f"{self.url}/_argocd/fault", json=body, timeout=5).raise_for_status()

    @property
    def calls(self) -> list[str]:
        return httpx.get(f"{self.url}/_argocd", timeout=5).json()["calls"]

    def aim(self, **changes: object) -> Target:
        return replace(self.target, **changes)

    def start(self, sha: str, target: Target | None = None, *, ours: bool = True) -> Observed:
        return self.deploy.start(target or self.target, sha=sha, lane_is_ours=lambda: ours, say=lambda _: None)

    def until_asked(self, sha: str, target: Target | None = None, *, seconds: float = 20.0) -> Observed:
        """As the step does: asked anew while Argo CD is still busy with what came before."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.start(sha, target)
            if seen.asked or time.monotonic() > deadline:
                return seen
            time.sleep(0.05)

    def until_ready(self, sha: str, target: Target | None = None, *, seconds: float = 20.0) -> Observed:
        """The first look that is ready, or the last one."""
        aim, deadline = target or self.target, time.monotonic() + seconds
        while True:
            seen = self.deploy.observe(aim)
            if self.deploy.ready(aim, seen, sha=sha) or time.monotonic() > deadline:
                return seen
            time.sleep(0.05)

    def until(self, wanted: str, target: Target | None = None, *, seconds: float = 20.0) -> Observed:
        """The first look whose detail has these words once Argo CD looked after its operation, or the last one."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.deploy.observe(target or self.target)
            looked = "did not look since" not in seen.detail
            if (looked and wanted in seen.detail) or time.monotonic() > deadline:
                return seen
            time.sleep(0.05)


@contextmanager
def running(root: Path) -> Iterator[Argo]:
    nothing = root / "nothing"
    nothing.write_text("")
    controller = Controller(Sources(root / "argocd", nothing))
    server = Server(0, controller, TOKEN)
    threads = [
        threading.Thread(target=run, daemon=True)
        for run in (lambda: server.serve_forever(poll_interval=0.05), controller.run)
    ]
    for thread in threads:
        thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    shop = Repository(root, "acme/shop")
    api = ArgoCD(url=url, token=lambda: TOKEN, timeout=5.0)
    target = Target(
        repository="acme/shop",
        environment="production",
        start=(),
        url="http://shop.example",
        timeout=20.0,
        folder=root,
        application="shop",
        contains=shop.contains,
    )
    try:
        yield Argo(
            url=url, root=root, shop=shop, deploy=ArgoDeploy(api=api, degraded_for=0.0, pause=0.05), target=target
        )
    finally:
        controller.stop()
        server.shutdown()
        server.server_close()
        threads[1].join(10)
