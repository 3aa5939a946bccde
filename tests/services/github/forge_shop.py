"""A repository on the forge, its clone, people and Apps there, and the client under test; the fixtures are in conftest."""

import os
import subprocess
from pathlib import Path

from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.services.github.client import GitHubClient

PEOPLE = {
    "acme": {"token": "owner-token", "admin": True, "permissions": {"*": "admin"}},
    "oneshot": {"token": "bot-token", "permissions": {"*": "write"}},
    "ann": {"token": "ann-token", "permissions": {"*": "write"}},
    "eve": {"token": "eve-token", "permissions": {"*": "read"}},
}
BRANCH = "codex/issue-1"


def git(folder: Path, *argv: str) -> str:
    who = {f"GIT_{role}_{what}": "t@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    done = subprocess.run(["git", *argv], cwd=folder, env=env, check=True, capture_output=True, timeout=60)
    return done.stdout.decode().strip()


class Shop:
    """One repository on the forge, with its clone and the client under test."""

    def __init__(
        self, owner: ForgeClient, github: GitHubClient, clone: Path, name: str, reporters: dict[str, ForgeClient]
    ) -> None:
        self.owner, self.github, self.clone, self.name, self.reporters = owner, github, clone, name, reporters
        self._people: dict[str, ForgeClient] = {}
        owner.create_repository(name)
        clone.mkdir()
        git(clone, "init", "-q", "-b", "main")
        git(clone, "remote", "add", "origin", owner.clone_url(name).replace("//", f"//acme:{owner.token}@"))
        self.commit("main", "README", "hello\n")
        self.issue = owner.create_issue(name, "Greet", "please", ["oneshot"])["number"]

    def as_(self, login: str) -> ForgeClient:
        if login not in self._people:
            self._people[login] = ForgeClient(self.owner.url, PEOPLE[login]["token"])
        return self._people[login]

    def close(self) -> None:
        for client in (*self._people.values(), self.owner, self.github):
            client.close()

    def commit(self, branch: str, path: str, text: str) -> str:
        """On the branch as it stands here, pushed."""
        git(self.clone, "checkout", "-q", "-B", branch)
        (self.clone / path).write_text(text)
        git(self.clone, "add", path)
        git(self.clone, "commit", "-q", "-m", f"{branch}: {path}")
        git(self.clone, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")
        return git(self.clone, "rev-parse", "HEAD")

    def open_pull(self) -> tuple[int, str]:
        sha = self.commit(BRANCH, "greeting", "hi\n")
        pull = self.github.open_pull(self.name, head=BRANCH, base="main", title="Greet", body="b")
        assert pull is not None
        return pull.number, sha

    def report(self, sha: str, name: str, conclusion: str, *, who="ci-runner", text="") -> None:
        output = {"title": name, "summary": conclusion, "text": text}
        body = {"name": name, "head_sha": sha, "status": "completed", "conclusion": conclusion, "output": output}
        self.reporters[who].api("POST", self.name, "/check-runs", body)

    def facts(self, number: int):
        return self.github.gate_facts(self.name, number)
