"""A local stack that stands until its stdin ends: what `oneshot run` in another shell finds. Says `ready` on stdout."""

import select
import sys

import click

from oneshot_dagster.local.stack import running


def main() -> None:
    with running(web=False, say=lambda part, seconds: click.echo(f"{part} {seconds:.2f}", err=True)) as stack:
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:  # tended as `oneshot dev` does
            stack.tend(0.5)


if __name__ == "__main__":
    main()
