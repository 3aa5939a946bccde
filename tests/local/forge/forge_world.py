"""A forge process, people with tokens, and a working clone to push from; the fixtures on them are in conftest."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from contract import forge_record
from free_ports import free_ports

from oneshot_dagster.local.forge.client import ForgeClient

PEOPLE = {
    "ada": {"token": "token-of-ada", "admin": True, "permissions": {"*": "admin"}},
    "oneshot": {"token": "token-of-oneshot", "permissions": {"*": "write"}},
    "grace": {"token": "token-of-grace", "permissions": {"*": "write"}},
    "eve": {"token": "token-of-eve", "permissions": {"*": "read"}},
    "nobody": {"token": "token-of-nobody", "permissions": {}},
}
SHOP = "acme/shop"
CI_FILE = ".github/workflows/ci.yml"
GREEN = """\
on: pull_request
jobs:
  ci:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: git rev-parse HEAD && test -f README
"""


@dataclass
class RunningForge:
    """One forge process. `kill` is kill -9; `start` again takes the same port and home."""

    home: Path
    options: tuple[str, ...] = ()
    port: int = field(default_factory=lambda: free_ports()[0])
    process: subprocess.Popen[str] | None = None
    url: str = ""
    clients: dict[str, ForgeClient] = field(default_factory=dict)

    def start(self) -> None:
        forge_record.begin(self.home)
        people = self.home / "people.json"
        people.write_text(json.dumps(PEOPLE))
        argv = [sys.executable, "-m", "oneshot_dagster.local.forge", "--home", str(self.home), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*argv, "--people", str(people), *self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "A_SECRET": "hunter2"},
        )
        line = self.process.stdout.readline()
        assert line.startswith("forge ready on http://"), self.process.stderr.read()
        self.url = line.split()[-1]

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.communicate(timeout=20)
            self.process = None

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def as_(self, login: str) -> ForgeClient:
        if login not in self.clients:
            self.clients[login] = ForgeClient(self.url, PEOPLE[login]["token"])
        return self.clients[login]

    @property
    def ada(self) -> ForgeClient:
        return self.as_("ada")

    @property
    def oneshot(self) -> ForgeClient:
        return self.as_("oneshot")

    def remote(self, login: str | None, repository: str = SHOP) -> str:
        who = f"{login}:{PEOPLE[login]['token']}@" if login else ""
        return f"http://{who}127.0.0.1:{self.port}/{repository}.git"

    def bare(self, repository: str = SHOP) -> Path:
        return self.home / "repos" / f"{repository}.git"

    def wait_checks(self, ref: str, repository: str = SHOP, seconds: float = 30.0) -> dict[str, dict]:
        """Check runs by name, once all are completed."""
        deadline = time.monotonic() + seconds
        while True:
            checks = self.ada.check_runs(repository, ref)
            if checks and all(c["status"] == "completed" for c in checks):
                return {c["name"]: c for c in checks}
            assert time.monotonic() < deadline, checks
            time.sleep(0.05)


def git(*arguments: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    who |= {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}
    quiet = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    env = {"PATH": os.environ["PATH"], "HOME": str(cwd), **who, **quiet}
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=check, timeout=60
    )


@dataclass
class Clone:
    """A working copy whose pushes go to the forge."""

    folder: Path
    remote: str

    def commit(self, files: dict[str, str | None], message: str = "change") -> str:
        """None removes a file."""
        for name, text in files.items():
            path = self.folder / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A", cwd=self.folder)
        git("commit", "-q", "-m", message, cwd=self.folder)
        return self.head()

    def head(self) -> str:
        return git("rev-parse", "HEAD", cwd=self.folder).stdout.strip()

    def branch(self, name: str, start: str = "main") -> None:
        git("checkout", "-q", "-B", name, start, cwd=self.folder)

    def push(self, *refspec: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return git("push", "-q", self.remote, *(refspec or ("HEAD",)), cwd=self.folder, check=check)

    def push_branch(self, name: str, files: dict[str, str | None], *, start: str = "main") -> str:
        self.branch(name, start)
        sha = self.commit(files, f"work on {name}")
        self.push(name)
        return sha


def planted(forge: RunningForge, folder: Path, files: dict[str, str | None] | None = None) -> Clone:
    """acme/shop on the forge with one commit on main, and a clone of it."""
    forge.ada.create_repository(SHOP)
    folder.mkdir()
    git("init", "-q", "-b", "main", cwd=folder)
    clone = Clone(folder=folder, remote=forge.remote("ada"))
    clone.commit({"README": "a shop\n", CI_FILE: GREEN, **(files or {})}, "first")
    clone.push("main")
    return clone
