"""`oneshot github`: makes a home the home of a GitHub App or of a token, and says who we are on GitHub."""

from typing import IO, TYPE_CHECKING

import click

from oneshot_dagster.cli import show
from oneshot_dagster.domain.connecting import GITHUB

if TYPE_CHECKING:
    from oneshot_dagster.settings import Settings


@click.group()
def github() -> None:
    """Connect this home to GitHub, as an App or with a token, and see as whom it works."""


@github.command()
@click.option("--organization", help="Who shall own the App; default: you.")
@click.option("--url", default=GITHUB, show_default=True, help="The front page of GitHub or of an Enterprise Server.")
@click.option("--name", help="The App's name, unlike every other on GitHub; you can still change it there.")
@click.option("--webhook-url", help="Where GitHub reaches this platform; without it GitHub is asked at intervals.")
@click.option("--repository", "repositories", multiple=True, help="owner/repo or owner/* to work on; may be repeated.")
@click.option(
    "--token-file",
    type=click.File(errors="replace"),
    help="Connect with the token in this file (- for stdin), not an App.",
)
@click.option("--replace", is_flag=True, help="Forget the App or token that is connected here now.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the page in your browser.")
def connect(
    *,
    organization: str | None,
    url: str,
    name: str | None,
    webhook_url: str | None,
    repositories: tuple[str, ...],
    token_file: IO[str] | None,
    replace: bool,
    browser: bool,
) -> None:
    """Make a GitHub App with exactly the permissions that are needed, and keep its key in $ONESHOT_HOME.

    Your browser does it on GitHub's own pages; you press two buttons. With --token-file, connect a person's token.
    """
    from oneshot_dagster.cli import connecting

    if token_file is not None:
        connecting.with_token(token_file.read(), url=url, repositories=repositories, replace=replace)
        return
    asked = connecting.AskedApp(
        organization=organization, url=url, name=name, webhook_url=webhook_url, repositories=repositories
    )
    connecting.with_app(asked, replace=replace, browser=browser)


@github.command()
def status() -> None:
    """As whom this home works on GitHub, where the App is installed, and what it lacks there."""
    from oneshot_dagster.settings import load

    settings = load()
    if settings.github.app_id is None:
        _token_status(settings)
    else:
        _app_status(settings)
    allowed = ", ".join(settings.repositories) or "none: add them to `repositories` in oneshot.toml"
    show.pairs([("allowed here", allowed), ("mode", f"at most {settings.mode}")])


def _token_status(settings: "Settings") -> None:
    from oneshot_dagster.bootstrap import github_tokens
    from oneshot_dagster.cli.connecting import lacking
    from oneshot_dagster.services.github.standing import holder

    who = holder(settings.github.api_url, github_tokens(settings.github).token(None))
    show.pairs([("home", str(settings.home)), ("GitHub", settings.github.api_url), ("we are", who.login)])
    for said in lacking(who):
        click.echo(said)


def _app_status(settings: "Settings") -> None:
    from oneshot_dagster.bootstrap import app_tokens
    from oneshot_dagster.domain.permissions import PERMISSIONS, reaches
    from oneshot_dagster.services.github.standing import installations

    tokens = app_tokens(settings.github)
    try:
        rows = [("home", str(settings.home)), ("GitHub", settings.github.api_url)]
        show.pairs([*rows, ("we are", tokens.login), ("the App", tokens.app.url)])
        found = installations(settings.github.api_url, tokens)
    finally:
        tokens.close()
    if not found:
        click.echo(f"not installed anywhere yet: {tokens.app.url}/installations/new")
        return
    table: list[tuple[str, str, str]] = []
    for one in found:
        less = [f"{p.name}: {p.access}" for p in PERMISSIONS if not reaches(one.permissions, p.name, p.access)]
        state = "suspended" if one.suspended else f"lacks {', '.join(less)}" if less else "all permissions"
        table.append((one.account, ", ".join(one.repositories) or "none", state))
    show.table(("installed on", "repositories", "state"), table)
