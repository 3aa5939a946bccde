"""`oneshot explain`: why a change stands where it stands, and what would open each condition of its gate."""

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened, typed


@click.command()
@click.argument("key")
def explain(key: str) -> None:
    """Why a change stands where it stands, and what would open its gate."""
    from oneshot_dagster.steps.explain import explain as explained

    with opened() as services:
        attempt = typed(services, key)
        found = explained(services, attempt)
    click.echo(f"{attempt.key}, attempt {attempt.number}: {attempt.state}. Gate: {found.source}.")
    click.echo()
    show.table(
        ("condition", "verdict", "fact", "SHA", "age", "what would open it"),
        [(r.condition, show.verdict(r.verdict), r.fact, show.short(r.sha), r.age, r.opens) for r in found.rows],
    )
    if found.brief:
        click.echo()
        show.lines(found.brief)
