"""The stack of a home: Postgres, Dagster's code server and daemon, the web as far as asked for; locally forge and supervisor.
One a home: who holds $ONESHOT_HOME/stack.lock owns it and takes it with them, others share it."""

import contextlib
import functools
import importlib
import json
import os
import signal
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from oneshot_dagster.domain.errors import OneshotError, TryAgain
from oneshot_dagster.local import parts as local_parts
from oneshot_dagster.local import postgres
from oneshot_dagster.local.database import make_dagsters
from oneshot_dagster.local.demo.plant import OWNER
from oneshot_dagster.local.forge.client import ForgeClient
from oneshot_dagster.local.parts import CODE_SERVER, DAEMON, FORGE, SUPERVISOR, Parts, Web, accepts
from oneshot_dagster.local.ports import refuse_taken
from oneshot_dagster.local.world import HomeKind, World, asked, check_home, check_kind, lay_out, write_private
from oneshot_dagster.services.store import schema
from oneshot_dagster.settings import Settings, load
from oneshot_dagster.steps.resume import start_new
from oneshot_dagster.system.lock import FileLock
from oneshot_dagster.system.process import start_time

if TYPE_CHECKING:
    from oneshot_dagster.orchestration.engine import Engine
    from oneshot_dagster.steps.services import Services

Say = Callable[[str, float], None]
_PATIENCE = 90.0


@dataclass(frozen=True, kw_only=True)
class Stack:
    """`owned`: it was started here and ends with the block. `engine` and `services` are this process's own."""

    world: World
    engine: "Engine"
    services: "Services"
    owned: bool
    web: Web
    parts: Parts | None = None

    @property
    def settings(self) -> Settings:
        return self.world.settings

    def forge(self, login: str = OWNER) -> ForgeClient:
        return ForgeClient(self.world.forge_url, self.world.token(login))

    def tend(self, seconds: float) -> list[str]:
        """Waits so long for a change to be taken in, and starts it at once: the sensor looks only every few seconds.
        A sentence for each part that was mended."""
        try:
            with self.services.store.waiting(None) as waiter:
                if waiter.wait(seconds):
                    start_new(self.services, self.engine.launcher)
        except OneshotError:  # the sensor goes on, and the parts are mended below
            time.sleep(seconds)
        return self.mend()

    def mend(self) -> list[str]:
        """Starts again what ended by itself; a sentence for each. Nothing where the stack is another's."""
        if self.parts is None:
            return []
        said = [f"the {name} ended ({code}) and was started again" for name, code in self.parts.dead().items()]
        for name in self.parts.dead():
            self.parts.start(name)
        if said:
            _record(self.world, self.parts, web=self.web)
        return said


@contextlib.contextmanager
def running(*, web: Web, say: Say, kind: HomeKind | None = None) -> Generator[Stack]:
    """The stack of this home for the length of the block: ours, or the one that runs there already.

    `say` is told each part with the seconds that it took. `kind`: BadInput where the home is for something else.
    """
    settings = asked()
    if kind is not None:
        check_kind(settings.home, kind)
    check_home(settings.home)
    with contextlib.ExitStack() as closing:
        held = closing.enter_context(FileLock(settings.home / "stack.lock").try_hold())
        if held is None:
            yield closing.enter_context(_shared(settings.home))
        else:
            yield closing.enter_context(_own(settings, web=web, say=say))


def found(home: Path) -> dict[str, Any] | None:
    """What stack.json says of the stack that runs in this home: pid, started_at, web, parts. None where none does."""
    with contextlib.suppress(OSError, ValueError):
        said = cast("dict[str, Any]", json.loads(_file(home).read_text()))
        if start_time(said["pid"]) == said["start"]:
            return said
    return None


@contextlib.contextmanager
def _shared(home: Path) -> Generator[Stack]:
    deadline = time.monotonic() + _PATIENCE
    while (there := found(home)) is None:
        if time.monotonic() > deadline:
            raise TryAgain(f"another process starts or stops the local world in {home}, and does not come to an end")
        time.sleep(0.1)
    with _opened(load()) as (engine, services):
        yield Stack(world=World(load()), engine=engine, services=services, owned=False, web=Web(there["web"]))


