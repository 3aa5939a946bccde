"""The bare repository of one remote: made and kept in shape, fetched, asked. Its lock is for whatever touches its refs or worktrees.
Its configuration is ours: what anybody else wrote into it is undone before each use that matters."""

import contextlib
import re
import shutil
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from oneshot_dagster.domain.errors import NeedsHuman, OneshotError
from oneshot_dagster.services.git import names
from oneshot_dagster.services.git.credentials import Credentials, without_credentials
from oneshot_dagster.services.git.environment import LOCAL, NETWORK, fixed
from oneshot_dagster.services.git.opening import init_bare, open_repository
from oneshot_dagster.system.lock import FileLock
from oneshot_dagster.system.process import Finished

if TYPE_CHECKING:
    from git import Commit

    from oneshot_dagster.services.git.command import OurRepo

TRACKED = "refs/remotes/origin"
_PATIENCE = 900.0
_FOREIGN = ("info/attributes", "info/exclude", "info/grafts", "info/sparse-checkout", "config.worktree")
_STALE = ("packed-refs.lock", "config.lock", "HEAD.lock", "shallow.lock")


class Bare:
    def __init__(
        self, path: Path, *, url: Callable[[], str], credentials: Credentials, environment: Mapping[str, str]
    ) -> None:
        self.path = path
        self._url, self._credentials, self._environment = url, credentials, environment
        self._lock = FileLock(path.with_suffix(".lock"))
        self._opened: OurRepo | None = None
        self._commits: dict[str, Commit] = {}
        self._there: set[str] = set()

    @property
    def repo(self) -> "OurRepo":
        if self._opened is None:
            if not self.path.exists():
                with self.locked():
                    pass
            self._opened = open_repository(self.path)
        return self._opened

    def git(
        self,
        *arguments: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        limit: int | None = None,
        accept: Sequence[int] = (0,),
        on_output: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """A call that stays on this machine; `environment` goes over the fixed one."""
        return self.repo.git.answer(
            *arguments,
            stdin=stdin,
            environment=fixed(environment),
            cwd=cwd,
            timeout=LOCAL,
            limit=limit,
            accept=accept,
            on_output=on_output,
        )

    def remote(self, command: str, *options: str, rest: Sequence[str] = (), accept: Sequence[int] = (0,)) -> Finished:
        """A call to the remote, with credentials: `git <command> <options> <URL> <rest>`."""
        url = without_credentials(self._url())
        with self._credentials.given(url) as (extra, config):
            return self.repo.git.answer(
                command,
                *options,
                "--end-of-options",
                url,
                *rest,
                environment=fixed({**self._environment, **extra}, config=config),
                timeout=NETWORK,
                accept=accept,
            )

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Alone with the refs and the list of worktrees, which are in shape."""
        with self._lock.held(timeout=_PATIENCE):
            self._keep_in_shape()
            yield

    def _keep_in_shape(self) -> None:
        if not self.path.exists():
            making = self.path.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            init_bare(making)
            making.rename(self.path)
        config = self.path / "config"
        wanted = _config(without_credentials(self._url()))
        if not config.is_file() or config.read_text(errors="replace") != wanted:
            new = self.path / "config.new"
            new.write_text(wanted)
            new.replace(config)
        stale = [self.path / name for name in (*_STALE, *_FOREIGN)]
        for path in (*stale, *(self.path / TRACKED).rglob("*.lock")):  # whoever holds our lock is alone: nobody's else
            path.unlink(missing_ok=True)

    def fetch(self) -> None:
        """To be called with the lock held."""
        options = ("--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--quiet")
        everything = (f"+refs/heads/*:{TRACKED}/*",)
        try:
            self.remote("fetch", *options, rest=everything)
        except OneshotError:
            if not self._mend_heads():
                raise
            self.remote("fetch", *options, rest=everything)

    def _mend_heads(self) -> bool:
        """A worktree whose HEAD names no commit stops every fetch: it gets one that there is. Whether there was such."""
        heads = {path: path.read_text(errors="replace").strip() for path in self.path.glob("worktrees/*/HEAD")}
        asked = {path: head for path, head in heads.items() if names.is_sha(head)}
        found = self.resolve_all(*asked.values()) if asked else ()
        broken = [path for path, commit in zip(asked, found, strict=True) if commit is None]
        some = self.git("for-each-ref", "--count=1", "--format=%(objectname)", TRACKED).stdout.decode().strip()
        for path in broken:
            path.write_text(f"{some}\n")
        return bool(broken and some)

    def fetch_commit(self, sha: str) -> bool:
        """A commit that no branch leads to any more; the lock is held. False where the remote does not give it."""
        if self.has(sha):
            return True
        with contextlib.suppress(NeedsHuman):
            self.remote("fetch", "--no-tags", "--no-write-fetch-head", "--quiet", rest=(sha,))
        return self.has(sha)

    def has(self, sha: str) -> bool:
        return self.resolve(sha) is not None

    def resolve(self, revision: str) -> str | None:
        return self.resolve_all(revision)[0]

    def resolve_all(self, *revisions: str) -> tuple[str | None, ...]:
        """The commit of each; None where there is none."""
        asked = "".join(f"{names.revision(revision)}^{{commit}}\n" for revision in revisions)
        lines = (
            self.git("cat-file", "--batch-check", stdin=asked.encode()).stdout.decode("utf-8", "replace").splitlines()
        )
        return tuple(line.split(" ")[0] if line.endswith("commit", 0, line.rfind(" ")) else None for line in lines)

    def commit(self, revision: str) -> "Commit":
        """GitPython's object. Raises NeedsHuman where there is no such commit."""
        sha = self.sure(revision)
        if sha not in self._commits:
            self._commits[sha] = self.repo.commit(sha)
        return self._commits[sha]

    def sure(self, revision: str) -> str:
        """A commit that was there is not looked for again; where it went, the call that needs it says so."""
        if revision in self._there:
            return revision
        sha = self.resolve(revision)
        if sha is None:
            raise NeedsHuman(f"{self.path.stem} has no commit {revision}", reason="commit_missing")
        self._there.add(sha)
        return sha

    def remote_head(self, branch: str) -> str | None:
        ref = f"refs/heads/{names.branch(branch)}"
        for line in self.remote("ls-remote", "--quiet", rest=(ref,)).stdout.decode("utf-8", "replace").splitlines():
            sha, _, name = line.partition("\t")
            if name == ref:
                return sha
        return None

    def track(self, branch: str, sha: str | None) -> None:
        """What we know of the remote's branch after we moved it; takes the lock, so that no running fetch undoes it."""
        with self.locked():
            change = ("update-ref", f"{TRACKED}/{branch}", sha) if sha else ("update-ref", "-d", f"{TRACKED}/{branch}")
            self.git(*change)

    def pin(self, number: int, sha: str) -> str:
        """A ref that keeps a commit of the change from being collected."""
        ref = f"refs/oneshot/{number}/{sha}"
        if (self.path / ref).is_file():
            return ref
        (self.path / f"{ref}.lock").unlink(missing_ok=True)
        self.git("update-ref", ref, sha)
        return ref

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        output = self.git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode()).stdout
        return _contents(output)

    def sizes(self, ids: Iterable[str]) -> list[int]:
        """In bytes, of each of the blobs."""
        asked = "".join(f"{blob}\n" for blob in ids).encode()
        if not asked:
            return []
        output = self.git("cat-file", "--batch-check=%(objectsize)", stdin=asked).stdout
        return [int(line) for line in output.split()]


def _contents(output: bytes) -> dict[str, bytes]:
    """Reads `cat-file --batch`: a line with id, type and size, the content, a line end."""
    contents: dict[str, bytes] = {}
    place = 0
    while place < len(output):
        end = output.index(b"\n", place)
        match = re.fullmatch(rb"([0-9a-f]+) \w+ (\d+)", output[place:end])
        if match is None:
            raise NeedsHuman(f"git has no {output[place:end].decode(errors='replace')}", reason="object_missing")
        size = int(match[2])
        contents[match[1].decode()] = output[end + 1 : end + 1 + size]
        place = end + 1 + size + 1
    return contents


def _config(url: str) -> str:
    quoted = '"' + url.replace("\\", "\\\\").replace('"', '\\"') + '"'
    core = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
    return f'{core}[remote "origin"]\n\turl = {quoted}\n\tfetch = +refs/heads/*:{TRACKED}/*\n'
