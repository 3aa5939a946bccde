"""`oneshot events`: what GitHub delivered and what became of it."""

from datetime import UTC, datetime

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened


@click.group()
def events() -> None:
    """What GitHub delivered."""


@events.command("list")
@click.option("--dead", is_flag=True, help="Only those that were given up, with the reason.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
def list_(*, dead: bool, limit: int) -> None:
    """The deliveries that are kept, the newest first."""
    with opened() as services:
        found = services.store.events.listed(dead=dead, most=limit)
    if not found:
        click.echo("no delivery was given up" if dead else "no delivery has come in")
        return
    rows = [
        (
            str(e.id),
            show.moment(e.received_at),
            e.repository,
            f"{e.event_type}.{e.action}" if e.action else e.event_type,
            e.state,
            e.error or "",
            e.delivery_id,
        )
        for e in found
    ]
    show.table(("id", "received", "repository", "event", "state", "why", "delivery"), rows)


@events.command()
@click.option("--since", type=click.DateTime(), help="UTC. Only deliveries since then, and nothing is forgotten first.")
def replay(since: datetime | None) -> None:
    """Project the kept deliveries once more, the given-up ones too.

    Without --since from zero: what events said is forgotten, what was read of GitHub stays. Deliveries that `oneshot gc` has
    dropped say nothing any more; a change that waits reads GitHub itself.
    """
    from oneshot_dagster.steps.project_events import replay_events

    with opened() as services:
        done = replay_events(services, since=since.replace(tzinfo=UTC) if since else None)
        oldest = services.store.events.standing().oldest
    kept = f"; the oldest that is kept came in {show.moment(oldest)}" if oldest else ""
    click.echo(f"{done.read} deliveries projected, {done.dead} given up{kept}")
