"""`oneshot forge`: issues and labels on the forge of the local world, made as its owner; or a forge by itself."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING

import click

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import BadInput, TryAgain

if TYPE_CHECKING:
    from oneshot_dagster.local.forge.client import ForgeClient

_LABEL = "oneshot"


@click.group()
def forge() -> None:
    """The local stand-in for GitHub."""


@forge.command()
@click.option("--home", type=click.Path(path_type=Path), required=True, help="Where its state and repositories live.")
@click.option("--people", type=click.Path(exists=True, path_type=Path), required=True, help="JSON: logins and tokens.")
@click.option("--port", default=0, show_default=True, help="0 takes a free one.")
def serve(home: Path, people: Path, port: int) -> None:
    """Run a forge of its own, apart from `oneshot dev`; its page says what it imitates."""
    from oneshot_dagster.local.forge.config import ForgeConfig, read_people
    from oneshot_dagster.local.forge.server import serve as serve_forge

    try:
        known = read_people(people)
    except (ValueError, KeyError, AttributeError) as error:
        do = 'give {"login": {"token": "…", "permissions": {"*": "write"}}}'
        raise BadInput(tried=f"read {people}", found=str(error), do=do) from None
    owner = next((person.login for person in known if person.admin), known[0].login)
    serve_forge(ForgeConfig(home=home.absolute(), port=port, people=known, owner=owner))


@forge.group()
def issue() -> None:
    """Issues of a repository on the local forge."""


@issue.command()
@click.option("--title", help="Default: one that the demo's agent can do, drawn at random.")
@click.option("--body", default="", help="The text of the issue.")
@click.option("--repository", metavar="OWNER/NAME", help="Default: the demo's.")
@click.option("--label", "labels", multiple=True, help="Put it on at once.")
def new(title: str | None, body: str, repository: str | None, labels: tuple[str, ...]) -> None:
    """Open an issue; its key is printed."""
    from oneshot_dagster.local.demo.issues import Kind
    from oneshot_dagster.local.demo.plant import REPOSITORY, new_issue

    where = repository or REPOSITORY
    if title is None and where != REPOSITORY:
        raise BadInput(tried=f"open an issue in {where}", found="no title", do="give --title")
    with _client() as client:
        if title is None:
            number = new_issue(client, Kind.HAPPY, SystemRandom()).number
        else:
            number = int(client.create_issue(where, title, body)["number"])
        for label in labels:
            client.label(where, number, label)
    click.echo(f"{where}#{number}")


@issue.command()
@click.argument("key")
@click.argument("label", default=_LABEL)
def label(key: str, label: str) -> None:
    """Put LABEL (default: oneshot) on the issue KEY, as the owner of the repository."""
    change = ChangeKey.parse(key)
    with _client() as client:
        client.label(change.repository, change.issue_number, label)
    click.echo(f"{key} is labelled {label}")


@contextmanager
def _client() -> "Generator[ForgeClient]":
    import httpx

    from oneshot_dagster.local.demo.plant import OWNER
    from oneshot_dagster.local.forge.client import ForgeClient, ForgeError
    from oneshot_dagster.local.world import World, described
    from oneshot_dagster.settings import load

    world = World(load())
    if not described(world.home) or not world.token_file(OWNER).exists():
        raise BadInput(
            tried="find the local forge", found=f"no local world in {world.home}", do="start it with `oneshot dev`"
        )
    client = ForgeClient(world.forge_url, world.token(OWNER))
    try:
        yield client
    except httpx.TransportError:
        raise TryAgain(f"the forge at {world.forge_url} does not answer; start it with `oneshot dev`") from None
    except ForgeError as error:
        raise BadInput(tried="change an issue on the forge", found=str(error), do="look at its page") from None
    finally:
        client.close()
