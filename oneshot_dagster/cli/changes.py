"""`oneshot list`: every change and where it stands, the one that moved last first."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened

if TYPE_CHECKING:
    from oneshot_dagster.domain.attempt import Attempt


@click.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many changes.")
def changes(limit: int) -> None:
    """The changes and where they stand."""
    with opened() as services:
        print_changes(services.store.runs.newest_of_each_change(limit=limit), services.store.now())


def print_changes(attempts: "Sequence[Attempt]", now: datetime) -> None:
    from oneshot_dagster.domain.messages import age

    if not attempts:
        click.echo("no change yet; `oneshot run owner/repo#N` starts one")
        return
    rows = [
        (
            str(a.key),
            a.state.value,
            str(a.number),
            a.mode.value,
            f"#{a.pr_number}" if a.pr_number else "",
            show.short(a.head_sha),
            age((now - a.updated_at).total_seconds()),
            a.reason,
        )
        for a in attempts
    ]
    show.table(("change", "state", "attempt", "mode", "PR", "head", "since", "why"), rows)
