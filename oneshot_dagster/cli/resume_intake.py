"""`oneshot resume-intake`: changes of a repository are taken in again, although several in a row need a person."""

import click

from oneshot_dagster.cli.opened import opened
from oneshot_dagster.cli.person import person


@click.command(name="resume-intake")
@click.argument("repository")
def resume_intake(repository: str) -> None:
    """Take in changes of REPOSITORY (owner/repo) again. What was refused meanwhile has to be asked for anew."""
    from oneshot_dagster.steps.pausing import resume_intake as resumed

    with opened() as services:
        stuck = resumed(services, repository.lower(), by=person())
    waiting = ", ".join(map(str, stuck)) or "none"
    click.echo(f"intake of {repository.lower()} goes on; these still need a person: {waiting}")
