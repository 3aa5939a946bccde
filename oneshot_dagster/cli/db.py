"""`oneshot db upgrade`: our schema in the database of the settings."""

import click


@click.group()
def db() -> None:
    """The database's schema."""


@db.command()
def upgrade() -> None:
    """Bring the schema to this program's version; refuses a database with tables of others by these names."""
    from oneshot_dagster.services.store import schema
    from oneshot_dagster.settings import load

    url = load().store_url
    before = schema.check(url)
    schema.upgrade(url)
    after = schema.check(url)
    was = "it was so already" if before.standing is after.standing else f"it was {before.version or 'absent'}"
    click.echo(f"the schema is at {after.version}; {was}")
