"""A lock in a file. Who hands its descriptor to children keeps it held until the last of them is gone, also after a kill -9."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.system import process_tree


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Who took the lock last; `start` is the start time of that pid (system.process.start_time)."""

    pid: int
    start: int


class FileLock:
    """Excludes processes and threads alike. The file stays for ever: removing it would let two hold it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def held(self, timeout: float = 30.0) -> Generator[int]:
        """Yields the descriptor, to be given to children as `pass_fds`; TryAgain when another holds it for so long."""
        deadline = time.monotonic() + timeout
        pause = 0.002
        with self._opened() as descriptor:
            while not _take(descriptor):
                if time.monotonic() >= deadline:
                    raise TryAgain(f"the lock {self.path} is held by {self._who()}")
                time.sleep(pause)
                pause = min(2 * pause, 0.05)
            yield descriptor

    @contextlib.contextmanager
    def try_hold(self) -> Generator[int | None]:
        """Yields the descriptor, or None at once when another holds the lock."""
        with self._opened() as descriptor:
            yield descriptor if _take(descriptor) else None

    def holder(self) -> Holder | None:
        """Who is written in the file; it may be gone while its children still hold the lock."""
        try:
            found = cast("dict[str, int]", json.loads(self.path.read_bytes()))
            return Holder(pid=found["pid"], start=found["start"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def evict(self) -> tuple[int, ...]:
        """Kills every other process that has the lock, by pid and start time together; gives their pids."""
        holding = process_tree.holding_lock(self.path)
        for process in holding:
            process_tree.kill_group(process.pid, process.start)
        return tuple(process.pid for process in holding)

    @contextlib.contextmanager
    def _opened(self) -> Generator[int]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)  # never LOCK_UN: that would take it from the children too

    def _who(self) -> str:
        holding = [process.pid for process in process_tree.holding_lock(self.path)]
        if holding:
            return f"pid {', '.join(map(str, holding))}"
        holder = self.holder()
        return f"pid {holder.pid}" if holder is not None else "an unknown process"


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    written = json.dumps({"pid": os.getpid(), "start": process_tree.start_time(os.getpid())}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, written, 0)
    return True
