"""`oneshot init owner/repo`: a pull request with a policy for that repository, made from what is there."""

import click

from oneshot_dagster.cli.opened import opened

_SAID = {
    "opened": "proposed",
    "updated": "proposed anew, since what is there has changed",
    "unchanged": "proposed already",
    "left": "proposed already, and changed by somebody since, so it was left alone",
}


@click.command()
@click.argument("repository")
@click.option("--base", help="The branch to propose to; default: the repository's default branch.")
def init(repository: str, base: str | None) -> None:
    """Propose a .oneshot.toml to REPOSITORY (owner/repo), in a pull request that says what was found and what to decide.

    Nothing else is changed, and an existing policy is left alone. In mode observe the file is printed instead.
    """
    from oneshot_dagster.services.git.names import repository as named
    from oneshot_dagster.steps.propose_policy import propose_policy

    name = named(repository.lower())
    with opened() as services:
        made = propose_policy(services, name, base)
    click.echo(made.shown or f"{_SAID[made.did]}: {made.url}")
    if not made.shown:
        click.echo("Look at it, change what is to be changed, and merge it; then `oneshot doctor` and `oneshot run`.")
