"""CPU seconds of processes that are not ours to ask: read from /proc, children that have ended included."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_USER, _CHILDREN, _PARENT = slice(11, 13), slice(11, 15), 1  # of the fields after the command's name


def of(pid: int) -> float:
    return _seconds(Path("/proc") / str(pid), _USER)


def of_family(pid: int) -> float:
    """With its children, those that live and those that it has reaped."""
    return _seconds(Path("/proc") / str(pid), _CHILDREN) + sum(of_family(child) for child in children(pid))


def of_threads(pid: int) -> dict[int, float]:
    return {int(task.name): _seconds(task, _USER) for task in (Path("/proc") / str(pid) / "task").iterdir()}


def children(pid: int) -> list[int]:
    parents = {int(process.name): _fields(process) for process in Path("/proc").iterdir() if process.name.isdigit()}
    return [child for child, fields in parents.items() if fields and int(fields[_PARENT]) == pid]


def _seconds(folder: Path, which: slice) -> float:
    return sum(map(int, _fields(folder)[which])) / _TICKS


def _fields(folder: Path) -> list[str]:
    """Of one that is gone, none."""
    try:
        return (folder / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []
