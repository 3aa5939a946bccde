"""The files of a world under $ONESHOT_HOME: settings, the forge's people and their tokens, Dagster's workspace.
Who runs in that world is stack.py."""

import json
import os
import secrets
import shutil
import sys
from enum import StrEnum
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.local.demo.plant import AGENT, ENGINE, OWNER, REPOSITORY, people
from oneshot_dagster.local.ports import HOST
from oneshot_dagster.settings import Settings, load

CHECKOUT = Path(__file__).resolve().parent.parent.parent
LOCATION = "oneshot"
WEBHOOKS = "webhooks"  # beside the people's tokens: what the forge signs with
_MARK = "# Written by the local world of `oneshot dev` at each start."
_LEAST_FREE = 300 * 2**20


class HomeKind(StrEnum):
    """What a home is for: the demo's world with its forge, or the operator's own settings and the GitHub that they name."""

    LOCAL = "local"
    CONNECTED = "connected"


class World:
    """`settings` are those of the home, as every process in it reads them."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.home = settings, settings.home

    @property
    def kind(self) -> HomeKind:
        return kind_of(self.home)

    @property
    def forge_url(self) -> str:
        return f"http://{HOST}:{self.settings.ports.forge}"

    @property
    def service_url(self) -> str:
        return f"http://{HOST}:{self.settings.ports.service}"

    @property
    def web_url(self) -> str:
        return f"http://{HOST}:{self.settings.ports.web}"

    @property
    def hooks_url(self) -> str:
        return f"http://{HOST}:{self.settings.ports.hooks}/webhooks/github"

    @property
    def people_file(self) -> Path:
        return self.home / "forge" / "people.json"

    @property
    def workspace(self) -> Path:
        return self.home / "workspace.yaml"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def token_file(self, login: str) -> Path:
        return self.home / "tokens" / login

    def token(self, login: str) -> str:
        return self.token_file(login).read_text().strip()

    def environment(self) -> dict[str, str]:
        """What every process of the platform gets: where things are, and the operator's own ONESHOT_ settings."""
        ours = {name: value for name, value in os.environ.items() if name.startswith("ONESHOT_")}
        return ours | {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "ONESHOT_HOME": str(self.home),
            "DAGSTER_HOME": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
        }


def described(home: Path) -> bool:
    """Whether this home's settings file is of the local world."""
    file = home / "oneshot.toml"
    return file.exists() and file.read_text().startswith(_MARK)


def kind_of(home: Path) -> HomeKind:
    own = (home / "oneshot.toml").exists() and not described(home)
    return HomeKind.CONNECTED if own else HomeKind.LOCAL


def check_kind(home: Path, wanted: HomeKind) -> None:
    """BadInput where the home is of the other kind."""
    if kind_of(home) is wanted:
        return
    file = home / "oneshot.toml"
    if wanted is HomeKind.LOCAL:
        raise BadInput(
            tried=f"start the local world in {home}",
            found=f"settings of your own in {file}",
            do="choose another ONESHOT_HOME for the local world; your own settings are for `oneshot up`",
        )
    raise BadInput(
        tried=f"start the platform in {home}",
        found=f"the local world of `oneshot dev` in {file}" if file.exists() else f"no settings in {file}",
        do="set ONESHOT_HOME to a folder of its own and connect it: `oneshot github connect`",
    )


def lay_out(settings: Settings) -> World:
    """Writes the files that are not the operator's, and reads the settings again. `settings` as `asked` gives them."""
    world = World(settings)
    if world.kind is HomeKind.CONNECTED:
        write_private(world.workspace, _workspace_file(world))
        return world
    home = settings.home
    file = home / "oneshot.toml"
    for login in (OWNER, ENGINE, WEBHOOKS):
        if not world.token_file(login).exists():
            write_private(world.token_file(login), secrets.token_urlsafe(24))
    known = people(owner_token=world.token(OWNER), engine_token=world.token(ENGINE))
    write_private(world.people_file, json.dumps(known))
    write_private(file, _settings_file(world))
    write_private(world.workspace, _workspace_file(world))
    return World(load())


def asked() -> Settings:
    """For the local world those of the environment alone: an earlier start's file must not fix this one's ports."""
    settings = load()
    if kind_of(settings.home) is HomeKind.CONNECTED:
        return settings
    return Settings(home=settings.home)  # pyright: ignore[reportCallIssue]  # the other fields have defaults


def write_private(path: Path, text: str) -> None:
    """Whole or not at all, for nobody else's eyes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)


def check_home(home: Path) -> None:
    """BadInput where nothing can be kept there."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        write_private(home / ".writable", "")
        (home / ".writable").unlink()
    except OSError as problem:
        raise BadInput(
            tried=f"keep the local world in {home}",
            found=str(problem.strerror).lower(),
            do="set ONESHOT_HOME to a folder that you may write to",
        ) from None
    free = shutil.disk_usage(home).free
    if free < _LEAST_FREE:
        raise BadInput(
            tried=f"keep the local world in {home}",
            found=f"{free // 2**20} MB free on that disk, and at least {_LEAST_FREE // 2**20} MB are needed",
            do="free some space (`oneshot gc` helps), or set ONESHOT_HOME to a folder on another disk",
        )


def _settings_file(world: World) -> str:
    """JSON's strings and lists are TOML's too."""
    ports, say = world.settings.ports, json.dumps
    public = world.settings.public_url if "ONESHOT_PUBLIC_URL" in os.environ else world.web_url
    lines = (
        f"{_MARK} To set something else, use ONESHOT_* variables.",
        f"repositories = {say([REPOSITORY, REPOSITORY.split('/')[0] + '/*'])}",
        f"public_url = {say(public)}",
        "hold_seconds = 120.0",
        "[github]",
        f"api_url = {say(world.forge_url + '/api/v3')}",
        f"graphql_url = {say(world.forge_url + '/api/graphql')}",
        f"git_url = {say(world.forge_url)}",
        f"token_file = {say(str(world.token_file(ENGINE)))}",
        f"webhook_secret_file = {say(str(world.token_file(WEBHOOKS)))}",
        "[agent]",
        f"command = {say([sys.executable, '-I', str(AGENT)])}",
        "[ports]",
        *(f"{name} = {port}" for name, port in ports.model_dump().items()),
    )
    return "\n".join(lines) + "\n"


def _workspace_file(world: World) -> str:
    return f"""# Written with oneshot.toml; the checkout's own workspace.yaml is for the default port.
load_from:
  - grpc_server:
      host: {HOST}
      port: {world.settings.ports.code_server}
      location_name: {LOCATION}
"""
