"""What a verification suite leaves as files (traces, screenshots and the like), kept under its name, bounded.
The tree that it ran in is a stranger's: where it put a link, nothing is followed, read or removed."""

import mimetypes
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from oneshot_dagster.steps.turn import Turn

_LEFT = ".oneshot-artifacts"
_MOST_FILES, _MOST_BYTES = 50, 64 * 2**20  # of one suite


def room_for(folder: Path) -> Path:
    """The folder that a suite in `folder` may leave files in, there and a real one; the commit itself may hold another thing."""
    left = folder / _LEFT
    if left.is_symlink() or (left.exists() and not left.is_dir()):
        left.unlink()
    left.mkdir(exist_ok=True)
    return left


def keep(turn: Turn, folder: Path, suite: str, *, secrets: Iterable[str] = ()) -> None:
    """What is past the bounds is passed over and counted aloud. Nothing stays for the next suite. A secret that
    stands there as it is becomes stars.
    """
    left = folder / _LEFT
    kept, size, passed_over = 0, 0, 0
    for file in _plain_files(left):
        length = file.stat().st_size
        if kept == _MOST_FILES or size + length > _MOST_BYTES:
            passed_over += 1
            continue
        name = file.relative_to(left).as_posix().encode("utf-8", "backslashreplace").decode()
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        turn.file(f"{suite}-{name}", _without(file.read_bytes(), secrets), media_type)
        kept, size = kept + 1, size + length
    if passed_over:
        bound = f"{_MOST_FILES} files, {_MOST_BYTES // 2**20} MB"
        turn.say(f"{suite}: {passed_over} files more were left than are kept ({bound})")
    shutil.rmtree(left, ignore_errors=True)


def _without(content: bytes, secrets: Iterable[str]) -> bytes:
    """As long as before, so that what counts its bytes can still be opened."""
    for value in filter(None, secrets):
        content = content.replace(value.encode(), b"*" * len(value.encode()))
    return content


def _plain_files(left: Path) -> Iterator[Path]:
    if left.is_symlink():
        return
    for at, _, names in os.walk(left):
        for name in sorted(names):
            file = Path(at) / name
            if file.is_file() and not file.is_symlink():
                yield file
