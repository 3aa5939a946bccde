"""Bare repositories on disk and the git plumbing on them. Knows nothing of issues or pull requests.
Refs are read from the files, so that a question about a head costs no process."""

import re
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.system.process import Command, Finished, clean_environment, run

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
# What git itself takes as the name of a branch; it becomes a path below refs/heads.
_BRANCH = re.compile(r"(?!.*(?:\.\.|//|@\{|\.lock(?:/|$)|/\.|\.$|/$))(?![-./])[^\x00-\x20\x7f~^:?*\[\\]{1,200}")
SHA = re.compile(r"[0-9a-f]{40}")

_CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\thooksPath = {hooks}
[receive]
\tfsckObjects = true
[uploadpack]
\tallowAnySHA1InWant = true
[http]
\treceivepack = true
[gc]
\tauto = 0
"""

# Asked only for the refs that a push's environment names; see push_hook.
_HOOK = '#!/bin/sh\nPYTHONPATH="$FORGE_CODE" exec "$FORGE_PYTHON" -m oneshot_dagster.local.forge.push_hook\n'


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    name: str
    email: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CommitFacts:
    tree: str
    parents: tuple[str, ...]
    author: Identity
    authored_at: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A head against a base. `tree` is what a merge of the two would hold, None where they conflict."""

    ahead: int
    behind: int
    tree: str | None
    additions: int
    deletions: int
    changed_files: int


class GitFailed(Exception):
    """A plumbing command ended otherwise than it can."""


