"""Which living processes belong to a command, read from /proc, and their end. Starts nothing.
A process is known by pid and start time together, since pids are used again."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "SUPERVISED_AS"  # not ONESHOT_…: unknown names of that kind are refused as settings
_PROC = Path("/proc")
_GONE = b"ZX"


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc/PID/stat; `start` is in clock ticks since boot."""

    pid: int
    state: int
    parent: int
    group: int
    session: int
    start: int

    @property
    def alive(self) -> bool:
        return self.state not in _GONE


def read(pid: int) -> Process | None:
    """The process as it is now, a zombie too; None where there is none."""
    try:
        line = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The name in brackets may hold blanks and brackets itself.
    fields = line[line.rfind(b")") + 2 :].split()
    return Process(pid, fields[0][0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def start_time(pid: int) -> int | None:
    """Clock ticks since boot at which the process started; None when it is gone or a zombie."""
    process = read(pid)
    return process.start if process is not None and process.alive else None


def kill_group(pid: int, started: int) -> bool:
    """Kills the recorded process, its group if it leads one, and its descendants; nothing when the pid is another's by now."""
    leader = read(pid)
    if leader is None or leader.start != started:
        return False
    kill_tree(leader, None)  # its mark may be that of a larger tree, of which it is a part only
    return True


def kill_tree(leader: Process, mark: bytes | None, *, recent: bool = False) -> None:
    """SIGKILL to the leader's group and to every descendant, also in sessions of their own; returns when they are gone.

    Must be called before the leader is reaped. `recent`: it started so lately that no pid can have been used again.
    """
    known: dict[tuple[int, int], Process] = {}
    deadline = time.monotonic() + 5.0
    while time.monotonic() < deadline:
        fresh = [one for one in members(leader, mark, recent=recent) if (one.pid, one.start) not in known]
        # Stopped until a look finds no others, and killed only then: a dying parent would hide the child it just made.
        for process in fresh:
            send(process, signal.SIGSTOP)
        known.update(((process.pid, process.start), process) for process in fresh)
        left = [process for process in known.values() if start_time(process.pid) == process.start]
        if not left:
            return
        if not fresh:
            for process in left:
                send(process, signal.SIGKILL)
            time.sleep(0.001)
    for process in known.values():
        send(process, signal.SIGKILL)


def members(leader: Process, mark: bytes | None, *, recent: bool = False) -> list[Process]:
    """The living processes of the leader's tree, the leader included: by parent, group, session or the mark in the environment.

    Only who daemonizes and clears its environment as well is not found.
    """
    ours = {leader.pid}
    found: list[Process] = []
    waiting = [process for process in _younger(leader, recent=recent) if process.pid != os.getpid()]
    while waiting:
        belonging = [process for process in waiting if _belongs(process, leader, ours, mark)]
        if not belonging:
            break
        found += belonging
        ours.update(process.pid for process in belonging)
        waiting = [process for process in waiting if process.pid not in ours]
    return found


def send(process: Process, number: signal.Signals) -> None:
    """The signal to exactly this process, never to a later one with its pid."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(process.pid)
        try:
            now = read(process.pid)
            if now is not None and now.start == process.start:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def holding_lock(path: Path) -> list[Process]:
    """The living processes, this one excluded, with a descriptor that has the file's flock; who only waits has none."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return []
    holding = [pid for pid in _pids() if pid != os.getpid() and _has_lock(pid, wanted)]
    return [process for process in map(read, holding) if process is not None and process.alive]


def _has_lock(pid: int, wanted: os.stat_result) -> bool:
    try:
        return any(
            _same_file(entry, wanted) and b"FLOCK" in (_PROC / str(pid) / "fdinfo" / entry.name).read_bytes()
            for entry in os.scandir(_PROC / str(pid) / "fd")
        )
    except OSError:
        return False


def _same_file(entry: os.DirEntry[str], wanted: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), wanted)
    except OSError:
        return False


def _belongs(process: Process, leader: Process, ours: set[int], mark: bytes | None) -> bool:
    if process.pid == leader.pid or process.parent in ours:
        return True
    if leader.pid in {process.group, process.session}:
        return True
    return mark is not None and mark in _environment(process.pid)


def _younger(leader: Process, *, recent: bool) -> Iterator[Process]:
    lowest = leader.pid if recent and _last_pid() >= leader.pid else 0
    for pid in _pids():
        if pid >= lowest:
            process = read(pid)
            if process is not None and process.alive and process.start >= leader.start:
                yield process


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(_PROC) if name.isdigit()]  # noqa: PTH208 (names are all we need; called often)


def _last_pid() -> int:
    return int((_PROC / "loadavg").read_bytes().split()[-1])


def _environment(pid: int) -> bytes:
    try:
        return (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return b""