@contextlib.contextmanager
def _own(settings: Settings, *, web: Web, say: Say) -> Generator[Stack]:
    _end_leftovers(settings.home)
    ports = opened_ports(settings, web)
    refuse_taken(ports)
    world = lay_out(settings)
    parts = Parts(world)
    timer = _Timer(say)
    with contextlib.ExitStack() as closing:
        closing.callback(_undisturbed, parts.stop)  # also where Postgres does not come up
        timer.begins("Postgres")
        for name in (FORGE, SUPERVISOR) if world.kind is HomeKind.LOCAL else ():
            timer.begins(name)
            parts.start(name)
        if world.settings.database_url is None:
            closing.enter_context(postgres.running(world.home))
            closing.callback(_undisturbed, parts.stop)  # before Postgres
        else:
            make_dagsters(world.settings)
        timer.begins(CODE_SERVER)
        parts.start(CODE_SERVER)
        schema.upgrade(world.settings.store_url)
        timer.ready("Postgres")
        _await_servers(parts, timer, ports)
        engine, services = closing.enter_context(_opened(world.settings))
        _begin_work(parts, engine, services, timer, web=web, ports=ports)
        closing.callback(_file(world.home).unlink, missing_ok=True)
        _record(world, parts, web=web)
        yield Stack(world=world, engine=engine, services=services, owned=True, web=web, parts=parts)


def _await_servers(parts: Parts, timer: "_Timer", ports: Mapping[str, int]) -> None:
    """Each binds its port when it is ready. Meanwhile Dagster is imported here too, which takes as long."""
    importlib.import_module("oneshot_dagster.orchestration.engine")
    for name, port in ((SUPERVISOR, "service"), (FORGE, "forge"), (CODE_SERVER, "code_server")):
        if port not in ports:
            continue
        parts.wait(name, functools.partial(accepts, ports[port]))
        timer.ready(name)


def _begin_work(
    parts: Parts, engine: "Engine", services: "Services", timer: "_Timer", *, web: Web, ports: Mapping[str, int]
) -> None:
    """The reaper first: what an earlier stack left unfinished is looked at before anything is taken from the queue."""
    from oneshot_dagster.steps.resume import continue_changes

    services.store.looks.rouse()
    continue_changes(services, engine.launcher)
    since = time.time()
    for name in (DAEMON, *([web] if web.ports else [])):
        timer.begins(name)
        parts.start(name)
    parts.wait(DAEMON, lambda: engine.daemons_beat(since=since))
    timer.ready(DAEMON)
    if web.ports:
        parts.wait(web, functools.partial(accepts, ports[web.ports[0]]))
        timer.ready(web)


class _Timer:
    """Parts start side by side: each one's time is from its own start to its answer."""

    def __init__(self, say: Say) -> None:
        self._say, self._began = say, dict[str, float]()

    def begins(self, name: str) -> None:
        self._began[name] = time.monotonic()

    def ready(self, name: str) -> None:
        self._say(name, time.monotonic() - self._began[name])


@contextlib.contextmanager
def _opened(settings: Settings) -> Generator[tuple["Engine", "Services"]]:
    """After the code server is up: of two that make Dagster's tables at once, one complains."""
    from oneshot_dagster.bootstrap import open_services
    from oneshot_dagster.definitions import defs
    from oneshot_dagster.orchestration.engine import Engine

    engine, services = Engine(defs, settings), open_services(settings)
    try:
        yield engine, services
    finally:
        services.close()
        engine.close()


def _end_leftovers(home: Path) -> None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        local_parts.end_leftovers(json.loads(_file(home).read_text())["parts"])
    _file(home).unlink(missing_ok=True)


def _record(world: World, parts: Parts, *, web: Web) -> None:
    said = {
        "pid": os.getpid(),
        "start": start_time(os.getpid()),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "web": web,
        "ports": opened_ports(world.settings, web),
        "parts": parts.recorded(),
    }
    write_private(_file(world.home), json.dumps(said, indent=1))


def opened_ports(settings: Settings, web: Web) -> dict[str, int]:
    """Those that the stack of this home opens, by the names of the settings."""
    local, github = World(settings).kind is HomeKind.LOCAL, settings.github
    opens = {"code_server", *(("forge", "service") if local else ()), *web.ports}
    if not local and github.webhook_secret is None and github.webhook_secret_file is None:
        opens.discard("hooks")
    return {name: port for name, port in settings.ports.model_dump().items() if name in opens}


def _file(home: Path) -> Path:
    return home / "stack.json"


def _undisturbed(stop: Callable[[], None]) -> None:
    """A second Ctrl-C does not leave half of it running."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stop()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
