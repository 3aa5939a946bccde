"""`oneshot freeze` and `oneshot unfreeze`: nothing merges for now, in one repository or in all, and who said so."""

import click

from oneshot_dagster.cli.opened import opened
from oneshot_dagster.cli.person import person


@click.command()
@click.option("--reason", required=True, help="Why, for everybody who meets it.")
@click.option("--repository", help="owner/repo; default: all repositories.")
def freeze(reason: str, repository: str | None) -> None:
    """Hold every merge until `oneshot unfreeze`.

    What is merged already is deployed, verified and, where it must be, taken back. Everything up to the merge goes on.
    """
    from oneshot_dagster.domain.freeze import sentence
    from oneshot_dagster.steps.freezing import freeze as frozen

    with opened() as services:
        click.echo(sentence(frozen(services, _named(repository), reason=reason, by=person())))


@click.command()
@click.option("--repository", help="owner/repo; default: what was frozen for all repositories.")
def unfreeze(repository: str | None) -> None:
    """Lift a freeze, or let a lane go on that an alarm stopped. What waited for it continues."""
    from oneshot_dagster.domain.freeze import sentence
    from oneshot_dagster.steps.freezing import standing
    from oneshot_dagster.steps.freezing import unfreeze as lifted

    with opened() as services:
        for one in lifted(services, _named(repository), by=person()):
            click.echo(f"lifted: {sentence(one).partition('; `')[0]}")
        for left in standing(services):
            click.echo(f"still: {left}")


def _named(repository: str | None) -> str | None:
    from oneshot_dagster.services.git.names import repository as named

    return named(repository.lower()) if repository else None
