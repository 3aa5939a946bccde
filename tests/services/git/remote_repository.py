"""A real remote for the tests: a bare repository on disk, and a clone through which a person writes to it."""

import os
import subprocess
from pathlib import Path

PERSON = {
    "GIT_AUTHOR_NAME": "A Person",
    "GIT_AUTHOR_EMAIL": "person@example.test",
    "GIT_COMMITTER_NAME": "A Person",
    "GIT_COMMITTER_EMAIL": "person@example.test",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "HOME": "/nonexistent",
    "PATH": os.environ["PATH"],
}


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Git as the machine has it, without our wrapper: the judge of what our wrapper did."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=PERSON, input=stdin, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


class Remote:
    def __init__(self, root: Path) -> None:
        self.path, self.clone = root / "remote.git", root / "clone"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.path)], check=True, env=PERSON)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.clone)], check=True, env=PERSON)
        self.first = self.push({"README.md": "hello\n", "src/app.py": "print(1)\n", "run.sh": "#!/bin/sh\n"})

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def push(self, files: dict[str, str | bytes | None], *, branch: str = "main", start: str | None = None) -> str:
        """Commits these files (None: removes it) and pushes; the new head."""
        git(self.clone, "checkout", "-q", "--force", "-B", branch, *([start] if start else []))
        for name, content in files.items():
            place = self.clone / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.push_all(branch)

    def push_all(self, branch: str = "main") -> str:
        git(self.clone, "add", "--all")
        git(self.clone, "commit", "-q", "--allow-empty", "-m", "a person's commit")
        git(self.clone, "push", "-q", "--force", str(self.path), f"HEAD:refs/heads/{branch}")
        return git(self.clone, "rev-parse", "HEAD")

    def head(self, branch: str) -> str | None:
        found = git(self.path, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
        return found or None

    def tree(self, revision: str) -> str:
        return git(self.path, "ls-tree", "-r", "-z", "--full-tree", revision)
