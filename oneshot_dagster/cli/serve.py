"""`oneshot serve`: the web process by itself, for who runs the parts of the platform apart; `oneshot up` has it in it."""

import click


@click.command()
@click.option("--ui/--no-ui", default=True, help="Whether to serve the Dagster UI beside the hooks port.")
def serve(ui: bool) -> None:  # noqa: FBT001 (click names it)
    """Serve the Dagster UI on loopback, and GitHub's webhooks on a port of their own.

    The UI has no login: put a proxy that has one in front of it, never in front of /graphql alone.
    """
    from oneshot_dagster.serve import main

    main(ui=ui)
