"""Whether the local world's ports are free, and who has one that is not.
Looked at before anything starts: Dagster's code server shares a taken port silently and gets half of the calls."""

import contextlib
import errno
import os
import socket
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput

HOST = "127.0.0.1"
_LISTENING = "0A"
_PROC = Path("/proc")


def refuse_taken(ports: dict[str, int]) -> None:
    """BadInput for the first taken one; by the names of the settings under ONESHOT_PORTS__."""
    for name, port in ports.items():
        if not is_free(port):
            raise BadInput(
                tried=f"start the local world on port {port} ({name})",
                found=f"that port taken by {owner(port)}",
                do=f"stop that, or set ONESHOT_PORTS__{name.upper()} to a free port",
            )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection of the last run may linger
        try:
            probe.bind((HOST, port))
        except OSError as problem:
            if problem.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            return False
    return True


def owner(port: int) -> str:
    """The process that listens there, as far as /proc lets us see."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in _PROC.iterdir():
        if process.name.isdigit() and _has(process, sockets):
            return f"pid {process.name} ({_command(process)})"
    return "another process"


def _listening(port: int) -> list[str]:
    wanted = f":{port:04X}"
    inodes: list[str] = []
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            rows = [line.split() for line in (_PROC / "net" / table).read_text().splitlines()[1:]]
            inodes += [row[9] for row in rows if row[1].endswith(wanted) and row[3] == _LISTENING]
    return inodes


def _has(process: Path, sockets: set[str]) -> bool:
    """A descriptor may be closed while we look; the others still count."""
    try:
        entries = list((process / "fd").iterdir())
    except OSError:
        return False
    for entry in entries:
        with contextlib.suppress(OSError):
            if os.readlink(entry) in sockets:  # noqa: PTH115 (no Path of it)
                return True
    return False


def _command(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "unknown"
    return b" ".join(words).decode(errors="replace").strip()[:80] or "unknown"
