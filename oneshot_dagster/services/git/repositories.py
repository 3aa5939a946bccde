"""services.git over GitPython: the protocol's methods, each a few git calls on the bare repository or a worktree of it."""

import contextlib
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from pathlib import Path

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.domain.snapshot import FileChange, Snapshot
from oneshot_dagster.services.git import names, proposing, provisioning, pushing, reverting
from oneshot_dagster.services.git.archive import changes_archive, present
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.services.git.committing import Words, commit_all
from oneshot_dagster.services.git.credentials import Credentials
from oneshot_dagster.services.git.diffing import DIFF, files_counted, files_with_patches
from oneshot_dagster.services.git.folder import read_folder
from oneshot_dagster.services.git.protocol import Identity, Most, Reverted, Worktree
from oneshot_dagster.services.git.setting_aside import set_aside
from oneshot_dagster.services.git.tree import Tree, read_record
from oneshot_dagster.system.secret_forms import Search


class GitRepositories:
    """Bare repositories under `home`/repos, worktrees under `worktrees`; `identity` is the committer.

    `environment` is added to calls of the remote: a proxy, certificates. `patience` is how long `hold` waits for who
    holds a worktree before it ends them. What holds one of `secrets` is neither committed nor kept.
    """

    def __init__(
        self,
        *,
        home: Path,
        worktrees: Path,
        remote_url: Callable[[str], str],
        token: Callable[[str], str | None],
        identity: Identity,
        environment: Mapping[str, str] | None = None,
        patience: float = 30.0,
        secrets: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._home, self._worktrees = home.absolute(), worktrees.absolute()
        self._remote_url, self._identity, self._patience = remote_url, identity, patience
        self._token, self._secrets = token, lambda: Search(secrets())
        self._environment = dict(environment or {})
        self._bares: dict[str, Bare] = {}

    def provision(self, key: ChangeKey, *, base: str, head: str, recorded_head: str | None, branch: str) -> Worktree:
        del head
        return provisioning.provision(
            self._tree(key),
            base=base,
            recorded_head=recorded_head,
            branch=branch,
            identity=self._identity,
            secrets=self._secrets,
        )

    def worktree_path(self, key: ChangeKey) -> Path:
        return self._worktrees / names.worktree(key)

    @contextlib.contextmanager
    def hold(self, key: ChangeKey) -> Generator[int]:
        lock = self._tree(key).lock
        with contextlib.ExitStack() as held:
            try:
                descriptor = held.enter_context(lock.held(timeout=self._patience))
            except TryAgain:
                lock.evict()
                descriptor = held.enter_context(lock.held(timeout=10.0))
            yield descriptor

    def remove_worktree(self, key: ChangeKey) -> None:
        provisioning.remove(self._tree(key), identity=self._identity, secrets=self._secrets)

    def set_aside(self, key: ChangeKey) -> tuple[str, ...]:
        return set_aside(self._tree(key))

    def commit_all(self, path: Path, *, message: str, author: Identity, most: Most | None = None) -> str:
        ours = path.parent.resolve() == self._worktrees.resolve()
        put = read_record(self._worktrees / ".state" / f"{path.name}.json") if ours else None
        if put is None:
            raise BadInput(tried="commit a worktree", found=str(path), do="provision the worktree of the change first")
        tree = self._tree(ChangeKey.parse(put.key))
        words = Words(message=message, author=author, committer=self._identity)
        commit = commit_all(tree, words, start=put.head, secrets=self._secrets, most=most)
        tree.record(commit)
        return commit

    def snapshot(self, key: ChangeKey, *, base_sha: str, head_sha: str, patches: bool) -> Snapshot:
        read = files_with_patches if patches else files_counted
        files = read(self._bare(key.repository), names.sha(base_sha), names.sha(head_sha))
        return Snapshot(base_sha=base_sha, head_sha=head_sha, files=tuple(files))

    def changed_files(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> Iterator[FileChange]:
        return files_with_patches(self._bare(key.repository), names.sha(base_sha), names.sha(head_sha))

    def patch(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> bytes:
        commits = (names.sha(base_sha), names.sha(head_sha), "--")
        return self._bare(key.repository).git("diff", "--binary", "--full-index", *DIFF, *commits).stdout

    def changes_archive(self, key: ChangeKey, *, base_sha: str, head_sha: str, manifest: Mapping[str, object]) -> bytes:
        bare = self._bare(key.repository)
        files = self.snapshot(key, base_sha=base_sha, head_sha=head_sha, patches=False).files
        head = bare.commit(names.sha(head_sha))
        known: dict[str, object] = {
            "version": 1,
            "generatedAt": head.committed_datetime.isoformat(),
            "worktree": names.worktree(key),
            "repository": key.repository,
            "issueNumber": key.issue_number,
            "baseSha": base_sha,
            "commitSha": head_sha,
            "sessionId": None,
        }
        return changes_archive(
            files,
            blobs=bare.blobs(file.new_blob for file in present(files)),
            patch=self.patch(key, base_sha=base_sha, head_sha=head_sha),
            manifest={**known, **manifest},
            at=head.committed_date,
        )

    def bundle(self, key: ChangeKey, *, base_sha: str, head_sha: str) -> bytes:
        if base_sha == head_sha:
            raise BadInput(tried="bundle a change", found="no commit of its own", do="bundle after the commit")
        bare = self._bare(key.repository)
        ref = bare.pin(key.issue_number, names.sha(head_sha))
        return bare.git("bundle", "create", "--quiet", "-", ref, f"^{names.sha(base_sha)}").stdout

    def fetch(self, repository: str) -> None:
        bare = self._bare(repository)
        with bare.locked():
            bare.fetch()

    def remote_head(self, repository: str, branch: str) -> str | None:
        return self._bare(repository).remote_head(branch)

    def resolve(self, repository: str, revision: str) -> str | None:
        return self._bare(repository).resolve(revision)

    def push(self, key: ChangeKey, *, sha: str, branch: str, expected: str | None) -> str | None:
        return pushing.push(self._bare(key.repository), sha=sha, branch=branch, expected=expected)

    def delete_branch(self, repository: str, *, branch: str, expected: str) -> bool:
        return pushing.delete_branch(self._bare(repository), branch=branch, expected=expected)

    def read_file(self, repository: str, *, sha: str, path: str) -> bytes | None:
        """Of a regular file; a link is not followed and is None."""
        bare = self._bare(repository)
        listing = ("ls-tree", "-z", "--full-tree", bare.sure(sha), "--", names.path_in_tree(path))
        for entry in bare.git(*listing, environment={"GIT_LITERAL_PATHSPECS": "1"}).stdout.split(b"\0"):
            meta, _, found = entry.partition(b"\t")
            mode, kind, blob = meta.decode().split(" ") if meta else ("", "", "")
            if found == path.encode() and kind == "blob" and mode.startswith("100"):
                return bare.git("cat-file", "blob", blob).stdout
        return None

    def read_folder(self, repository: str, *, revision: str, folder: str) -> Mapping[str, bytes]:
        return read_folder(self._bare(repository), revision, folder)

    def paths(self, repository: str, *, revision: str) -> tuple[str, ...]:
        return proposing.paths(self._bare(repository), revision)

    def message(self, repository: str, sha: str) -> str:
        return str(self._bare(repository).commit(sha).message)

    def put_file(
        self, repository: str, *, onto: str, branch: str, path: str, content: bytes, message: str
    ) -> str | None:
        file = proposing.OneFile(path=path, content=content, message=message)
        bare = self._bare(repository)
        return proposing.put_file(bare, file, onto=onto, branch=branch, identity=self._identity, scratch=self._home)

    def tree(self, repository: str, sha: str) -> str:
        return self._bare(repository).commit(sha).tree.hexsha

    def parents(self, repository: str, sha: str) -> tuple[str, ...]:
        return tuple(parent.hexsha for parent in self._bare(repository).commit(sha).parents)

    def merge_tree(self, repository: str, ours: str, theirs: str) -> str | None:
        bare = self._bare(repository)
        merged = bare.git("merge-tree", "--write-tree", "-z", bare.sure(ours), bare.sure(theirs), accept=(0, 1))
        return merged.stdout.partition(b"\0")[0].decode() if merged.returncode == 0 else None

    def revert(self, key: ChangeKey, *, landed: str, before: str, onto: str, message: str) -> Reverted:
        bare = self._bare(key.repository)
        span = reverting.Span(landed=landed, before=before, onto=onto)
        found = reverting.revert(bare, span, message=message, identity=self._identity)
        if found.sha is not None:
            bare.pin(key.issue_number, found.sha)
        return found

    def merge_base(self, repository: str, one: str, other: str) -> str | None:
        bare = self._bare(repository)
        return bare.git("merge-base", bare.sure(one), bare.sure(other), accept=(0, 1)).stdout.decode().strip() or None

    def is_ancestor(self, repository: str, ancestor: str, descendant: str) -> bool:
        bare = self._bare(repository)
        answer = bare.git("merge-base", "--is-ancestor", bare.sure(ancestor), bare.sure(descendant), accept=(0, 1))
        return answer.returncode == 0

    def export(self, repository: str, *, sha: str, target: Path) -> None:
        bare = self._bare(repository)
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise BadInput(tried="export a tree", found=f"files in {target}", do="give an empty folder")
        with tempfile.TemporaryDirectory(prefix="index-", dir=self._home) as scratch:
            places = {"GIT_WORK_TREE": str(target.absolute()), "GIT_INDEX_FILE": f"{scratch}/index"}
            bare.git(
                "read-tree",
                "--reset",
                "-u",
                bare.sure(sha),
                environment={"GIT_DIR": str(bare.path), **places},
                cwd=target,
            )

    def _bare(self, repository: str) -> Bare:
        if repository not in self._bares:
            owner, name = names.repository(repository).split("/")
            self._bares[repository] = Bare(
                self._home / "repos" / owner / f"{name}.git",
                url=lambda: self._remote_url(repository),
                credentials=Credentials(self._home / "credentials", lambda: self._token(repository)),
                environment=self._environment,
            )
        return self._bares[repository]

    def _tree(self, key: ChangeKey) -> Tree:
        return Tree(key, root=self._worktrees, bare=self._bare(key.repository))
