"""A local stack that stands until its stdin ends: what `oneshot run` in another shell finds. Says `ready` on stdout."""

import sys

import click

from oneshot_dagster.local.stack import running


def main() -> None:
    with running(web=False, say=lambda part, seconds: click.echo(f"{part} {seconds:.2f}", err=True)):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
