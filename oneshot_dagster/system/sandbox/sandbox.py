"""The sandbox: makes of a command one that runs in a room of its own, and runs it within bounds.
By bubblewrap where it works, else by landlock and seccomp; where neither does, strict refuses."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.system.egress import Outlet, opened
from oneshot_dagster.system.process import Command, Finished, check_startable
from oneshot_dagster.system.sandbox import bubblewrap, seccomp
from oneshot_dagster.system.sandbox.confinement import confined, program
from oneshot_dagster.system.sandbox.isolation import isolation_of
from oneshot_dagster.system.sandbox.kinds import Kind, working
from oneshot_dagster.system.sandbox.pipes import readable
from oneshot_dagster.system.sandbox.room import Address, Bounds, Room
from oneshot_dagster.system.sandbox.surroundings import path_in, shown
from oneshot_dagster.system.sandbox.usage import Usage

_PROXY_PORT = 28133  # inside, where the network is the room's own
_SHORT = 60  # characters: a socket's path may have 107
_WAYS_OUT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, kw_only=True)
class Enclosed:
    """`command` is only good inside the block that gave it."""

    command: Command
    outlet: Outlet = field(default_factory=Outlet)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """`exceeded` is the bound for which it was ended, as a sentence; `refused` the addresses that it was not let through to."""

    finished: Finished
    exceeded: str | None = None
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sandbox:
    """`wanted` None takes the strongest that works. For every room, `readable` are the operator's toolchains and `hidden` is
    what no room shows, wherever it lies, but for what the room itself names deeper down."""

    wanted: Kind | None = None
    strict: bool = False
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def kind(self) -> Kind:
        return self.wanted or working().kind

    def isolation(self, *, reach: tuple[Address, ...] = (), host_network: bool = False) -> Isolation:
        return isolation_of(self.kind, self.bounds, reach=reach, host_network=host_network)

    def run(
        self,
        command: Command,
        room: Room,
        *,
        cancelled: Callable[[], bool] | None = None,
        on_line: Callable[[bytes], None] | None = None,
        stall: float | None = None,
    ) -> Ended:
        """As process.run does, in the room. A descriptor of the command (one at most) is held by the room alone: open as
        long as anything lives in it. Raises what process.run raises, and NeedsHuman where strict refuses.
        """
        usage = Usage(bounds=self.bounds)
        with self.enclose(command, room) as enclosed:
            finished = usage.run(enclosed.command, cancelled=cancelled, on_line=on_line, stall=stall)
            if usage.exceeded is not None:
                finished = replace(finished, cancelled=False)
            return Ended(finished=finished, exceeded=usage.exceeded, refused=tuple(enclosed.outlet.refused))

    @contextmanager
    def enclose(self, command: Command, room: Room) -> Generator[Enclosed]:
        if self.kind is Kind.NONE:
            self._refuse_if_strict()
            check_startable(command.argv[0], cwd=command.cwd, path=command.env.get("PATH"))
            yield Enclosed(command=command)
            return
        room = replace(room, readable=(*self.readable, *room.readable), hidden=(*self.hidden, *room.hidden))
        seen = (*shown(), *room.readable, *room.writable)
        env = {**command.env, "PATH": path_in(command.env.get("PATH", os.defpath), seen)}
        check_startable(command.argv[0], cwd=command.cwd, path=env["PATH"])
        command = replace(command, env=env)
        way = self._by_bubblewrap if self.kind is Kind.BUBBLEWRAP else self._by_landlock
        with way(command, room) as enclosed:
            yield enclosed

    def _refuse_if_strict(self) -> None:
        if self.strict:
            raise NeedsHuman(
                f"no command of others is run here: {working().why}; install bubblewrap, or allow user namespaces,"
                " or set ONESHOT_SANDBOX__STRICT=false",
                reason="no_sandbox",
            )

    @contextmanager
    def _by_bubblewrap(self, command: Command, room: Room) -> Generator[Enclosed]:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(_short_folder()))
            hosts = folder / "hosts"
            places = _places(room.reach)
            hosts.write_text(_hosts(places))
            outlet = Outlet()
            inner: tuple[str, ...] = ()
            env = {**command.env, "TMPDIR": "/tmp"}  # noqa: S108 (the room's own, and short enough for a socket's name)
            if room.reach and not room.host_network:
                (folder / "out").mkdir()
                outlet = stack.enter_context(opened(room.reach, path=folder / "out" / "socket"))
                inner = _forwarder(places)
                env |= _proxy(_PROXY_PORT)
            filter_ = stack.enter_context(readable(seccomp.program(seccomp.IN_A_NAMESPACE)))
            options = bubblewrap.options(
                room,
                cwd=command.cwd,
                seccomp=filter_,
                hosts=hosts,
                outlet=folder / "out" if inner else None,
                held=next(iter(command.pass_fds), None),
            )
            yield Enclosed(
                command=replace(
                    command,
                    argv=(bubblewrap.PROGRAM, *options, "--", *bubblewrap.limits(self.bounds), *inner, *command.argv),
                    cwd=Path("/"),
                    env=env,
                    pass_fds=(*command.pass_fds, filter_),
                ),
                outlet=outlet,
            )

    @contextmanager
    def _by_landlock(self, command: Command, room: Room) -> Generator[Enclosed]:
        with contextlib.ExitStack() as stack:
            # Git gives up over a configuration of the machine that is there and cannot be read.
            env = {"GIT_CONFIG_NOSYSTEM": "1", **command.env}
            outlet, reach = Outlet(), tuple(one for one in room.reach if one.is_loopback)
            if room.reach and not room.host_network:
                outlet = stack.enter_context(opened(room.reach))
                port = outlet.port or 0
                env |= _proxy(port)
                reach = (*reach, Address("127.0.0.1", port))
            yield Enclosed(
                command=replace(
                    command, argv=confined(command.argv, room, reach, self.bounds, held=command.pass_fds), env=env
                ),
                outlet=outlet,
            )


def _forwarder(places: dict[Address, tuple[str, ...]]) -> tuple[str, ...]:
    words = [str(bubblewrap.SOCKETS / "socket"), str(_PROXY_PORT)]
    for target, found in places.items():
        for place in found:
            words += [place, str(target.port), str(target)]
    return (*program("forward"), *words, "--")


def _places(reach: tuple[Address, ...]) -> dict[Address, tuple[str, ...]]:
    """Where inside each address is found by who knows no proxy; a number of elsewhere has no such place."""
    found: dict[Address, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    for one in reach:
        if one.host == "localhost":
            found[one] = ("127.0.0.1", "::1")
        elif one.is_loopback:
            found[one] = (one.host,)
        elif one.is_name:
            found[one] = (names.setdefault(one.host, f"127.0.1.{len(names) + 1}"),)
    return found


def _hosts(places: dict[Address, tuple[str, ...]]) -> str:
    named = {one.host: place[0] for one, place in places.items() if not one.is_loopback}
    lines = ["127.0.0.1 localhost sandbox", "::1 localhost", *(f"{place} {name}" for name, place in named.items())]
    return "\n".join(lines) + "\n"


def _proxy(port: int) -> dict[str, str]:
    url, ours = f"http://127.0.0.1:{port}", "localhost,127.0.0.1,::1"
    both = {name: url for upper in _WAYS_OUT for name in (upper, upper.lower())}
    return {**both, "NO_PROXY": ours, "no_proxy": ours}


@contextmanager
def _short_folder() -> Generator[str]:
    usual = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(prefix="room-", dir=usual if len(usual) < _SHORT else "/tmp") as folder:  # noqa: S108
        yield folder
