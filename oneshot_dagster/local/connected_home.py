"""The files of a connected home: `[github]` in its oneshot.toml, the App's key or the token beside it, none for others' eyes.
They are written beside their places first and all put there together, so that nothing stands there half."""

import contextlib
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.toml_edit import Value, with_keys
from oneshot_dagster.local.world import described
from oneshot_dagster.settings import PREFIX, Settings, load

KEY, SECRET, TOKEN = "github-app.pem", "github-webhook-secret", "github-token"  # names of files
_FILE = "oneshot.toml"
_IDENTITY = ("token", "token_file", "app_id", "private_key_file", "webhook_secret", "webhook_secret_file")
_ROOM = 64 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """`github` are keys of the section, a None takes one away; `secrets` are contents by the names of their files."""

    github: Mapping[str, Value]
    secrets: Mapping[str, str]
    api_url: str
    repositories: Sequence[str] = ()


def check(*, replace: bool, app: bool) -> Settings:
    """The settings of a home that may be connected now; BadInput says why not, before GitHub is asked for anything."""
    settings = load()
    home = settings.home
    tried = f"connect {home}"
    if described(home):
        raise BadInput(
            tried=tried,
            found="the local world of `oneshot dev` in it",
            do="set ONESHOT_HOME to a folder of its own and start again",
        )
    over = sorted(name for name in os.environ if name.startswith(f"{PREFIX}GITHUB__"))
    if over:
        raise BadInput(
            tried=tried,
            found=f"{', '.join(over)}, which would stand over what is connected",
            do=f"unset {'it' if len(over) == 1 else 'them'} and start again",
        )
    github = settings.github
    if not replace and (github.app_id is not None or (app and (github.token or github.token_file))):
        what = f"the GitHub App {github.app_id}" if github.app_id else "a token"
        raise BadInput(tried=tried, found=f"{what} in it", do="give --replace to forget that one here, or another home")
    _check_writable(home)
    return settings


def store(home: Path, connection: Connection) -> None:
    """BadInput where it cannot be kept, with everything as it was."""
    files = {**connection.secrets, _FILE: settings_text(home, connection)}
    fresh: list[tuple[Path, Path]] = []
    try:
        for name, text in files.items():
            fresh.append((_private(home / name, text), home / name))
        for made, place in fresh:
            made.replace(place)
    except OSError as problem:
        raise _unwritable(home, problem) from None
    finally:
        for made, _ in fresh:
            made.unlink(missing_ok=True)
    for name in {KEY, SECRET, TOKEN} - set(connection.secrets):
        (home / name).unlink(missing_ok=True)


def settings_text(home: Path, connection: Connection) -> str:
    """What oneshot.toml will be: `[github]` for this connection, a mode that merges nothing where none stands there."""
    file = home / _FILE
    text = file.read_text() if file.exists() else ""
    there = tomllib.loads(text)
    allowed = list(dict.fromkeys((*there.get("repositories", ()), *connection.repositories)))
    top = {} if "mode" in there else {"mode": "propose"}
    top |= {"repositories": allowed} if connection.repositories else {}
    urls = dict.fromkeys(("api_url", "graphql_url", "git_url")) | {"api_url": connection.api_url}
    github = {**dict.fromkeys(_IDENTITY), **urls, **connection.github}
    made = with_keys(text, "", top) if top else text
    made = None if made is None else with_keys(made, "github", github)
    if made is None:
        raise BadInput(
            tried=f"write [github] into {file}",
            found="a form of it that cannot be changed safely",
            do="write `repositories` on one line and [github] as a section of its own, or take them out",
        )
    return made


def _private(place: Path, text: str) -> Path:
    """A new file beside its place, closed to others before a byte is in it, and on the disk."""
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(6)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise
    return fresh


def _check_writable(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        _private(home / "room", "x" * _ROOM).unlink()
    except OSError as problem:
        raise _unwritable(home, problem) from None


def _unwritable(home: Path, problem: OSError) -> BadInput:
    return BadInput(
        tried=f"keep the connection in {home}",
        found=str(problem.strerror or problem).lower(),
        do="set ONESHOT_HOME to a folder with room that you may write to",
    )
