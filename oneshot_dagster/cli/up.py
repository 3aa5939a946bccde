"""`oneshot up`: the platform of a connected home, with Postgres and Dagster and its UI, until Ctrl-C."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from oneshot_dagster.local.stack import Stack

_WATCH_EVERY = 1.0


@click.command()
@click.option("--web/--no-web", default=True, help="Whether to serve the Dagster UI.")
def up(web: bool) -> None:  # noqa: FBT001 (click names it)
    """Run the platform against the GitHub of this home's settings: Postgres (unless a DSN is set), Dagster, its UI.

    `oneshot github connect` makes such a home. The world of the demo is `oneshot dev`.
    """
    from oneshot_dagster.domain.errors import BadInput
    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.stack import running
    from oneshot_dagster.local.world import HomeKind

    with running(web=Web.PAGES if web else Web.NONE, say=_said, kind=HomeKind.CONNECTED) as stack:
        if not stack.owned:
            raise BadInput(
                tried="start the platform",
                found=f"it runs in {stack.world.home} already",
                do="use that one, or stop it first (its pid stands in stack.json there)",
            )
        _print(stack)
        while True:
            for said in stack.tend(_WATCH_EVERY):
                click.echo(said)


def _said(part: str, seconds: float) -> None:
    click.echo(f"  {part:<18} {seconds:5.1f} s")


def _print(stack: "Stack") -> None:
    settings = stack.settings
    allowed = ", ".join(settings.repositories) or "none: add them to `repositories` in oneshot.toml"
    shown = {"GitHub": settings.github.api_url, "repositories": allowed, "mode": f"at most {settings.mode}"}
    if stack.web.ports:
        shown = {"Dagster UI": stack.world.web_url, **shown}
    click.echo()
    for name, what in shown.items():
        click.echo(f"  {name:<18} {what}")
    click.echo(f"""
  in another shell:
    oneshot doctor OWNER/REPO
    oneshot run OWNER/REPO#N

  Ctrl-C stops everything; what was done is kept in {stack.world.home}.
""")
