"""`oneshot doctor`: what works here, or in a repository, what does not, and what to do about it.
The checks of this machine are doctor_checks, those of a repository doctor_repository."""

import click

from oneshot_dagster.cli import show
from oneshot_dagster.domain.errors import BadInput


@click.command()
@click.argument("repository", required=False)
@click.option("--base", help="The branch to merge into; default: the repository's default branch.")
@click.option("--json", "as_json", is_flag=True, help="The findings on the repository as JSON.")
def doctor(repository: str | None, base: str | None, *, as_json: bool) -> None:
    """What works here and what does not; with REPOSITORY (owner/repo), what stands in a change's way there.

    Exit 1 where anything does not work, or where no change could get through.
    """
    if repository is None:
        if base is not None or as_json:
            raise BadInput(tried="look at a repository", found="none", do="give owner/repo before the options")
        fine = _here()
    else:
        from oneshot_dagster.cli.doctor_repository import doctor_repository

        fine = doctor_repository(repository, base, as_json=as_json)
    if not fine:
        raise SystemExit(1)


def _here() -> bool:
    from oneshot_dagster.cli.doctor_checks import examine

    findings = examine()
    show.table(
        ("", "what", "found", "what to do"),
        [("ok" if f.ok else "fail", f.name, f.found, f.do) for f in findings],
    )
    return all(f.ok for f in findings)
