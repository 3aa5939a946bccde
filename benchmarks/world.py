"""The benchmarks' small world: an embedded Postgres, a forge whose checks succeed at once, repositories that ask for nothing.
Each measured change has a repository of its own, of equal shape, so that one can be compared with another call by call."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.local import postgres
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.git.protocol import Identity
from oneshot_dagster.services.git.repositories import GitRepositories
from oneshot_dagster.services.store import schema

CHECKOUT = Path(__file__).resolve().parent.parent
OWNER, ENGINE = "ada", "oneshot"
_TOKENS = {OWNER: "owner-token-of-the-benchmark", ENGINE: "engine-token-of-the-benchmark"}
NULL_AGENT = ("sh", "-c", 'cat > /dev/null; echo changed >> README.md; echo \'{"kind": "message", "text": "done"}\'')
_JUNIT = '<testsuite tests=\\"1\\"><testcase classname=\\"null\\" name=\\"null\\"/></testsuite>'
_POLICY = f"""mode = "merge"
[tests]
commands = ["echo '{_JUNIT}' > {{junit}}"]
[gate]
required_checks = ["ci"]
[judge]
allow_no_new_tests = true
[deploy]
kind = "none"
[verify]
waived = "a benchmark deploys nothing"
"""
_WORKFLOW = """name: ci
on: [pull_request]
jobs:
  ci:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""


@dataclass(frozen=True, kw_only=True)
class World:
    home: Path
    url: str
    server: postgres.Server
    forge_pid: int

    @property
    def forge(self) -> ForgeClient:
        return ForgeClient(self.url, _TOKENS[OWNER])

    @property
    def token(self) -> str:
        return _TOKENS[ENGINE]

    def environment(self, **over: str) -> dict[str, str]:
        """Of every process that is measured: the checkout's own dagster.yaml, this world's home."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(CHECKOUT),
            "ONESHOT_HOME": str(self.home),
            "DAGSTER_HOME": str(CHECKOUT),
            "ONESHOT_REPOSITORIES": '["acme/*"]',
            "ONESHOT_GITHUB__API_URL": f"{self.url}/api/v3",
            "ONESHOT_GITHUB__GRAPHQL_URL": f"{self.url}/api/graphql",
            "ONESHOT_GITHUB__GIT_URL": self.url,
            "ONESHOT_GITHUB__TOKEN_FILE": str(self.home / "token"),
            "ONESHOT_AGENT__COMMAND": json.dumps(NULL_AGENT),
        } | over

    def plant(self, name: str, *, has_ci: bool = True) -> ChangeKey:
        """A new repository with one open issue; what a first fetch costs is paid here. Without CI `ci` is for us to say."""
        repository = f"acme/{name}"
        self.forge.create_repository(repository)
        self.forge.put_user(ENGINE, _TOKENS[ENGINE], {repository: "write"})
        work = self.home / "planting" / name
        (work / ".github/workflows").mkdir(parents=True)
        if has_ci:
            (work / ".github/workflows/ci.yml").write_text(_WORKFLOW)
        (work / ".oneshot.toml").write_text(_POLICY)
        (work / "README.md").write_text("A repository.\n")
        for number in range(20):
            (work / f"file{number}.txt").write_text(f"{number}\n" * 50)
        git(work, "init", "-q", "-b", "main", ".")
        git(work, "add", "--all")
        git(work, "commit", "-q", "-m", "first")
        git(work, "push", "-q", self.as_owner(repository), "main")
        if not has_ci:  # who reported once may be waited for
            told = {"state": "success", "context": "ci"}
            self.forge.api("POST", repository, f"/statuses/{self.forge.branch_sha(repository, 'main')}", told)
        self.forge.set_protection(repository, "main", contexts=["ci"])
        self.git.fetch(repository)
        issue = self.forge.create_issue(repository, "Change the README", "Add a line.")
        return ChangeKey.parse(f"{repository}#{issue['number']}")

    def as_owner(self, repository: str) -> str:
        """Where to push to."""
        return self.url.replace("//", f"//ada:{_TOKENS[OWNER]}@") + f"/{repository}.git"

    @property
    def git(self) -> GitRepositories:
        return GitRepositories(
            home=self.home,
            worktrees=self.home / "worktrees",
            remote_url=lambda repository: f"{self.url}/{repository}.git",
            token=lambda _: self.token,
            identity=Identity(name="benchmark", email="benchmark@example.test"),
        )

    def connections(self) -> int:
        """How often the server was connected to until now, by its own log."""
        log = (self.home / "logs" / "postgres.log").read_text(errors="replace")
        return log.count("connection authenticated") or log.count("connection authorized")


@contextlib.contextmanager
def running(home: Path) -> Generator[World]:
    home.mkdir(parents=True, exist_ok=True)
    with postgres.running(home) as server, _forge(home) as (url, pid):
        _count_connections(server)
        (home / "token").write_text(_TOKENS[ENGINE])
        schema.upgrade(server.url("oneshot"))
        yield World(home=home, url=url, server=server, forge_pid=pid)


def _count_connections(server: postgres.Server) -> None:
    with psycopg.connect(server.url("postgres", "postgresql"), autocommit=True) as connection:
        connection.execute("alter system set log_connections = on")
        connection.execute("select pg_reload_conf()")


@contextlib.contextmanager
def _forge(home: Path) -> Generator[tuple[str, int]]:
    people = home / "people.json"
    people.write_text(
        json.dumps(
            {
                OWNER: {"token": _TOKENS[OWNER], "admin": True, "permissions": {}},
                ENGINE: {"token": _TOKENS[ENGINE], "permissions": {}},
            }
        )
    )
    options = ("--home", str(home / "github"), "--port", "0", "--people", str(people), "--null-ci")
    forge = subprocess.Popen(
        [sys.executable, "-m", "oneshot_dagster.local.forge", *options],
        stdout=subprocess.PIPE,
        stderr=(home / "forge.log").open("wb"),
        cwd=CHECKOUT,
    )
    try:
        assert forge.stdout is not None
        said = forge.stdout.readline().decode().strip()
        assert "http://" in said, (home / "forge.log").read_text()
        yield said[said.index("http://") :], forge.pid
    finally:
        forge.terminate()
        forge.wait(10)


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "credential.helper=")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null"}
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True, input=given
    )
    return done.stdout.decode().strip()
