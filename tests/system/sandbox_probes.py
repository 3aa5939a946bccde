"""What somebody's code would try against the platform, as programs, and the small world in which each can succeed.
Whoever runs commands of others runs these through it: outside all must reach their aim, inside none."""

import contextlib
import os
import secrets
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_CONNECT = """
import socket, sys
for family, place in {places!r}:
    try:
        one = socket.socket(family, socket.SOCK_STREAM)
        one.settimeout(3)
        one.connect(place)
        one.sendall(b"probe")
    except OSError as problem:
        print(place, problem)
"""
_SEND = """
import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"probe", ("127.0.0.1", {port}))
except OSError as problem:
    print(problem)
"""
_LEAVE = """
import os
execed, inherited = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for stream in range(3):
            os.dup2(os.open("/dev/null", os.O_RDWR), stream)
        os.execve("/bin/sleep", ["sleep", "{seconds}"], {{}})
    os._exit(0)
os.close(inherited)
os.read(execed, 1)
os.wait()
"""
_OVER = b"over"
_PROBED = "print(*(v for v in open(folder + '/environ').read().split(chr(0)) if v.startswith('PROBED_')))"
# Exactly the victim: the shell that runs this has its number among its words too. And until it is gone, which is not at once.
_KILL = (
    "open(folder + '/cmdline').read() == {victim!r} and"
    " (os.kill(int(folder[6:]), signal.SIGKILL), select.select([os.pidfd_open(int(folder[6:]))], [], []))"
)
_EACH_PROCESS = """
import glob, os, select, signal
for folder in glob.glob("/proc/[0-9]*"):
    try:
        {deed}
    except (OSError, UnicodeError):
        pass
"""


@dataclass
class World:
    """`place` belongs to the account that runs the probes."""

    place: Path
    secrets: dict[str, str] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)
    victim: str = ""
    tcp: int = 0
    udp: int = 0
    forks: str = ""
    listening: list[tuple[int, int, Any]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.place / "home"

    @property
    def own(self) -> Path:
        return self.home / "worktrees" / "pr-acme-shop-1"

    @property
    def socket(self) -> Path:
        return self.home / "run" / "db"

    @property
    def elsewhere(self) -> Path:
        """As a container engine's: not in the home."""
        return self.place / "engine.sock"

    @property
    def abstract(self) -> str:
        return f"\0{self.place.name}"


@dataclass(frozen=True)
class Probe:
    """`script` is a shell line; `reached` says from what it printed, and from the world, whether it got what it wanted.

    `late`: that may take a moment, so it is asked once all have run and `have_been_heard`.
    """

    name: str
    script: str
    reached: Callable[[str], bool]
    late: bool = False


@contextlib.contextmanager
def planted(place: Path) -> Iterator[World]:
    world = World(place)
    for name, file in (
        ("token", "tokens/engine"),
        ("database password", "postgres.json"),
        ("other worktree", "worktrees/pr-acme-shop-2/secret.txt"),
        ("git credentials", ".git-credentials"),
        ("blob", "blobs/evidence.jsonl"),
    ):
        world.secrets[name] = secrets.token_hex(12)
        path = world.home / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"https://engine:{world.secrets[name]}@github.example\n")
    for folder in (world.own, world.home / "scratch", world.home / "run", world.place / "outside"):
        folder.mkdir(parents=True)
    world.secrets["environment"] = os.environ["PROBED_SECRET"] = secrets.token_hex(12)
    with contextlib.ExitStack() as stack:
        world.tcp = _serve(stack, world, "tcp", socket.AF_INET, ("0.0.0.0", 0))[1]
        world.udp = _hear(stack, world)
        _serve(stack, world, "database socket", socket.AF_UNIX, str(world.socket))
        _serve(stack, world, "socket of an engine", socket.AF_UNIX, str(world.elsewhere))
        _serve(stack, world, "abstract socket", socket.AF_UNIX, world.abstract)
        world.forks = stack.enter_context(tempfile.TemporaryDirectory(prefix="pymp-")) + "/listener"
        _serve(stack, world, "socket of what runs are forked from", socket.AF_UNIX, world.forks)
        world.victim = f"5{secrets.randbelow(10**9):09}"
        process = subprocess.Popen(("/bin/sleep", world.victim), start_new_session=True)
        stack.callback(process.wait)
        stack.callback(process.kill)
        yield world


