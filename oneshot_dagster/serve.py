"""One web process: Dagster's UI on loopback, and a port of its own for what GitHub sends.
The UI has no login and can launch merges, so the two never share a socket."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster.version import __version__ as dagster_version
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from oneshot_dagster.bootstrap import open_services, webhook_secret
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.orchestration.build import build
from oneshot_dagster.orchestration.engine import Engine
from oneshot_dagster.settings import Settings, load
from oneshot_dagster.web.hooks import hooks_app
from oneshot_dagster.web.pump import Pump

_GOODBYE = 3  # seconds for answers under way
_CACHE = (15_000, 3_600, 20)  # as dagster-webserver itself: statement timeout ms, pool recycle s, overflow


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """One socket and what answers on it."""

    name: str
    host: str
    port: int
    app: ASGIApp


def serve(doors: Sequence[Door], *, ready: Callable[[], None]) -> None:
    """Blocks until SIGINT or SIGTERM. BadInput where a port is taken, and then nothing was opened."""
    with contextlib.ExitStack() as closing:
        sockets = [closing.enter_context(_bound(door)) for door in doors]
        asyncio.run(_all(doors, sockets, ready))


@contextlib.contextmanager
def dagster_ui(workspace: Path) -> Generator[Starlette]:
    """Dagster's own app over the instance of DAGSTER_HOME and the code locations of that file."""
    from dagster_webserver.app import (  # here, because it takes a second, which who serves webhooks alone need not wait for
        create_app_from_workspace_process_context,  # pyright: ignore[reportUnknownVariableType]
    )

    with contextlib.ExitStack() as closing:
        instance = closing.enter_context(dg.DagsterInstance.get())
        instance.optimize_for_webserver(*_CACHE)
        context = WorkspaceProcessContext(
            instance, version=dagster_version, workspace_load_target=WorkspaceFileTarget([os.fspath(workspace)])
        )
        yield create_app_from_workspace_process_context(closing.enter_context(context))


def hooks_door(host: str, port: int, *, keep: Callable[..., object], secret: Callable[[], bytes]) -> Door:
    return Door(name="hooks", host=host, port=port, app=hooks_app(keep=keep, secret=secret))


class OwnPagesOnly:
    """Refuses what a page of another site makes a browser send: a foreign name bound to our address, a foreign origin.

    `names` are host names; the UI has no login, so this is what stands between it and any page that is open.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str]) -> None:
        self._app, self._names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or self._is_own(scope):
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        refusal = PlainTextResponse("this address answers its own pages only; see ONESHOT_PUBLIC_URL\n", 403)
        await refusal(scope, receive, send)

    def _is_own(self, scope: Scope) -> bool:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get(b"origin")
        named = [f"//{headers.get(b'host', '')}", *([origin] if origin is not None else [])]
        try:
            return all(urlsplit(name).hostname in self._names for name in named)
        except ValueError:
            return False


class _Server(uvicorn.Server):
    """Signals are for all servers of the process at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


async def _all(doors: Sequence[Door], sockets: Sequence[socket.socket], ready: Callable[[], None]) -> None:
    servers = [
        _Server(
            uvicorn.Config(
                door.app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=_GOODBYE
            )
        )
        for door in doors
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    serving = [
        asyncio.create_task(server.serve(sockets=[listener])) for server, listener in zip(servers, sockets, strict=True)
    ]
    while not all(server.started for server in servers) and not any(task.done() for task in serving):
        await asyncio.sleep(0.01)
    ready()
    done, _ = await asyncio.wait(serving, return_when=asyncio.FIRST_COMPLETED)
    stop()  # one that failed takes the others with it: a half of this process helps nobody
    await asyncio.gather(*serving)
    for task in done:
        task.result()


@contextlib.contextmanager
def _bound(door: Door) -> Generator[socket.socket]:
    """Without SO_REUSEPORT, which would give a second process half of the requests."""
    # The protocol is named because asyncio turns Nagle's delay off only then.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((door.host, door.port))
            listener.listen(512)
        except OSError as error:
            raise BadInput(
                tried=f"open {door.host}:{door.port} for the {door.name}",
                found=str(error.strerror),
                do=f"set ONESHOT_PORTS__{door.name.upper()} to a free one",
            ) from None
        yield listener


def main(*, ui: bool = True) -> None:
    """The process of these settings: `oneshot serve`, and the web part of the local stack. Prints one line a door."""
    settings = load()
    services = open_services(settings)
    with contextlib.ExitStack() as closing:
        closing.callback(services.close)
        doors: list[Door] = []
        if ui:
            pages = closing.enter_context(dagster_ui(workspace_of(settings)))
            names = frozenset({"127.0.0.1", "localhost", "::1", urlsplit(settings.public_url).hostname or ""})
            doors.append(Door(name="web", host="127.0.0.1", port=settings.ports.web, app=OwnPagesOnly(pages, names)))
        secret = webhook_secret(settings.github)
        if secret is not None:
            keep, port = services.store.events.add, settings.ports.hooks
            doors.append(hooks_door(settings.hooks_host, port, keep=keep, secret=secret))
        if not doors:
            raise BadInput(
                tried="serve webhooks alone",
                found="no webhook secret, without which nobody could tell GitHub's from others'",
                do="set ONESHOT_GITHUB__WEBHOOK_SECRET_FILE",
            )
        engine = Engine(build(lambda: services), settings)
        closing.callback(engine.close)
        closing.enter_context(Pump(services, engine.launcher))
        serve(doors, ready=lambda: _say(doors, signed=secret is not None))


def workspace_of(settings: Settings) -> Path:
    """The home's own, which names its ports; else the checkout's."""
    own = settings.home / "workspace.yaml"
    return own if own.exists() else Path(__file__).resolve().parent.parent / "workspace.yaml"


def _say(doors: Sequence[Door], *, signed: bool) -> None:
    for door in doors:
        sys.stdout.write(f"{door.name}: http://{door.host}:{door.port}\n")
    if not signed:
        sys.stdout.write("hooks: no webhook secret is set, so GitHub is read again every few seconds instead\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(ui="--no-ui" not in sys.argv)
