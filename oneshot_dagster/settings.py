"""What the operator of this platform sets: `$ONESHOT_HOME/oneshot.toml`, and environment variables over it.
What a target repository asks for is its policy (domain.policy), not here. Read once, by bootstrap and the cli."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.domain.run import Mode

PREFIX = "ONESHOT_"
_CHECKOUT = Path(__file__).resolve().parent.parent


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GitHubSettings(_Section):
    api_url: str = Field(
        "https://api.github.com",
        description="REST root of GitHub, GitHub Enterprise Server (`https://HOST/api/v3`) or the forge.",
    )
    graphql_url: str = Field(
        "https://api.github.com/graphql", description="GraphQL endpoint; where unset, that of `api_url`'s server."
    )
    git_url: str = Field(
        "https://github.com",
        description="Root of the clone URLs, `<git_url>/<owner>/<repo>.git`; where unset, that of `api_url`'s server.",
    )
    token: SecretStr | None = Field(
        None, description="A token with access to the repositories; never written to a log."
    )
    token_file: Path | None = Field(None, description="A file that holds the token, instead of `token`.")
    app_id: str | None = Field(None, description="A GitHub App's id or client id, instead of a token.")
    private_key_file: Path | None = Field(
        None, description="The App's private key, a PEM file that only its owner can read."
    )
    webhook_secret: SecretStr | None = Field(None, description="What GitHub signs its webhooks with.")
    webhook_secret_file: Path | None = Field(None, description="A file that holds it, instead of `webhook_secret`.")

    @field_validator("app_id", mode="before")
    @classmethod
    def _a_number_is_an_id(cls, given: object) -> object:
        return str(given) if type(given) is int else given

    @model_validator(mode="before")
    @classmethod
    def _one_server(cls, given: object) -> object:
        """`api_url` is enough: the other two are of the same server."""
        values = cast("dict[str, object]", given if isinstance(given, dict) else {})
        if not isinstance(api_url := values.get("api_url"), str):
            return cast("object", given)
        graphql, git = _of_server(api_url)
        return {"graphql_url": graphql, "git_url": git, **values}

    @model_validator(mode="after")
    def _one_identity(self) -> "GitHubSettings":
        has_app = self.app_id is not None or self.private_key_file is not None
        wrong = {
            "give either a token or an App (app_id, private_key_file), not both": has_app and self._has_token,
            "give token or token_file, not both": self.token is not None and self.token_file is not None,
            "private_key_file is missing beside app_id": has_app and self.private_key_file is None,
            "app_id is missing beside private_key_file": has_app and self.app_id is None,
            "give webhook_secret or webhook_secret_file, not both": self.webhook_secret is not None
            and self.webhook_secret_file is not None,
        }
        if any(wrong.values()):
            raise ValueError("; ".join(text for text, is_so in wrong.items() if is_so))
        return self

    @property
    def _has_token(self) -> bool:
        return self.token is not None or self.token_file is not None


def _of_server(api_url: str) -> tuple[str, str]:
    """GraphQL and git beside a REST root: GitHub's `api.HOST`, or `HOST/api/v3` of an Enterprise Server and the forge."""
    root = api_url.rstrip("/")
    if root.endswith("/api/v3"):
        return root.removesuffix("v3") + "graphql", root.removesuffix("/api/v3")
    return f"{root}/graphql", root.replace("://api.", "://", 1)


class _KeySection(_Section):
    """Of a service of models: the key to it, in the settings or in a file."""

    api_key: SecretStr | None
    api_key_file: Path | None = Field(None, description="A file that holds the key, instead of `api_key`.")

    @property
    def has_key(self) -> bool:
        return self.api_key is not None or self.api_key_file is not None


class AgentSettings(_KeySection):
    kind: Literal["command", "codex"] = Field(
        "command", description="Which agent: any command that reads the prompt on stdin, or Codex."
    )
    command: tuple[str, ...] = Field(
        (), description="The argv of the agent; for Codex its path, where it is not that of the wheel."
    )
    model: str | None = Field(None, description="The model that Codex works with.")
    base_url: str = Field(
        "https://api.openai.com/v1", description="Where Codex's model is served: up to, not with, `/responses`."
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key of the agent's model. No command of Codex's model ever sees it; what a command agent starts can.",
    )
    api_key_variable: str = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The variable by which a command agent gets the key; Codex has its own.",
    )
    env: dict[str, SecretStr] = Field(
        {}, description="What the agent's own program gets as environment beside that (a proxy, a CA file), as JSON."
    )
    patch_files: int = Field(5_000, description="Most files that an agent may add or change in one attempt.")
    patch_mb: int = Field(50, description="Most that these files may hold, in MiB.")
    reach: tuple[str, ...] = Field((), description="`host:port` of what the command may reach: its model's service.")
    wall_seconds: float = Field(45 * 60, description="Wall clock of one attempt's agent.")
    stall_seconds: float = Field(10 * 60, description="Longest silence of the agent.")

    @model_validator(mode="after")
    def _usable(self) -> "AgentSettings":
        problems = _of_model(self, needs_model=self.kind == "codex")
        if self.kind == "command" and self.api_key_variable in self.env and self.has_key:
            problems.append(f"give the key by api_key or as {self.api_key_variable} in env, not both")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class JudgeSettings(_KeySection):
    kind: Literal["rules", "model", "codex"] = Field(
        "rules",
        description="Who judges: the rules alone, or after them, and only stricter, a model asked once, or Codex, which looks around.",
    )
    codex: Path | None = Field(None, description="Where the judging Codex is, if it is not that of the wheel.")
    model: str | None = Field(None, description="The judging model's name, for every kind but `rules`.")
    base_url: str = Field(
        "https://api.openai.com/v1", description="Where the judging model is served: up to, not with, `/responses`."
    )
    api_key: SecretStr | None = Field(None, description="Key of the judging model; never written to a log.")
    wall_seconds: float = Field(600.0, gt=0, description="Longest time for one answer of the judging model.")
    stall_seconds: float = Field(120.0, gt=0, description="Longest silence within an answer of the judging model.")

    @model_validator(mode="after")
    def _usable(self) -> "JudgeSettings":
        problems = _of_model(self, needs_model=self.kind != "rules")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _of_model(given: AgentSettings | JudgeSettings, *, needs_model: bool) -> list[str]:
    """What is wrong with the service of a model and the key to it."""
    address = urlsplit(given.base_url)
    local = address.hostname in {"127.0.0.1", "localhost", "::1"}
    wrong = {
        f"model is missing beside kind {given.kind}": needs_model and not given.model,
        "base_url must be http(s)://HOST[:PORT][/PATH]": address.scheme not in {"http", "https"}
        or not address.hostname,
        "base_url must hold no login": address.username is not None,
        "base_url is http, and a key would be told in clear": address.scheme == "http" and given.has_key and not local,
        "give api_key or api_key_file, not both": given.api_key is not None and given.api_key_file is not None,
    }
    return [text for text, is_so in wrong.items() if is_so]


class SandboxSettings(_Section):
    kind: Literal["bubblewrap", "landlock", "none"] | None = Field(
        None, description="How commands of others are kept apart; unset: the strongest way that works."
    )
    strict: bool | None = Field(
        None, description="Refuse to run them where nothing works; unset: true, but for a forge on this machine."
    )
    readable: tuple[Path, ...] = Field(
        (), description="Toolchains outside `/usr` and `/opt` that they need: folders that they may read."
    )
    memory_mb: int = Field(4096, description="Most memory of a command with all that it starts, in MiB.")
    processes: int = Field(512, description="Most processes of a command at a time.")


class MergeSettings(_Section):
    enabled: bool = Field(default=True, description="False holds every merge.")
    rules_alone: bool = Field(default=False, description="Let the rules judge alone decide on a merge on real GitHub.")


class VerifySettings(_Section):
    secrets: dict[str, dict[str, SecretStr]] = Field(
        default_factory=dict,
        description="What verification suites may be given, by repository and name; a policy names those it wants.",
    )


