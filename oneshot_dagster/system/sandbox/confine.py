"""The sandbox without namespaces, as a program: `WORD… -- COMMAND…` runs the command under landlock and seccomp.
It stays outside as the parent of all that the command starts, decides on its sockets, and ends what it leaves behind."""

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from oneshot_dagster.system.sandbox import landlock, seccomp
from oneshot_dagster.system.sandbox.sockets import Sockets

_PDEATHSIG, _SUBREAPER, _NO_NEW_PRIVILEGES, _DROP = 1, 36, 38, 24
_LAST_CAPABILITY = 40
_ENDED = 128 + signal.SIGTERM
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_FILTER, _LISTENER = 1, 8


@dataclass
class _Orders:
    """The words before `--`: `r:PATH`, `w:PATH`, `t:HOST PORT`, `network`, `held:N`, `memory:N`, `file:N`, `processes:N`."""

    readable: list[str] = field(default_factory=list[str])
    writable: list[str] = field(default_factory=list[str])
    reach: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    bounds: dict[str, int] = field(default_factory=dict[str, int])
    held: list[int] = field(default_factory=list[int])
    network: bool = False

    def hear(self, word: str) -> None:
        kind, _, rest = word.partition(":")
        if kind == "r":
            self.readable.append(rest)
        elif kind == "w":
            self.writable.append(rest)
        elif kind == "t":
            host, port = rest.split()
            self.reach.add((host, int(port)))
        elif kind == "held":
            self.held.append(int(rest))
        elif kind == "network":
            self.network = True
        else:
            self.bounds[kind] = int(rest)


def main(arguments: list[str]) -> None:
    end = arguments.index("--")
    orders = _Orders()
    for word in arguments[:end]:
        orders.hear(word)
    starter = os.getpid()
    watcher = os.fork()
    if watcher:
        _exit_as(os.waitpid(watcher, 0)[1])
    _outlive(starter)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        _become(arguments[end + 1 :], orders, theirs)
    theirs.close()
    status = _watch(child, ours, Sockets(orders.reach))
    _end_all()
    _exit_as(status)


def _exit_as(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _outlive(starter: int) -> None:
    """Long enough to end what nobody else finds: who kills knows the starter's group, and we are told and are not of it."""
    os.setsid()
    _prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _end)
    _prctl(_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != starter:
        os._exit(_ENDED)


def _end(*_: object) -> None:
    _end_all()
    os._exit(_ENDED)


def _become(command: list[str], orders: _Orders, report: socket.socket) -> None:
    try:
        _give_up(orders, report)
    except BaseException as problem:  # noqa: BLE001 (a child that is not confined must not go on)
        _die(125, f"the sandbox could not be closed: {problem}")
    try:
        os.execvp(command[0], command)  # noqa: S606 (it is what this program is for)
    except OSError as problem:
        _die(126 if isinstance(problem, PermissionError) else 127, f"{command[0]}: {problem.strerror}")


def _die(code: int, why: str) -> NoReturn:
    os.write(2, f"{why}\n".encode())
    os._exit(code)


def _give_up(orders: _Orders, report: socket.socket) -> None:
    _prctl(_PDEATHSIG, signal.SIGKILL)
    for descriptor in orders.held:
        os.close(descriptor)
    for kind, name in (("memory", "DATA"), ("file", "FSIZE"), ("processes", "NPROC")):
        if kind in orders.bounds:
            _lower(getattr(resource, f"RLIMIT_{name}"), orders.bounds[kind])
    _lower(resource.RLIMIT_CORE, 0)
    for capability in range(_LAST_CAPABILITY + 1):
        with contextlib.suppress(OSError):  # who has none may not drop any
            _prctl(_DROP, capability)
    _prctl(_NO_NEW_PRIVILEGES, 1)
    landlock.restrict(readable=orders.readable, writable=orders.writable)
    listener = _filter(seccomp.NETWORK_OPEN if orders.network else seccomp.WATCHED, listens=not orders.network)
    if not orders.network:
        socket.send_fds(report, [b"."], [listener])
        os.close(listener)
    report.close()


def _lower(limit: int, wanted: int) -> None:
    _, hardest = resource.getrlimit(limit)
    value = wanted if hardest == resource.RLIM_INFINITY else min(wanted, hardest)
    resource.setrlimit(limit, (value, value))


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _filter(rules: tuple[seccomp.Rule, ...], *, listens: bool) -> int:
    """A descriptor on which watched calls are told, where it listens."""
    code = seccomp.program(rules)
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _LISTENER if listens else 0
    found = libc.syscall(
        ctypes.c_long(_SECCOMP[os.uname().machine]), ctypes.c_uint(_FILTER), ctypes.c_uint(flags), ctypes.byref(program)
    )
    if found < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(found)


def _watch(child: int, report: socket.socket, sockets: Sockets) -> int:
    """Until the command itself ends; gives its wait status."""
    _, found, _, _ = socket.recv_fds(report, 1, 1)
    report.close()
    listener = found[0] if found else None
    events = select.poll()
    if listener is not None:
        events.register(listener, select.POLLIN)
    events.register(os.pidfd_open(child), select.POLLIN)
    while True:
        for source, event in events.poll(1000):
            if listener is None or source != listener:
                continue
            if event & select.POLLIN:
                sockets.decide(listener)
            else:
                events.unregister(listener)  # nobody is left who could ask
        while True:
            try:
                gone, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 0
            if gone == child:
                return status
            if gone == 0:
                break


def _end_all() -> None:
    """Orphans become ours, so it is over when there is no child."""
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    ours, found = os.getpid(), list[int]()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (place / "stat").read_bytes()
            if int(line[line.rfind(b")") + 2 :].split()[1]) == ours:
                found.append(int(place.name))
    return found
