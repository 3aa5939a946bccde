"""Who decides on the sockets of a command that has the machine's network in common with us. Imported inside.
Each connect, bind and listen is done here, on a socket of our own that is put in the place of the command's, so that nothing
can be changed between the decision and the deed. The command's own servers are on the loopback, and it may reach those."""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.system.sandbox import seccomp

_RECEIVE, _SEND, _IS_VALID, _PUT = 0xC0502100, 0xC0182101, 0x40082102, 0x40182103
_IN_PLACE = 1  # the descriptor's number is kept
_PATIENCE = 5.0  # seconds for a connection on this machine
_V4, _V6 = 16, 28  # bytes of an address
_NO_BLOCKING, _CLOSE_ON_EXEC = 0o4000, 0o2000000
_ANY = {"0.0.0.0", "::"}  # noqa: S104 (what others ask for, and do not get)


@dataclass
class _Call:
    id: int
    pid: int
    number: int
    arguments: tuple[int, ...]


class _Refusal(Exception):
    def __init__(self, number: int) -> None:
        self.number = number


class Sockets:
    """`reach` are hosts, as numbers of the loopback, with ports."""

    def __init__(self, reach: set[tuple[str, int]]) -> None:
        self._reach = reach
        self._own: set[int] = set()
        self._bound: dict[int, socket.socket] = {}
        self._deeds = {seccomp.number(name): getattr(self, f"_{name}") for name in ("connect", "bind", "listen")}

    def decide(self, listener: int) -> None:
        """On the next call that waits; nothing where the caller has gone meanwhile."""
        note = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, note)
        except OSError:
            return
        id_, pid, _, number, _, _, *arguments = struct.unpack("=QIIiIQ6Q", note)
        call = _Call(id_, pid, number, tuple(arguments))
        try:
            self._deeds[number](listener, call)
            answer = 0
        except _Refusal as refusal:
            answer = -refusal.number
        except OSError as problem:
            answer = -(problem.errno or errno.EPERM)
        except Exception:  # noqa: BLE001 (whatever was asked for: who watches must not end before who is watched)
            answer = -errno.EINVAL
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, _SEND, bytearray(struct.pack("=QqiI", id_, 0, answer, 0)))

    def _connect(self, listener: int, call: _Call) -> None:
        family, host, port = _asked(listener, call)
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
        plain = host.removeprefix("::ffff:")
        if not _is_loopback(plain) or not (port in self._own or (plain, port) in self._reach):
            raise _Refusal(errno.EACCES)
        made = socket.socket(family, socket.SOCK_STREAM)
        with made:
            made.settimeout(_PATIENCE)
            made.connect((host, port))
            _put(listener, call, made)

    def _bind(self, listener: int, call: _Call) -> None:
        family, host, port = _asked(listener, call)
        if host in _ANY:
            host = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
        if not _is_loopback(host.removeprefix("::ffff:")):
            raise _Refusal(errno.EACCES)
        made = socket.socket(family, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        _put(listener, call, made)
        self._own.add(made.getsockname()[1])
        self._bound[os.fstat(made.fileno()).st_ino] = made

    def _listen(self, listener: int, call: _Call) -> None:
        """Only what was bound here: an unbound socket would get an address that all of the network reaches."""
        place = str(Path(f"/proc/{call.pid}/fd/{_descriptor(call)}").readlink())
        _check_valid(listener, call)
        made = self._bound.pop(int(place.removeprefix("socket:[").removesuffix("]")), None)
        if made is None:
            raise _Refusal(errno.EACCES)
        with made:
            made.listen(min(call.arguments[1] & 0x7FFFFFFF, 4096))


def _asked(listener: int, call: _Call) -> tuple[int, str, int]:
    size = min(call.arguments[2] & 0xFFFFFFFF, 128)
    memory = os.open(f"/proc/{call.pid}/mem", os.O_RDONLY)
    try:
        given = os.pread(memory, size, call.arguments[1])
    finally:
        os.close(memory)
    _check_valid(listener, call)
    family = int.from_bytes(given[:2], "little") if len(given) >= 2 else 0
    if family == socket.AF_INET and size >= _V4:
        return family, socket.inet_ntop(family, given[4:8]), int.from_bytes(given[2:4], "big")
    if family == socket.AF_INET6 and size >= _V6:
        return family, socket.inet_ntop(family, given[8:24]), int.from_bytes(given[2:4], "big")
    raise _Refusal(errno.EACCES)


def _check_valid(listener: int, call: _Call) -> None:
    """That what was read was the caller's, and not of another with its pid."""
    fcntl.ioctl(listener, _IS_VALID, bytearray(struct.pack("=Q", call.id)))


def _is_loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")


def _descriptor(call: _Call) -> int:
    return call.arguments[0] & 0xFFFFFFFF


def _put(listener: int, call: _Call, made: socket.socket) -> None:
    """In the place of the command's own socket, and as that one is with regard to blocking."""
    told = Path(f"/proc/{call.pid}/fdinfo/{_descriptor(call)}").read_bytes().splitlines()
    line = next(line for line in told if line.startswith(b"flags:"))
    flags = int(line.split()[1], 8)
    made.setblocking(not flags & _NO_BLOCKING)
    on_exec = os.O_CLOEXEC if flags & _CLOSE_ON_EXEC else 0
    fcntl.ioctl(
        listener, _PUT, bytearray(struct.pack("=QIIII", call.id, _IN_PLACE, made.fileno(), _descriptor(call), on_exec))
    )
