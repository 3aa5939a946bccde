"""A local stack that stands until its stdin ends: what `oneshot run` in another shell finds. Says `ready` on stdout.
`beside` starts one in a benchmark's world; its own forge has nothing to do."""

import contextlib
import secrets
import select
import socket
import subprocess
import sys
from collections.abc import Generator

import click

from benchmarks.world import CHECKOUT, World


@contextlib.contextmanager
def beside(world: World, *options: str, **over: str) -> Generator[dict[str, str]]:
    """The environment of every process of it. `options`: --web."""
    ports = {f"ONESHOT_PORTS__{name}": str(free_port()) for name in ("WEB", "FORGE", "CODE_SERVER", "SERVICE", "HOOKS")}
    environment = world.environment(**ports, **over)
    with (world.home / "stack.log").open("wb") as said:
        stack = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.standing", *options],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    try:
        assert stack.stdout is not None
        if stack.stdout.readline() != b"ready\n":
            raise SystemExit((world.home / "stack.log").read_text(errors="replace"))
        yield environment
    finally:
        assert stack.stdin is not None
        stack.stdin.close()
        stack.wait(30)


def free_port() -> int:
    """Below the range that the kernel gives to outgoing connections: it is taken some time after it was found."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def main() -> None:
    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.stack import running

    web = Web.PAGES if "--web" in sys.argv else Web.NONE
    with running(web=web, say=lambda part, seconds: click.echo(f"{part} {seconds:.2f}", err=True)) as stack:
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:  # tended as `oneshot dev` does
            stack.tend(0.5)


if __name__ == "__main__":
    main()
