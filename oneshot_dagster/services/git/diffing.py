"""What lies between two commits of a bare repository, with counts alone or with patches too."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

from oneshot_dagster.domain.git_diff import parse_numstat, parse_raw, parse_raw_numstat
from oneshot_dagster.domain.git_patches import PatchReader
from oneshot_dagster.domain.snapshot import FileChange
from oneshot_dagster.services.git.bare import Bare

DIFF = ("--no-abbrev", "--no-ext-diff", "--no-textconv", "--no-color", "-M")
_PATCHES_LIMIT = 96 * 2**20
_SAID = 2**16  # bytes of what git says of itself; the patches go by in pieces
_LARGE_FILE = "core.bigFileThreshold=16m"  # git names a larger file in a patch, without reading it
_LIST = ("diff", "--raw", "-z", *DIFF)
_COUNTS = ("diff", "--numstat", "-z", *DIFF)
_LIST_AND_COUNTS = ("diff", "--raw", "--numstat", "-z", *DIFF)
_PATCHES = ("-c", _LARGE_FILE, "diff", "-U3", "--full-index", *DIFF)


def files_counted(bare: Bare, base_sha: str, head_sha: str) -> tuple[FileChange, ...]:
    return parse_raw_numstat(bare.git(*_LIST_AND_COUNTS, base_sha, head_sha, "--").stdout)


def files_with_patches(bare: Bare, base_sha: str, head_sha: str) -> Iterator[FileChange]:
    """Each as soon as git has printed it. Counting is a second diff for git, so it is asked only where the patches do not tell."""
    commits = (base_sha, head_sha, "--")
    pieces = _Pieces(_PATCHES_LIMIT)
    with ThreadPoolExecutor(1) as pool:
        printed = pool.submit(bare.git, *_PATCHES, *commits, limit=_SAID, on_output=pieces.put)
        printed.add_done_callback(lambda _: pieces.end())
        reader = PatchReader(parse_raw(bare.git(*_LIST, *commits).stdout))
        for piece in pieces:
            yield from reader.add(piece)
        printed.result()
    yield from reader.end(truncated=pieces.cut)
    if not reader.told_counts:
        yield from reader.rest(parse_numstat(bare.git(*_COUNTS, *commits).stdout, reader.listed))


class _Pieces:
    """What one thread reads, handed to another; after `limit` bytes no more of it."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._queue: SimpleQueue[bytes] = SimpleQueue()

    @property
    def cut(self) -> bool:
        return self._room < 0

    def put(self, piece: bytes) -> None:
        self._room -= len(piece)
        if not self.cut:
            self._queue.put(piece)

    def end(self) -> None:
        self._queue.put(b"")

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._queue.get, b"")