class ArgoCDSettings(_Section):
    url: str | None = Field(None, description="Address of Argo CD, for policies that deploy by it.")
    token: SecretStr | None = Field(None, description="Token of an Argo CD account; never written to a log.")
    token_file: Path | None = Field(None, description="A file that holds the token, instead of `token`.")
    ca_file: Path | None = Field(None, description="Authorities to trust, PEM; default: those of this machine.")
    plain_http: bool = Field(default=False, description="Send the token over http too, where the network is trusted.")
    timeout_seconds: float = Field(15.0, gt=0, le=300, description="Longest wait for one answer of Argo CD.")

    @model_validator(mode="after")
    def _usable(self) -> "ArgoCDSettings":
        address = urlsplit(self.url or "https://unset")
        local = address.hostname in {"127.0.0.1", "localhost", "::1"}
        wrong = {
            "url must be https://HOST[:PORT][/PATH]": address.scheme not in {"http", "https"} or not address.hostname,
            "url must hold no login": address.username is not None,
            "url is http: give https, or set plain_http": address.scheme == "http" and not (local or self.plain_http),
            "give token or token_file, not both": self.token is not None and self.token_file is not None,
            "token or token_file is missing beside url": self.url is not None
            and self.token is None
            and self.token_file is None,
        }
        if any(wrong.values()):
            raise ValueError("; ".join(text for text, is_so in wrong.items() if is_so))
        return self


class BlobSettings(_Section):
    path: Path | None = Field(None, description="Folder of stored artifacts; default `$ONESHOT_HOME/blobs`.")


class PriceSettings(_Section):
    input: float = Field(description="US dollars for a million tokens that a model is given.")
    output: float = Field(description="US dollars for a million tokens that it answers.")
    cached: float | None = Field(
        None, description="Of those it is given, for a million that its service had kept; unset: as all others."
    )


class IdentitySettings(_Section):
    name: str = Field("oneshot", description="Author of the commits that the engine makes.")
    email: str = Field("oneshot@localhost", description="E-mail address of that author.")
    trailers: tuple[str, ...] = Field((), description="Lines at the end of its messages, `Signed-off-by: …` say.")


class PortSettings(_Section):
    web: int = Field(3000, description="Dagster UI of `make dev`.")
    forge: int = Field(3001, description="The forge.")
    code_server: int = Field(3002, description="Dagster code server; workspace.yaml names the default.")
    service: int = Field(3003, description="The demo's deployed service, behind its supervisor.")
    hooks: int = Field(3004, description="Where GitHub's webhooks come in; open only with a webhook secret.")


class BudgetSettings(_Section):
    attempts: int = Field(3, description="Most implementation attempts of a change; a policy can only lower it.")
    infrastructure_retries: int = Field(5, description="Most retries of a change after crashes and outages.")
    stuck_changes: int = Field(
        3, description="Changes in a row that need a person before intake of their repository pauses; 0: never."
    )
    tokens: int = Field(
        10_000_000, description="Most tokens that the agents of a change may use; a policy can only lower it."
    )
    usd: float = Field(
        100.0, description="Most US dollars of a change, where its model has a price; a policy can only lower it."
    )
    prices: dict[str, PriceSettings] = Field(
        {},
        description="`{model: {input, output, cached}}` in dollars a million tokens; without one the cost is unknown.",
    )
    active_seconds: float = Field(
        8 * 3600.0, description="Most time of work on a change, waits left out; a policy can only lower it."
    )


