"""A remote with one commit, and our git over it."""

from pathlib import Path

import pytest
from remote_repository import Remote

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.services.git.protocol import Identity, Worktree
from oneshot_dagster.services.git.repositories import GitRepositories

AGENT = Identity(name="An Agent", email="agent@example.test")


class World:
    """`ours` is the git under test; `key` a change of the remote."""

    def __init__(self, root: Path) -> None:
        self.root, self.remote = root, Remote(root)
        self.key = ChangeKey.parse("acme/shop#2")
        self.ours = self.another()

    def another(self, **settings) -> GitRepositories:
        """As another process of the same home would have it."""
        known = {
            "home": self.root / "home",
            "worktrees": self.root / "worktrees",
            "remote_url": lambda _: self.remote.url,
            "token": lambda _: None,
            "identity": Identity(name="The Engine", email="engine@example.test"),
        }
        return GitRepositories(**{**known, **settings})

    @property
    def bare(self) -> Path:
        return self.root / "home" / "repos" / "acme" / "shop.git"

    def provision(self, *, key: ChangeKey | None = None, head: str | None = None, base: str = "main") -> Worktree:
        key = key or self.key
        return self.ours.provision(key, base=base, head=key.branch, recorded_head=head, branch=key.branch)

    def commit(self, tree: Worktree) -> str:
        return self.ours.commit_all(tree.path, message="what the agent did\n", author=AGENT)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
