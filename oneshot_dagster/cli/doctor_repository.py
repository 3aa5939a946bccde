"""`oneshot doctor owner/repo`: what stands in a change's way there, the impossible first, each with what to do."""

from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.readiness_facts import Level

if TYPE_CHECKING:
    from oneshot_dagster.steps.readiness import Readiness


def doctor_repository(repository: str, base: str | None, *, as_json: bool) -> bool:
    """Prints what was found; whether a change could get through."""
    from oneshot_dagster.services.git.names import repository as named
    from oneshot_dagster.steps.readiness import examine

    name = named(repository.lower())
    with opened() as services:
        found = examine(services, name, base)
    if found is None:
        raise BadInput(
            tried=f"look at {name}",
            found=f"no such repository{f' or no branch {base!r} in it' if base else ''}, or our token may not see it",
            do="check the name, and what the token has access to or where the App is installed",
        )
    if as_json:
        show.as_json(_json(found))
    else:
        _table(found)
    return not any(finding.level is Level.IMPOSSIBLE for finding in found.findings)


def _table(found: "Readiness") -> None:
    click.echo(f"{found.repository}, branch {found.base}, mode {found.mode}")
    show.table(
        ("", "what", "found", "what to do"),
        [(f.level.value, f.code.replace("_", " "), f.found, f.do) for f in found.findings],
    )


def _json(found: "Readiness") -> dict[str, object]:
    return {
        "repository": found.repository,
        "base": found.base,
        "mode": found.mode.value,
        "findings": [{"code": f.code, "level": f.level.value, "found": f.found, "do": f.do} for f in found.findings],
    }