def probes(world: World) -> tuple[Probe, ...]:
    blob, outside = world.home / "blobs" / "evidence.jsonl", world.place / "outside" / "written"
    sleep = f"7{secrets.randbelow(10**9):09}"
    machine = [(int(socket.AF_INET), (place, world.tcp)) for place in ("127.0.0.1", *_own_addresses())]
    files = {
        "token": world.home / "tokens" / "engine",
        "database password": world.home / "postgres.json",
        "other worktree": world.home / "worktrees" / "pr-acme-shop-2" / "secret.txt",
        "git credentials": world.home / ".git-credentials",
    }
    return (
        *(Probe(f"read: {name}", f"cat {file}", _prints(world, name)) for name, file in files.items()),
        Probe("read: list of the home", f"ls {world.home}", lambda said: "tokens" in said and "blobs" in said),
        Probe("read: the parent's environment", _python(_each(_PROBED)), _prints(world, "environment")),
        Probe("read: through the root of others", f"cat /proc/[0-9]*/root{files['token']}", _prints(world, "token")),
        _network(world, "tcp", _CONNECT.format(places=machine)),
        _network(world, "udp", _SEND.format(port=world.udp)),
        _network(world, "database socket", _CONNECT.format(places=[(int(socket.AF_UNIX), str(world.socket))])),
        _network(world, "socket of an engine", _CONNECT.format(places=[(int(socket.AF_UNIX), str(world.elsewhere))])),
        _network(world, "socket of what runs are forked from", _CONNECT.format(places=[(int(socket.AF_UNIX), world.forks)])),
        _network(world, "abstract socket", _CONNECT.format(places=[(int(socket.AF_UNIX), world.abstract)])),
        Probe("write: outside", f"echo written > {outside}", lambda _: outside.exists()),
        Probe("write: its own evidence", f"echo forged >> {blob}", lambda _: "forged" in blob.read_text()),
        Probe("write: away with the evidence", f"mv {blob} {blob}.gone", lambda _: not blob.exists()),
        Probe("processes: leave one", _python(_LEAVE.format(seconds=sleep)), lambda _: _ended_late(sleep)),
        Probe(
            "processes: kill another's",
            _python(_each(_KILL.format(victim=f"/bin/sleep\0{world.victim}\0"))),
            lambda _: not _processes(world.victim),
        ),
    )  # fmt: skip


def _each(deed: str) -> str:
    return _EACH_PROCESS.format(deed=deed)


def _python(program: str) -> str:
    return f"python3 - <<'END'\n{program}\nEND"


def _prints(world: World, name: str) -> Callable[[str], bool]:
    return lambda said: world.secrets[name] in said


def _network(world: World, name: str, program: str) -> Probe:
    return Probe(f"network: {name}", _python(program), lambda _: name in world.heard, late=True)


def have_been_heard(world: World) -> None:
    """Returns once each that listens has taken what reached it before: it takes one after the other."""
    for family, kind, place in world.listening:
        with socket.socket(family, kind) as one:
            one.settimeout(30)
            one.connect(place)
            one.sendall(_OVER)
            one.recv(1)


def _processes(seconds: str) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if entry.read_bytes().endswith(f"sleep\0{seconds}\0".encode()):
                found.append(int(entry.parent.name))
    return found


def _ended_late(seconds: str) -> bool:
    """Whether it outlived its command; it is ended then."""
    found = _processes(seconds)
    for pid in found:
        os.kill(pid, 9)
    return bool(found)


def _own_addresses() -> list[str]:
    """This machine's on its network, where it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [one.getsockname()[0]]


def _serve(stack: contextlib.ExitStack, world: World, name: str, family: int, place: object) -> object:
    server = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
    server.bind(place)
    server.listen()

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = server.accept()
                if one.recv(10) == b"probe":
                    world.heard.add(name)
                one.close()

    threading.Thread(target=listen, daemon=True).start()
    world.listening.append((family, socket.SOCK_STREAM, server.getsockname()))
    return server.getsockname()


def _hear(stack: contextlib.ExitStack, world: World) -> int:
    server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    server.bind(("127.0.0.1", 0))

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                said, sender = server.recvfrom(10)
                if said == _OVER:
                    server.sendto(said, sender)
                else:
                    world.heard.add("udp")

    threading.Thread(target=listen, daemon=True).start()
    world.listening.append((socket.AF_INET, socket.SOCK_DGRAM, server.getsockname()))
    return server.getsockname()[1]
