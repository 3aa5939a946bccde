"""`oneshot gc`: frees what finished changes left, and says what and how much."""

from datetime import timedelta

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened
from oneshot_dagster.domain.errors import BadInput

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@click.command()
@click.option("--older-than", default="7d", show_default=True, help="Only what ended so long ago: 12h, 7d, 2w.")
def gc(older_than: str) -> None:
    """Free what finished changes left; a live change is never touched."""
    from oneshot_dagster.steps.gc import collect

    least = _span(older_than)
    with opened() as services:
        freed = collect(services, older_than=least)
    show.table(
        ("freed", "number", "size"), [(f.what, str(f.number), show.size(f.size) if f.size else "") for f in freed]
    )
    click.echo(f"{show.size(sum(f.size for f in freed))} freed")


def _span(text: str) -> timedelta:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _UNITS or len(number) > 6:
        raise BadInput(
            tried="read --older-than", found=repr(text), do="give a number and one of s, m, h, d, w, for example 7d"
        )
    return timedelta(seconds=int(number) * _UNITS[unit])
