"""The demo's host: serves one revision of the planted service as a child process, and remembers which.
Idempotent by revision; a revision that does not come up changes nothing. HTTP is supervisor.py."""

import contextlib
import http.client
import json
import os
import shutil
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.demo.checkout import Remote, export
from oneshot_dagster.system.process import Child, Command, clean_environment, start

UP_WITHIN = 10.0
STARTS_KEPT = 200
TREES_KEPT = 5
TRIES = 3  # a free port can be taken by somebody else before the service binds it


@dataclass(frozen=True, kw_only=True)
class Serving:
    sha: str
    port: int
    child: Child


class Host:
    def __init__(self, home: Path, remote: Remote) -> None:
        self._home, self._remote = home, remote
        self._switch = threading.Lock()
        self._serving: Serving | None = None
        self._revision: str | None = None
        self._deploys: dict[str, int] = {}
        self._starts: list[dict[str, str]] = []
        home.mkdir(parents=True, exist_ok=True)
        self._remember()

    def deploy(self, sha: str) -> bool:
        """True where it was started now, False where it serves already. Raises TryAgain where it does not come up."""
        with self._switch:
            if self._alive(sha):
                return False
            self._replace(self._launch(sha))
            self._revision = sha
            self._deploys[sha] = self._deploys.get(sha, 0) + 1
            self._keep(sha, "deploy")
            self._prune()
            return True

    def port(self) -> int | None:
        """Where the service answers; one that has ended is started again."""
        serving = self._serving
        if serving and serving.child.poll() is None:
            return serving.port
        self.restore()
        return self._serving.port if self._serving else None

    def restore(self) -> None:
        """Serves the revision that was deployed last, where there is one."""
        with self._switch:
            if self._revision is None or self._alive(self._revision):
                return
            with contextlib.suppress(TryAgain):
                self._replace(self._launch(self._revision))
                self._keep(self._revision, "restore")

    def state(self) -> dict[str, object]:
        return {"revision": self._revision, "deploys": dict(self._deploys), "starts": list(self._starts)}

    def stop(self) -> None:
        with self._switch:
            if self._serving:
                self._serving.child.stop(grace=1.0)

    def _alive(self, sha: str) -> bool:
        serving = self._serving
        return serving is not None and serving.sha == sha and serving.child.poll() is None

    def _launch(self, sha: str) -> Serving:
        tree = self._home / "trees" / sha
        export(self._remote, sha=sha, bare=self._home / "bare.git", tree=tree)
        log = self._home / "logs" / f"{sha}.log"
        for _ in range(TRIES):
            port = _free_port()
            env = clean_environment(HOME=str(self._home), PORT=str(port), REVISION=sha)
            child = start(Command(argv=("/bin/bash", "./serve.sh"), cwd=tree, env=env), log=log)
            if _comes_up(child, port, sha):
                return Serving(sha=sha, port=port, child=child)
            child.stop(grace=0.5)
        raise TryAgain(f"{sha} does not come up: {log.read_text(errors='replace')[-1000:]}")

    def _replace(self, new: Serving) -> None:
        """Requests go to the new one before the old one ends."""
        old, self._serving = self._serving, new
        if old:
            old.child.stop(grace=1.0)

    def _keep(self, sha: str, why: str) -> None:
        self._starts = [*self._starts, {"sha": sha, "why": why, "at": datetime.now(UTC).isoformat()}][-STARTS_KEPT:]
        new = self._home / "state.json.new"
        with new.open("w", encoding="utf-8") as file:
            json.dump(self.state(), file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._home / "state.json")

    def _prune(self) -> None:
        """Older trees go; a commit that is asked for again is fetched again."""
        newest = list(dict.fromkeys(entry["sha"] for entry in reversed(self._starts)))[:TREES_KEPT]
        for tree in (self._home / "trees").iterdir():
            if tree.name not in newest:
                shutil.rmtree(tree, ignore_errors=True)

    def _remember(self) -> None:
        with contextlib.suppress(FileNotFoundError, ValueError):
            kept: dict[str, Any] = json.loads((self._home / "state.json").read_text(encoding="utf-8"))
            self._revision, self._deploys, self._starts = kept["revision"], kept["deploys"], kept["starts"]


def _comes_up(child: Child, port: int, sha: str) -> bool:
    deadline = time.monotonic() + UP_WITHIN
    while child.poll() is None and time.monotonic() < deadline:
        if _revision(port) == sha:
            return True
        time.sleep(0.01)
    return False


def _revision(port: int) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read(65536)).get("revision")
    except (OSError, http.client.HTTPException, ValueError, AttributeError):
        return None
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
