"""What the stand-in reads of git, and whom it tells what to serve: real repositories over HTTP, as Argo CD has them."""

import json
import threading
from pathlib import Path

import httpx

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.local.demo.checkout import Remote, git

SERVE_TIMEOUT = 30.0


class Sources:
    """A bare repository of each remote lies under `home`."""

    def __init__(self, home: Path, token_file: Path) -> None:
        self._home, self._token_file = home, token_file
        self._lock = threading.RLock()

    def resolve(self, url: str, revision: str) -> str:
        """The commit of a branch, or the revision itself. Raises TryAgain for what is not there."""
        if len(revision) == 40 and all(c in "0123456789abcdef" for c in revision):
            return revision
        ref = "HEAD" if revision in {"", "HEAD"} else f"refs/heads/{revision}"
        with self._lock:
            said = git("ls-remote", "--end-of-options", url, ref, cwd=self._bare(url), remote=self._remote(url))
        if not said.strip():
            raise TryAgain(f"unable to resolve '{revision}' to a commit SHA")
        return said.split()[0]

    def message(self, url: str, revision: str) -> str:
        return self._show(url, "log", "-1", "--format=%B", "--end-of-options", revision)

    def manifest(self, url: str, revision: str, path: str) -> str | None:
        """The one manifest that is looked at: `deployment.json`."""
        folder = "" if path in {"", "."} else f"{path.strip('/')}/"
        try:
            return self._show(url, "show", "--end-of-options", f"{revision}:{folder}deployment.json")
        except TryAgain:
            return None

    def serve(self, address: str, sha: str) -> None:
        try:
            answer = httpx.post(f"{address}/deploy", json={"sha": sha}, timeout=SERVE_TIMEOUT, trust_env=False)
        except httpx.HTTPError as error:
            raise TryAgain(f"{address} does not serve: {error}") from None
        if answer.status_code != 200:
            raise TryAgain(f"{address} does not serve {sha}: {json.dumps(answer.text)[:300]}")

    def _show(self, url: str, *arguments: str) -> str:
        bare = self._bare(url)
        with self._lock:
            git(
                "fetch",
                "--quiet",
                "--end-of-options",
                url,
                "+refs/heads/*:refs/heads/*",
                cwd=bare,
                remote=self._remote(url),
            )
            return git(*arguments, cwd=bare)

    def _bare(self, url: str) -> Path:
        bare = self._home / "".join(c if c.isalnum() else "-" for c in url)
        with self._lock:
            if not (bare / "HEAD").exists():
                bare.mkdir(parents=True, exist_ok=True)
                git("init", "--bare", "--quiet", ".", cwd=bare)
        return bare

    def _remote(self, url: str) -> Remote:
        return Remote(url=url, token_file=self._token_file)
