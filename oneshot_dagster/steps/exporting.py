"""A tree of one commit beside the worktrees, for as long as something runs in it."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from oneshot_dagster.steps.turn import Turn


@contextmanager
def exported(turn: Turn, sha: str, *, purpose: str) -> Generator[Path]:
    """The folder; it is gone after the block. `purpose` begins the name of the one above it."""
    scratch = turn.services.limits.scratch
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=f"{purpose}-") as place:
        folder = Path(place) / "tree"
        turn.services.git.export(turn.attempt.key.repository, sha=sha, target=folder)
        yield folder
