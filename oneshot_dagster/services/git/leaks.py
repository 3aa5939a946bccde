"""Looks for secrets in what commits would add: contents of files and links, names, and the words of commits.
What is found is told by its place alone, never by its value."""

from collections.abc import Callable, Iterable, Iterator

from oneshot_dagster.domain.git_diff import Listed, parse_raw
from oneshot_dagster.domain.snapshot import FileChange
from oneshot_dagster.services.git.bare import Bare
from oneshot_dagster.services.git.modes import NOTHING, REPOSITORY
from oneshot_dagster.system.secret_forms import Search

Secrets = Callable[[], Search]  # asked for where there is something that could hold them
_AT_ONCE = 32 * 2**20  # bytes of files in memory
_LINES = 5


def in_changes(bare: Bare, changes: Iterable[FileChange | Listed], search: Search) -> tuple[str, ...]:
    """The places, as people read them. What stood in the same line before is not added."""
    present = [change for change in changes if change.new_mode not in {NOTHING, REPOSITORY}]
    found = [*_in_names(present, search)]
    for batch in _batches(bare, present):
        contents = bare.blobs(change.new_blob for change in batch)
        for change in batch:
            if lines := _added(bare, change, contents[change.new_blob], search):
                where = "a file with such a name" if search.finds(change.path_bytes) else change.path
                found.append(f"{where}:{', '.join(map(str, lines[:_LINES]))}")
    return tuple(dict.fromkeys(found))


def in_commits(bare: Bare, head: str, *, without: str, search: Search) -> tuple[str, ...]:
    """Of what `head` has beside `without` and what is on the remote, commit by commit: a file that went again counts."""
    commits = bare.git("rev-list", head, f"^{without}", "--not", "--remotes=origin").stdout
    if not commits:
        return ()
    words = b"".join(bare.blobs(commits.decode().split()).values())
    options = ("--stdin", "-r", "-m", "--root", "--no-commit-id", "--raw", "-z", "--no-abbrev", "--no-renames")
    changes = parse_raw(bare.git("diff-tree", *options, stdin=commits).stdout)
    return (*in_words(words, search), *in_changes(bare, changes, search))


def in_words(words: bytes, search: Search) -> tuple[str, ...]:
    return ("the words of a commit",) if search.finds(words) else ()


def _in_names(changes: Iterable[FileChange | Listed], search: Search) -> Iterator[str]:
    if any(change.old_mode == NOTHING and search.finds(change.path_bytes) for change in changes):
        yield "the name of a file"


def _batches(bare: Bare, changes: list[FileChange | Listed]) -> Iterator[list[FileChange | Listed]]:
    batch: list[FileChange | Listed] = []
    size = 0
    for change, one in zip(changes, bare.sizes(change.new_blob for change in changes), strict=True):
        if batch and size + one > _AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += one
    if batch:
        yield batch


def _added(bare: Bare, change: FileChange | Listed, content: bytes, search: Search) -> tuple[int, ...]:
    lines = search.lines(content)
    if not lines or change.old_mode in {NOTHING, REPOSITORY}:
        return lines
    before, now = set(bare.blobs([change.old_blob])[change.old_blob].split(b"\n")), content.split(b"\n")
    return tuple(number for number in lines if now[number - 1] not in before)
