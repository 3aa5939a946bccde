"""`oneshot snapshot refresh`: the stored file list of a change, read anew from git."""

import click

from oneshot_dagster.cli.opened import opened, typed


@click.group()
def snapshot() -> None:
    """The stored files of a change."""


@snapshot.command()
@click.argument("key")
def refresh(key: str) -> None:
    """Read the files of a change anew from git and replace the stored rows."""
    from oneshot_dagster.steps.refresh import refresh_snapshot

    with opened() as services:
        attempt = typed(services, key)
        found = refresh_snapshot(services, attempt)
    files = "1 file" if found.files == 1 else f"{found.files} files"
    was = "the stored rows were others" if found.changed else "the stored rows were the same"
    click.echo(f"{attempt.key}: {files} between {found.base_sha} and {found.head_sha}; {was}")
