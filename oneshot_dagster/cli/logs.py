"""`oneshot logs`: what happened to a change and what its agent said, followed live with -f."""

import click

from oneshot_dagster.cli.opened import opened, typed
from oneshot_dagster.domain.quoting import cleaned

_LOOK = 1.0
_COLOURS = {"move": "cyan", "agent": "green", "log": None}


@click.command()
@click.argument("key")
@click.option("-f", "--follow", is_flag=True, help="Stay, until the change has ended or needs a person.")
def logs(key: str, *, follow: bool) -> None:
    """What the agent said and what happened to a change."""
    from oneshot_dagster.steps.history import History, has_ended

    with opened() as services:
        attempt = typed(services, key)
        history = History(services, attempt.key)
        with services.store.waiting(attempt.key) as waiter:
            while True:
                over = not follow or has_ended(services, attempt.key)
                for entry in history.new():
                    _print(f"{entry.at:%H:%M:%S} #{entry.attempt} {entry.source:<5}", entry.source, entry.text)
                if over:
                    return
                waiter.wait(_LOOK)


def _print(prefix: str, source: str, text: str) -> None:
    """The prefix once; further lines stand below its text."""
    first, *rest = cleaned(text).split("\n")
    click.echo(f"{click.style(prefix, fg=_COLOURS[source])} {first}")
    for line in rest:
        click.echo(f"{' ' * len(prefix)} {line}")