class Settings(BaseSettings):
    """Every field is also `ONESHOT_<NAME>`, a section's `ONESHOT_<SECTION>__<NAME>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    home: Path = Field(default=_CHECKOUT / ".oneshot", description="Where all state lives.")
    database_url: SecretStr | None = Field(None, description="A Postgres DSN; default: the embedded one of `home`.")
    repositories: tuple[str, ...] = Field(
        (), description="Allowed repositories, `owner/name` or `owner/*`; empty denies all."
    )
    mode: Mode = Field(Mode.MERGE, description="Upper bound of every repository's mode.")
    public_url: str = Field("http://127.0.0.1:3000", description="Where people find the Dagster UI; used in links.")
    hooks_host: str = Field("127.0.0.1", description="The address of the hooks port; the UI's is always loopback.")
    worktrees: Path | None = Field(
        None, description="Root of the worktrees; default `$CODEX_CWD/.worktrees`, else `home`."
    )
    hold_seconds: float = Field(120.0, description="How long check_state waits in its run before it parks.")
    crash_file: Path | None = Field(
        None, description="For tests against a forge: names the call at which a process dies."
    )
    crash_at: int | None = Field(
        None,
        ge=0,
        description="For tests against a forge: the line of `crash_file` (default `boundaries` in `home`) at which a process dies;"
        " 0 records there what it goes through.",
    )
    github: GitHubSettings = GitHubSettings()  # pyright: ignore[reportCallIssue]
    agent: AgentSettings = AgentSettings()  # pyright: ignore[reportCallIssue]
    judge: JudgeSettings = JudgeSettings()  # pyright: ignore[reportCallIssue]
    sandbox: SandboxSettings = SandboxSettings()  # pyright: ignore[reportCallIssue]
    merge: MergeSettings = MergeSettings()  # pyright: ignore[reportCallIssue]
    verify: VerifySettings = VerifySettings()
    argocd: ArgoCDSettings = ArgoCDSettings()  # pyright: ignore[reportCallIssue]
    blobs: BlobSettings = BlobSettings()  # pyright: ignore[reportCallIssue]
    identity: IdentitySettings = IdentitySettings()  # pyright: ignore[reportCallIssue]
    ports: PortSettings = PortSettings()  # pyright: ignore[reportCallIssue]
    budget: BudgetSettings = BudgetSettings()  # pyright: ignore[reportCallIssue]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over what `load` read from the file; no other source."""
        del settings_cls, dotenv_settings, file_secret_settings
        return (env_settings, init_settings)

    @property
    def worktree_root(self) -> Path:
        if self.worktrees:
            return self.worktrees
        codex = os.environ.get("CODEX_CWD")
        return Path(codex) / ".worktrees" if codex else self.home / "worktrees"

    @property
    def blob_root(self) -> Path:
        return self.blobs.path or self.home / "blobs"

    @property
    def store_url(self) -> str:
        """Our own database. Raises BadInput where neither a DSN nor the embedded server's address is there."""
        return self._database("oneshot", suffix="")

    @property
    def dagster_url(self) -> str:
        """Dagster's database, on the same server, with psycopg2, which is what dagster-postgres speaks."""
        return self._database("dagster", suffix="_dagster").replace("postgresql://", "postgresql+psycopg2://", 1)

    def _database(self, embedded: str, *, suffix: str) -> str:
        if self.database_url is not None:
            head, _, query = self.database_url.get_secret_value().partition("?")
            rest = head.partition("://")[2]
            return f"postgresql://{rest}{suffix}" + (f"?{query}" if query else "")
        file = self.home / "postgres.json"
        try:
            server = json.loads(file.read_text())
        except (OSError, ValueError):
            raise BadInput(
                tried="find the database",
                found=f"no ONESHOT_DATABASE_URL and no {file}",
                do=f"start the embedded one with `{self.started_by}`, or set ONESHOT_DATABASE_URL",
            ) from None
        user, password = quote(server["user"], safe=""), quote(server["password"], safe="")
        return f"postgresql://{user}:{password}@{server['host']}:{server['port']}/{embedded}"

    @property
    def started_by(self) -> str:
        """The command whose stack belongs in this home: the operator's own settings are for another than the demo's world."""
        own = (self.home / "oneshot.toml").exists() and not self.is_local_forge
        return "oneshot up" if own else "make dev"

    @property
    def is_local_forge(self) -> bool:
        return urlsplit(self.github.api_url).hostname in {"127.0.0.1", "localhost", "::1"}


def load() -> Settings:
    """Reads file and environment; every mistake in one BadInput."""
    home = Path(os.environ.get("ONESHOT_HOME") or _CHECKOUT / ".oneshot").absolute()
    file = home / "oneshot.toml"
    problems = _unknown_variables()
    values: dict[str, Any] = {}
    try:
        values = tomllib.loads(file.read_text()) if file.exists() else {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        problems.append(f"{file}: {error}")
    try:
        settings = Settings.model_validate({**values, "home": home})
    except ValidationError as error:
        problems += [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in error.errors()]
        settings = None
    if problems or settings is None:
        raise BadInput(
            tried=f"read the settings ({file} and {PREFIX}* variables)",
            found="; ".join(problems),
            do="mend each; docs/operations.md lists every setting",
        )
    return settings


def _unknown_variables() -> list[str]:
    known: set[str] = set()
    for name, field in Settings.model_fields.items():
        section = cast("object", field.annotation)
        known.add(f"{PREFIX}{name}".upper())
        if isinstance(section, type) and issubclass(section, _Section):
            known |= {f"{PREFIX}{name}__{inner}".upper() for inner in section.model_fields}
    return [f"{name} is not a setting" for name in os.environ if name.startswith(PREFIX) and name not in known]
