"""The processes of the local world: how each is started, when it answers, how all are stopped.
Postgres is postgres.py's; in which order they start is stack.py's."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from oneshot_dagster.domain.errors import NeedsHuman
from oneshot_dagster.local.demo.plant import ENGINE, REPOSITORY
from oneshot_dagster.local.ports import HOST
from oneshot_dagster.local.world import CHECKOUT, LOCATION, World
from oneshot_dagster.system.process import Child, Command, kill_group, start, start_time

FORGE, SUPERVISOR, CODE_SERVER, DAEMON = "forge", "deploy supervisor", "code server", "daemon"
_PATIENCE = 60.0
_LOOK_EVERY = 0.03
_GRACE = 2.0
_LARGEST_LOG = 10 * 2**20


class Web(StrEnum):
    """How much there is of the web process; each is the name of its part, too."""

    NONE = "no web"
    HOOKS = "webhooks"  # what the forge or GitHub tells is heard, and nothing is shown
    PAGES = "web"  # the Dagster UI as well

    @property
    def ports(self) -> tuple[str, ...]:
        """By the names of the settings; it answers on the first one when it is ready."""
        return {Web.NONE: (), Web.HOOKS: ("hooks",), Web.PAGES: ("web", "hooks")}[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    child: Child
    started: int | None
    log: Path


class Parts:
    """Start, await, restart and stop; safe to stop at any time and more than once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: dict[str, Running] = {}

    def start(self, name: str) -> None:
        log = self._world.logs / f"{name.replace(' ', '-')}.log"
        if log.exists() and log.stat().st_size > _LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))
        command = Command(argv=_argv(name, self._world), cwd=CHECKOUT, env=self._world.environment())
        child = start(command, log=log)
        self._running[name] = Running(child=child, started=start_time(child.pid), log=log)

    def wait(self, name: str, ready: Callable[[], bool]) -> None:
        """Raises NeedsHuman with the last words of its log where it ends, or does not answer in time."""
        deadline = time.monotonic() + _PATIENCE
        while not ready():
            code = self._running[name].child.poll()
            if code is not None:
                raise self._did_not_start(name, f"ended with {code}")
            if time.monotonic() > deadline:
                raise self._did_not_start(name, f"did not answer within {_PATIENCE:.0f} s")
            time.sleep(_LOOK_EVERY)

    def dead(self) -> dict[str, int]:
        """The return code of each part that has ended by itself."""
        codes = {name: running.child.poll() for name, running in self._running.items()}
        return {name: code for name, code in codes.items() if code is not None}

    def recorded(self) -> dict[str, dict[str, int | None]]:
        return {name: {"pid": running.child.pid, "start": running.started} for name, running in self._running.items()}

    def stop(self) -> None:
        """Who starts runs first, what they need last; each group at the same time."""
        server = self._running.get(CODE_SERVER)
        if server is not None and server.child.poll() is None:
            _interrupt_runs(server.child)
        for group in ((DAEMON, *Web, CODE_SERVER), (FORGE, SUPERVISOR)):
            _together([_stopping(self._running.pop(name).child) for name in group if name in self._running])

    def _did_not_start(self, name: str, what: str) -> NeedsHuman:
        log = self._running[name].log
        return NeedsHuman(f"the {name} {what}: {_last_words(log)} (all of it: {log})", reason="stack_not_started")


def end_leftovers(parts: Mapping[str, Mapping[str, int | None]]) -> None:
    """Kills what a killed stack may have left; only who may start a stack in that home may call this."""
    for part in parts.values():
        pid, started = part.get("pid"), part.get("start")
        if pid is not None and started is not None:
            kill_group(pid, started)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def _argv(name: str, world: World) -> tuple[str, ...]:
    return (sys.executable, "-m", *_ARGUMENTS[name](world))


def _forge(world: World) -> tuple[str, ...]:
    home, port = world.home / "forge", world.settings.ports.forge
    return ("oneshot_dagster.local.forge", "--home", str(home), "--port", str(port), "--people", str(world.people_file))


def _supervisor(world: World) -> tuple[str, ...]:
    return (
        "oneshot_dagster.local.demo.supervisor",
        *("--home", str(world.home / "service"), "--port", str(world.settings.ports.service)),
        *("--git-url", f"{world.forge_url}/{REPOSITORY}.git", "--token-file", str(world.token_file(ENGINE))),
    )


def _code_server(world: World) -> tuple[str, ...]:
    port = world.settings.ports.code_server
    return (
        *("oneshot_dagster.orchestration.code_server", "api", "grpc", "-m", "oneshot_dagster.definitions"),
        *("-h", HOST, "-p", str(port)),
        *("--location-name", LOCATION, "--use-python-environment-entry-point"),
    )


def _daemon(world: World) -> tuple[str, ...]:
    return ("dagster._daemon", "run", "-w", str(world.workspace))


def _web(world: World) -> tuple[str, ...]:
    del world
    return ("oneshot_dagster.serve",)


def _hooks(world: World) -> tuple[str, ...]:
    return (*_web(world), "--no-ui")


_ARGUMENTS: Mapping[str, Callable[[World], tuple[str, ...]]] = {
    FORGE: _forge,
    SUPERVISOR: _supervisor,
    CODE_SERVER: _code_server,
    DAEMON: _daemon,
    Web.PAGES: _web,
    Web.HOOKS: _hooks,
}


def _interrupt_runs(server: Child) -> None:
    """The runs are processes of the code server's group; told to stop, they say so in Dagster before they are gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGTERM)


def _stopping(child: Child) -> threading.Thread:
    return threading.Thread(target=child.stop, kwargs={"grace": _GRACE}, name=f"stop-{child.pid}")


def _together(threads: Iterable[threading.Thread]) -> None:
    begun = list(threads)
    for thread in begun:
        thread.start()
    for thread in begun:
        thread.join()


def _last_words(log: Path) -> str:
    try:
        said = log.read_bytes()[-4000:].decode(errors="replace")
    except OSError:
        return "it wrote no log"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-600:] or "it said nothing"
