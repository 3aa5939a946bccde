"""How commands print: tables on a terminal, plain aligned lines into a pipe, JSON where asked.
What others wrote is cleaned of what a terminal would obey."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime

import click

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.quoting import cleaned

_COLOURS = {
    **dict.fromkeys(("passed", "ok"), "green"),
    **dict.fromkeys(("failed", "fail", "impossible"), "red"),
    **dict.fromkeys(("did not run", "warning", "unknown"), "yellow"),
}
_GAP = "  "


def is_terminal() -> bool:
    return sys.stdout.isatty()


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    plain = [[_one_line(cell) for cell in row] for row in rows]
    if is_terminal():
        _rich_table(heads, plain)
        return
    widths = [max(len(line[n]) for line in (heads, *plain)) for n in range(len(heads))]
    for line in (heads, *plain):
        click.echo(_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def pairs(rows: Sequence[tuple[str, str]]) -> None:
    """A name and its value a line."""
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{click.style(name.ljust(width), bold=True)}{_GAP}{_one_line(value)}")


def heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True)


def lines(text: str) -> None:
    """Text of several lines, as it is."""
    click.echo(cleaned(text))


def as_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def verdict(value: Verdict | None) -> str:
    return "pending" if value is None else value.value.replace("_", " ")


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def short(sha: str | None) -> str:
    return (sha or "")[:7]


def size(number: int) -> str:
    for unit, least in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= least:
            return f"{number / least:.1f} {unit}"
    return f"{number} bytes"


def _one_line(text: str) -> str:
    return " ".join(cleaned(text).split())


def _rich_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(*heads, box=SIMPLE, pad_edge=False, show_edge=False)
    for row in rows:
        drawn.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    Console().print(drawn)
