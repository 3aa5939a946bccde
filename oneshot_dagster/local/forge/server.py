"""Runs the forge on one loopback port until it is told to stop."""

import asyncio
import contextlib
import signal
import socket
from dataclasses import replace

import uvicorn

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.local.forge import background, hooks
from oneshot_dagster.local.forge.app import App
from oneshot_dagster.local.forge.auth import enrol
from oneshot_dagster.local.forge.ci import Ci
from oneshot_dagster.local.forge.config import ForgeConfig
from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.landing import finish_landings
from oneshot_dagster.local.forge.pushes import catch_up
from oneshot_dagster.local.forge.recording import recorded
from oneshot_dagster.local.forge.repos import Repos
from oneshot_dagster.local.forge.world import World
from oneshot_dagster.system.lock import FileLock

_GOODBYE = 3.0


def serve(config: ForgeConfig) -> None:
    """Blocks. Prints one line when it answers; BadInput on a taken port. Port 0 takes a free one."""
    config.home.mkdir(parents=True, exist_ok=True)
    with _bound(config.port) as listener, FileLock(config.home / "forge.lock").held(timeout=5.0):
        config = replace(config, port=listener.getsockname()[1])
        app = recorded(App(open_forge(config)), config.home)
        server = _Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="on"))
        server.ready = f"forge ready on {config.url}"
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(server.serve(sockets=[listener]))


def open_forge(config: ForgeConfig) -> Forge:
    """The world of this home, with the people of the configuration, and whatever a killed forge left half done."""
    world, repos = World(config.home / "world.sqlite"), Repos(config.home)
    forge = Forge(config=config, world=world, repos=repos, ci=Ci(config, world, repos))
    repos.root.mkdir(parents=True, exist_ok=True)
    for person in config.people:
        enrol(world, person)
    hooks.watch(forge)
    finish_landings(forge)
    catch_up(forge)
    background.wake(forge)
    return forge


def _bound(port: int) -> socket.socket:
    """Without SO_REUSEPORT, so that a second forge is refused and not given half of the requests."""
    # Asyncio sets TCP_NODELAY only then.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError as e:
        listener.close()
        raise BadInput(
            tried=f"open port {port} for the forge", found=str(e.strerror), do="choose another --port"
        ) from e
    return listener


class _Server(uvicorn.Server):
    ready = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.ready, flush=True)  # noqa: T201 - the supervisor waits for this line

    def handle_exit(self, sig: int, frame: object) -> None:  # noqa: ARG002
        """One signal is enough: long answers (a clone) do not keep us."""
        self.should_exit = True
        self.config.timeout_graceful_shutdown = int(_GOODBYE)
        if sig == signal.SIGINT and self.force_exit:
            raise KeyboardInterrupt
