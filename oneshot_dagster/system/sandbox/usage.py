"""What a running process tree uses, read from /proc a few times a second, and the sentence for the bound that it went over.
The kernel's own limits count a process or a user; a tree, and root's, only a look can count."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.system import process_tree
from oneshot_dagster.system.process import Command, Finished, run
from oneshot_dagster.system.sandbox.room import Bounds

_EVERY = 0.4  # seconds
_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(kw_only=True)
class Usage:
    """`exceeded` is the sentence once a bound was passed."""

    bounds: Bounds
    leader: int | None = None
    exceeded: str | None = None
    _looked: float = field(default_factory=time.monotonic)

    def run(
        self,
        command: Command,
        *,
        cancelled: Callable[[], bool] | None = None,
        on_line: Callable[[bytes], None] | None = None,
        stall: float | None = None,
    ) -> Finished:
        """As process.run does, cancelled also where a bound was passed."""

        def over() -> bool:
            return self.is_over() or (cancelled is not None and cancelled())

        return run(command, cancelled=over, on_line=on_line, stall=stall, on_start=self._begin)

    def _begin(self, pid: int) -> None:
        self.leader = pid

    def is_over(self) -> bool:
        now = time.monotonic()
        if self.exceeded is None and self.leader is not None and now - self._looked >= _EVERY:
            self._looked = now
            self.exceeded = self._look(self.leader)
        return self.exceeded is not None

    def _look(self, leader: int) -> str | None:
        tree = tuple(_tree(leader))
        if len(tree) > self.bounds.processes:
            return f"it had more than {self.bounds.processes} processes"
        if sum(map(_own_memory, tree)) > self.bounds.memory:
            return f"it used more than {self.bounds.memory // 2**20} MiB of memory"
        return None


def _tree(leader: int) -> Iterator[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir(_PROC):  # noqa: PTH208 (names are all we need; called often)
        if name.isdigit() and (process := process_tree.read(int(name))) is not None and process.alive:
            children[process.parent].append(process.pid)
    waiting = [leader]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.pop(pid, [])


def _own_memory(pid: int) -> int:
    """Bytes in memory that are its own: not those of files, nor what it shares."""
    try:
        _, resident, shared, *_ = (_PROC / str(pid) / "statm").read_bytes().split()
    except (OSError, ValueError):
        return 0
    return max(0, int(resident) - int(shared)) * _PAGE
