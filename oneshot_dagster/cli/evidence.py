"""`oneshot evidence verify`: the sealed chain of an attempt in the store, or a file of it anywhere, offline."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli.opened import opened, typed
from oneshot_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from oneshot_dagster.steps.proof import Proof


@click.group()
def evidence() -> None:
    """Verify what an attempt left as proof."""


@evidence.command()
@click.argument("key_or_file")
@click.option("--attempt", "number", type=click.IntRange(1), help="An earlier attempt of KEY; default: the newest.")
@click.option("--head", metavar="SHA256", help="Of a FILE: the hash of its last line, as its pull request keeps it.")
@click.option("--offline", is_flag=True, help="Of a KEY: without asking GitHub what it keeps of the head.")
def verify(key_or_file: str, number: int | None, head: str | None, *, offline: bool) -> None:
    """Check a chain of evidence; exit 1, naming the first broken link, where it does not hold."""
    file = Path(key_or_file)
    is_file = file.is_file() or "#" not in key_or_file
    found = _of_file(file, head) if is_file else _of_change(key_or_file, number, offline=offline)
    if found.broken is not None:
        click.echo(f"oneshot: {key_or_file} does not hold: {found.broken}", err=True)
        raise SystemExit(1)
    files, kept = (f", {found.files} sealed files", f"; {found.anchor}") if not is_file else ("", "")
    click.echo(f"{key_or_file} holds: {found.lines} lines{files}, head {found.head}{kept}")
    if is_file and head is None:
        kept = f": compare it with the one {found.anchor}" if found.anchor else ", and this one was kept nowhere else"
        click.echo(f"without --head a chain that was made anew as a whole would look the same{kept}")


def _of_file(file: Path, head: str | None) -> "Proof":
    from oneshot_dagster.steps.proof import prove_file

    try:
        return prove_file(file.read_bytes(), head=head)
    except OSError as error:
        raise BadInput(
            tried=f"read {file}", found=(error.strerror or "nothing").lower(), do="give a file or a key, owner/repo#N"
        ) from None


def _of_change(key: str, number: int | None, *, offline: bool) -> "Proof":
    from oneshot_dagster.steps.proof import prove_attempt

    with opened() as services:
        return prove_attempt(services, typed(services, key, number), anchors=not offline)
