"""`oneshot diff`: the patch of a change as git makes it; coloured on a terminal, byte for byte into a pipe."""

import click

from oneshot_dagster.cli import show
from oneshot_dagster.cli.opened import opened, typed
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.quoting import cleaned

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_HEADS = ("diff ", "index ", "+++ ", "--- ", "rename ", "new ", "deleted ", "similarity ", "old ", "Binary ")


@click.command()
@click.argument("key")
@click.option("--attempt", "number", type=click.IntRange(1), help="An earlier attempt; default: the newest.")
def diff(key: str, number: int | None) -> None:
    """The patch of a change."""
    with opened() as services:
        attempt = typed(services, key, number)
        base_sha, head_sha = attempt.base_sha, attempt.head_sha
        if base_sha is None or head_sha is None:
            raise BadInput(
                tried=f"show the patch of {attempt.key}", found="no commit yet", do="ask again when there is one"
            )
        if services.git.resolve(attempt.key.repository, head_sha) is None:
            services.git.fetch(attempt.key.repository)
        patch = services.git.patch(attempt.key, base_sha=base_sha, head_sha=head_sha)
    if not show.is_terminal():
        click.echo(patch, nl=False)
        return
    for line in cleaned(patch.decode(errors="replace")).splitlines():
        head = line.startswith(_HEADS)
        click.secho(line, bold=head, fg=None if head else _COLOURS.get(line[:1]))