class Repos:
    def __init__(self, home: Path) -> None:
        self.root = home / "repos"
        self._hooks = home / "hooks"
        # Two SHAs compare the same for ever, and commits stay: nothing is ever collected.
        self._compared: dict[tuple[Path, str, str], Comparison] = {}
        self._facts: dict[tuple[Path, str], CommitFacts] = {}
        self._present: set[tuple[Path, str]] = set()
        self.environment = clean_environment(
            HOME=str(home),
            GIT_CONFIG_NOSYSTEM="1",
            GIT_CONFIG_GLOBAL="/dev/null",
            GIT_TERMINAL_PROMPT="0",
            LC_ALL="C",
        )

    def path(self, owner: str, name: str) -> Path:
        if not _NAME.fullmatch(owner) or not _NAME.fullmatch(name) or name.endswith(".git"):
            raise ValueError(f"{owner}/{name} is not a repository name")
        return self.root / owner / f"{name}.git"

    def create(self, owner: str, name: str, default_branch: str) -> Path:
        """Idempotent. The bare repository is written by hand: no template, no process."""
        path = self.path(owner, name)
        (path / "objects").mkdir(parents=True, exist_ok=True)
        (path / "refs/heads").mkdir(parents=True, exist_ok=True)
        (path / "config").write_text(_CONFIG.format(hooks=self._hooks))
        (path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
        self._hooks.mkdir(exist_ok=True)
        hook = self._hooks / "proc-receive"
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        return path

    def head(self, path: Path, branch: str) -> str | None:
        """The SHA a branch stands at now."""
        if not is_branch(branch):
            return None
        try:
            text = (path / "refs/heads" / branch).read_text().strip()
            return text if SHA.fullmatch(text) else None
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _packed(path).get(branch)

    def branches(self, path: Path) -> dict[str, str]:
        loose = path / "refs/heads"
        names = {str(f.relative_to(loose)) for f in loose.rglob("*") if f.is_file() and not f.name.endswith(".lock")}
        found = {name: self.head(path, name) for name in sorted(names | set(_packed(path)))}
        return {name: sha for name, sha in found.items() if sha}

    def git(self, path: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> Finished:
        command = Command(
            argv=("git", *arguments), cwd=path, env={**self.environment, **(env or {})}, stdin=stdin, timeout=60.0
        )
        return run(command)

    def ask(self, path: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> str:
        done = self.git(path, *arguments, stdin=stdin, env=env)
        if done.returncode != 0:
            raise GitFailed(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def has(self, path: Path, sha: str) -> bool:
        if (path, sha) in self._present:
            return True
        found = bool(SHA.fullmatch(sha)) and self.git(path, "cat-file", "-e", f"{sha}^{{commit}}").returncode == 0
        if found:
            self._present.add((path, sha))
        return found

    def contains(self, path: Path, ancestor: str, sha: str) -> bool:
        return self.git(path, "merge-base", "--is-ancestor", ancestor, sha).returncode == 0

    def compare(self, path: Path, base: str, head: str) -> Comparison:
        key = (path, base, head)
        if key not in self._compared:
            self._compared[key] = self._compare(path, base, head)
        return self._compared[key]

    def compared(self, path: Path, base: str, head: str) -> bool:
        return (path, base, head) in self._compared

    def _compare(self, path: Path, base: str, head: str) -> Comparison:
        behind, ahead = self.ask(path, "rev-list", "--left-right", "--count", f"{base}...{head}").split()
        stat = self.git(path, "diff", "--shortstat", f"{base}...{head}").stdout.decode()
        numbers = {word: int(count) for count, word in re.findall(r"(\d+) (file|insertion|deletion)", stat)}
        return Comparison(
            ahead=int(ahead),
            behind=int(behind),
            tree=self.merge_tree(path, base, head),
            additions=numbers.get("insertion", 0),
            deletions=numbers.get("deletion", 0),
            changed_files=numbers.get("file", 0),
        )

    def merge_tree(self, path: Path, ours: str, theirs: str) -> str | None:
        """The tree of a three-way merge, None where it conflicts (or where the histories have nothing in common)."""
        done = self.git(path, "merge-tree", "--write-tree", "--no-messages", ours, theirs)
        return done.stdout.decode().split("\n", 1)[0] if done.returncode == 0 else None

    def facts(self, path: Path, sha: str) -> CommitFacts:
        if (path, sha) not in self._facts:
            self._facts[path, sha] = self._read_facts(path, sha)
        return self._facts[path, sha]

    def _read_facts(self, path: Path, sha: str) -> CommitFacts:
        text = self.ask(path, "show", "-s", "--no-show-signature", "--format=%T%x00%P%x00%an%x00%ae%x00%aI%x00%B", sha)
        tree, parents, name, email, date, message = text.split("\0", 5)
        return CommitFacts(
            tree=tree,
            parents=tuple(parents.split()),
            author=Identity(name=name, email=email),
            authored_at=date,
            message=message,
        )

    def commit(
        self,
        path: Path,
        *,
        tree: str,
        parents: tuple[str, ...],
        message: str,
        author: Identity,
        committer: Identity,
        authored_at: str | None = None,
    ) -> str:
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
        }
        if authored_at:
            env["GIT_AUTHOR_DATE"] = authored_at
        links = [word for parent in parents for word in ("-p", parent)]
        message_bytes = message.encode(errors="surrogateescape")
        return self.ask(path, "commit-tree", tree, *links, "-F", "-", stdin=message_bytes, env=env)

    def move(self, path: Path, branch: str, new: str, old: str) -> bool:
        """Compare-and-set; False where the branch has moved meanwhile."""
        return self.git(path, "update-ref", f"refs/heads/{branch}", new, old).returncode == 0

    def delete(self, path: Path, branch: str) -> bool:
        return self.git(path, "update-ref", "-d", f"refs/heads/{branch}").returncode == 0


def is_branch(name: str) -> bool:
    return bool(_BRANCH.fullmatch(name))


def _packed(path: Path) -> dict[str, str]:
    try:
        lines = (path / "packed-refs").read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = [line.split(" ", 1) for line in lines if line and line[0] not in "#^"]
    return {ref.removeprefix("refs/heads/"): sha for sha, ref in pairs if ref.startswith("refs/heads/")}
