"""The two ways of `oneshot github connect`, and what is said on the way: an App by its manifest, or a person's token.
Nothing secret is printed; what is kept where is local.connected_home."""

import contextlib
import os
import secrets
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from oneshot_dagster.cli import show
from oneshot_dagster.domain import connecting
from oneshot_dagster.domain.errors import BadInput, OneshotError
from oneshot_dagster.domain.permissions import NOT_ASKED, PERMISSIONS

if TYPE_CHECKING:
    from oneshot_dagster.services.github.manifest import MadeApp
    from oneshot_dagster.services.github.standing import Holder
    from oneshot_dagster.settings import Settings

PATIENCE = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedApp:
    """What was typed."""

    organization: str | None
    url: str
    name: str | None
    webhook_url: str | None
    repositories: tuple[str, ...]


def with_app(asked: AskedApp, *, replace: bool, browser: bool) -> None:
    from oneshot_dagster.local.connected_home import check
    from oneshot_dagster.services.github.manifest import convert

    web = connecting.web_root(asked.url)
    names = _patterns(asked.repositories)
    with _alone(check(replace=replace, app=True)) as settings:
        _say_home(settings)
        _say_permissions()
        made = convert(connecting.api_url(web), _code(asked, web, settings, browser=browser))
        try:
            _keep_app(settings, made, web=web, repositories=names)
        except OneshotError as error:
            raise BadInput(
                tried=f"keep the key of the new GitHub App {made.slug}",
                found=str(error),
                do=f"mend that, delete the App ({made.url}), and start again: GitHub shows a key once",
            ) from None
    click.echo(
        f"\nThe GitHub App {made.slug} (id {made.app_id}) of {made.owner} is yours; its key is kept in this home."
    )
    _say_next(f"install it on the repositories it shall work on:\n     {made.url}/installations/new", names)


def with_token(text: str, *, url: str, repositories: tuple[str, ...], replace: bool) -> None:
    from oneshot_dagster.local.connected_home import TOKEN, Connection, check, store
    from oneshot_dagster.services.github.standing import holder

    token, api = text.strip(), connecting.api_url(connecting.web_root(url))
    names = _patterns(repositories)
    if not token or not token.isprintable() or not token.isascii() or " " in token:
        raise BadInput(
            tried="read the token", found="no single word in that file", do="give the token and nothing else"
        )
    with _alone(check(replace=replace, app=False)) as settings:
        _say_home(settings)
        who = holder(api, token)
        file = str(settings.home / TOKEN)
        store(
            settings.home,
            Connection(github={"token_file": file}, secrets={TOKEN: token + "\n"}, api_url=api, repositories=names),
        )
    click.echo(f"\nThis home works as {who.login}; the token is kept in {file}.")
    for said in lacking(who):
        click.echo(said)
    _say_next(f"let {who.login} write to the repositories it shall work on", names)


def lacking(who: "Holder") -> list[str]:
    """What a person's token cannot do for us."""
    said = [
        "  a person's token makes no check runs; a commit status `oneshot` stands for ours",
        f"  everything shows as done by {who.login}, who cannot approve its pull requests",
    ]
    if who.scopes is None:
        said.append("  a fine-grained token: GitHub does not tell its permissions; `oneshot doctor OWNER/REPO` looks")
    elif "repo" not in who.scopes:
        said.append(f"  it lacks the scope `repo`; it has {', '.join(who.scopes) or 'none'}")
    return said


def _code(asked: AskedApp, web: str, settings: "Settings", *, browser: bool) -> str:
    from oneshot_dagster.local.connect import asking
    from oneshot_dagster.services.github.readiness import HOOK_PATH

    default = f"oneshot-{asked.organization or secrets.token_hex(4)}"[: connecting.LONGEST_NAME]
    name = connecting.app_name(default if asked.name is None else asked.name)
    hook = connecting.hook_url(asked.webhook_url, HOOK_PATH) if asked.webhook_url else None
    homepage = settings.public_url if settings.public_url.startswith("https://") else web
    with asking(
        lambda back: connecting.manifest(name=name, homepage=homepage, redirect=back, hook=hook),
        lambda state: connecting.manifest_page(web, asked.organization, state),
    ) as page:
        click.echo(
            f"\nOpen this page in a browser on this machine, within {PATIENCE / 60:.0f} minutes:\n\n  {page.url}\n"
        )
        if browser:
            _open(page.url)
        code = page.code(PATIENCE)
    if code is None:
        raise BadInput(
            tried="connect GitHub",
            found=f"no answer from the browser within {PATIENCE / 60:.0f} minutes",
            do="start again; on a machine without a browser use --token-file, or forward the page's port",
        )
    return code


def _open(url: str) -> None:
    """Only where there is a screen: a browser of the terminal would take it over."""
    import webbrowser

    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)


def _keep_app(settings: "Settings", made: "MadeApp", *, web: str, repositories: Sequence[str]) -> None:
    from oneshot_dagster.local.connected_home import KEY, SECRET, Connection, store

    home, signed = settings.home, made.webhook_secret
    secret_file = {"webhook_secret_file": str(home / SECRET)} if signed else {}
    connection = Connection(
        github={"app_id": made.app_id, "private_key_file": str(home / KEY), **secret_file},
        secrets={KEY: made.pem, **({SECRET: signed + "\n"} if signed else {})},
        api_url=connecting.api_url(web),
        repositories=repositories,
    )
    store(home, connection)


@contextlib.contextmanager
def _alone(settings: "Settings") -> "Generator[Settings]":
    from oneshot_dagster.system.lock import FileLock

    with FileLock(settings.home / "connect.lock").try_hold() as held:
        if held is None:
            raise BadInput(
                tried=f"connect {settings.home}",
                found="another `oneshot github connect` that waits for a browser",
                do="finish or end that one (Ctrl-C) first",
            )
        yield settings


def _patterns(repositories: Sequence[str]) -> tuple[str, ...]:
    from oneshot_dagster.services.git.names import repository

    asked = tuple(one.lower() for one in repositories)
    for one in asked:
        repository(f"{one[:-1]}x" if one.endswith("/*") else one)
    return asked


def _say_home(settings: "Settings") -> None:
    chosen = "" if os.environ.get("ONESHOT_HOME") else " (the default, since ONESHOT_HOME is not set)"
    click.echo(f"home: {settings.home}{chosen}\n")


def _say_permissions() -> None:
    click.echo("The App asks for these permissions, and for nothing else:\n")
    show.table(("permission", "level", "why"), [(one.name, one.access, one.why) for one in PERMISSIONS])
    click.echo("\nNot asked for:\n")
    show.table(("permission", "why not"), NOT_ASKED)


def _say_next(first: str, repositories: Sequence[str]) -> None:
    named = next((one for one in repositories if not one.endswith("*")), "OWNER/REPO")
    allow = "" if repositories else "\n     and name them in `repositories` in oneshot.toml of this home"
    click.echo(f"""
Next:
  1  {first}{allow}
  2  oneshot up                     in a shell of its own; a running one has to be started again
  3  oneshot doctor {named}
  4  oneshot init {named}""")
