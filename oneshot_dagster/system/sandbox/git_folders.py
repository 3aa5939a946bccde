"""What git reads beside a linked worktree, for who may look at the worktree's history and at no other worktree's."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class GitFolders:
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    @classmethod
    def of(cls, worktree: Path) -> "GitFolders":
        """None where the repository does not know the worktree: the `.git` file is within reach of who works there."""
        link = worktree / ".git"
        try:
            own = Path(link.read_text().removeprefix("gitdir:").strip()).resolve()
            known = (own / "gitdir").read_text().strip() == str(link)
        except (OSError, ValueError):
            return cls()
        if not known or own.parent.name != "worktrees":
            return cls()
        return cls(readable=(own.parent.parent, own), hidden=(own.parent,))
