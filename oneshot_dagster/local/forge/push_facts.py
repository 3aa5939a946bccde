"""What one ref's update in a push would do, read from the bare repository that has its objects already."""

from collections.abc import Iterable
from pathlib import Path

from oneshot_dagster.local.forge.push_rules import NewCommit, RefUpdate
from oneshot_dagster.local.forge.repos import Repos

NO_SHA = "0" * 40
_FILE_RULES = {"file_path_restriction", "max_file_size", "workflows"}


def update_of(repos: Repos, path: Path, line: str, *, pusher: str, kinds: set[str]) -> RefUpdate:
    """`line` is git's "old new ref"; files are read only where one of the rules' `kinds` asks for them."""
    old, new, ref = line.split(" ", 2)
    if new == NO_SHA or not repos.has(path, new):
        return RefUpdate(ref=ref, pusher=pusher, created=False, deleted=new == NO_SHA, forced=False)
    return RefUpdate(
        ref=ref,
        pusher=pusher,
        created=old == NO_SHA,
        deleted=False,
        forced=old != NO_SHA and not repos.contains(path, old, new),
        commits=tuple(_commits(repos, path, new)),
        files=tuple(_files(repos, path, new)) if kinds & _FILE_RULES else (),
    )


def _commits(repos: Repos, path: Path, new: str) -> Iterable[NewCommit]:
    for raw in repos.ask(path, "rev-list", "--header", new, "--not", "--all").split("\0"):
        sha, _, rest = raw.partition("\n")
        head, _, body = rest.partition("\n\n")
        if sha.strip():
            message = "\n".join(line.removeprefix("    ") for line in body.split("\n"))
            fields = [line.partition(" ")[0] for line in head.split("\n")]
            yield NewCommit(
                sha=sha, message=message, merge=fields.count("parent") > 1, signed=bool({"gpgsig"} & set(fields))
            )


def _files(repos: Repos, path: Path, new: str) -> Iterable[tuple[str, int]]:
    """Each file that a new commit adds or changes, with its size there."""
    raw = ("log", "-m", "--raw", "--no-renames", "--no-abbrev", "--diff-filter=d", "-z", "--format=")
    words = [w.strip("\n") for w in repos.ask(path, *raw, new, "--not", "--all").split("\0") if w.strip("\n")]
    found = [(name, info.split(" ")[3]) for info, name in zip(words[::2], words[1::2], strict=False)]
    asked = "\n".join(blob for _, blob in found).encode()
    sizes = repos.ask(path, "cat-file", "--batch-check=%(objectsize)", stdin=asked).split("\n") if found else []
    for (name, _), size in zip(found, sizes, strict=False):
        yield name, int(size) if size.isdigit() else 0
