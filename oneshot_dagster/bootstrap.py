"""Settings to services: the only place that picks the real ones. Nothing else reads settings to build a service."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from oneshot_dagster.domain.budget import Budgets, Price
from oneshot_dagster.domain.errors import BadInput
from oneshot_dagster.services.agent.codex import CodexAgent
from oneshot_dagster.services.agent.command import CommandAgent
from oneshot_dagster.services.agent.protocol import Agent
from oneshot_dagster.services.blobs.local import LocalBlobs
from oneshot_dagster.services.deploy.argocd import ArgoDeploy
from oneshot_dagster.services.deploy.argocd_api import ArgoCD
from oneshot_dagster.services.deploy.command import CommandDeploy
from oneshot_dagster.services.deploy.none import NoDeploy
from oneshot_dagster.services.deploy.protocol import Deploy
from oneshot_dagster.services.git.protocol import Identity, Most
from oneshot_dagster.services.git.repositories import GitRepositories
from oneshot_dagster.services.github.app_tokens import AppTokens
from oneshot_dagster.services.github.client import GitHubClient
from oneshot_dagster.services.github.tokens import OneToken, Tokens
from oneshot_dagster.services.judge.codex import CodexJudge
from oneshot_dagster.services.judge.model import ModelJudge
from oneshot_dagster.services.judge.protocol import Judge
from oneshot_dagster.services.judge.rules_only import RulesOnly
from oneshot_dagster.services.store.postgres import PostgresStore
from oneshot_dagster.services.suites.local import LocalSuites
from oneshot_dagster.settings import (
    AgentSettings,
    ArgoCDSettings,
    GitHubSettings,
    JudgeSettings,
    SandboxSettings,
    Settings,
    load,
)
from oneshot_dagster.steps.services import Limits, Services
from oneshot_dagster.system.clock import SystemClock
from oneshot_dagster.system.codex.home import Provider
from oneshot_dagster.system.crashing import around, watch
from oneshot_dagster.system.sandbox.kinds import Kind
from oneshot_dagster.system.sandbox.room import Bounds, address
from oneshot_dagster.system.sandbox.sandbox import Sandbox

_NO_CAP = 365 * 86400.0  # seconds: how long to wait for CI and people is the policy's alone


def open_services(settings: Settings | None = None) -> Services:
    """Connects lazily: a wrong address is found by the first step that needs it."""
    settings = settings or load()
    store = PostgresStore(settings.store_url)
    tokens = github_tokens(settings.github)
    github = GitHubClient(api_url=settings.github.api_url, graphql_url=settings.github.graphql_url, token=tokens)
    author = Identity(name=settings.identity.name, email=settings.identity.email)
    scratch = settings.home / "scratch"
    sandbox = sandbox_of(settings)
    root = settings.github.git_url.rstrip("/")
    worker = agent(settings, scratch, sandbox)
    git = GitRepositories(
        home=settings.home,
        worktrees=settings.worktree_root,
        remote_url=lambda repository: f"{root}/{repository}.git",
        token=tokens.token,
        identity=author,
        secrets=worker.secrets,
    )

    def close() -> None:
        github.close()
        store.close()

    services = Services(
        store=store,
        git=git,
        github=github,
        agent=worker,
        judge=judge(settings.judge, scratch, sandbox.bounds),
        suites=LocalSuites(scratch=scratch, sandbox=sandbox),
        deploys=_deploys(settings, scratch),
        blobs=LocalBlobs(settings.blob_root),
        clock=SystemClock(),
        limits=_limits(settings, author, scratch),
        close=close,
    )
    return services if settings.crash_file is None and settings.crash_at is None else _crashing(services, settings)


def sandbox_of(settings: Settings) -> Sandbox:
    """Looks for what works on this machine when it is first used."""
    wanted = settings.sandbox
    return Sandbox(
        wanted=Kind(wanted.kind) if wanted.kind else None,
        strict=not settings.is_local_forge if wanted.strict is None else wanted.strict,
        readable=wanted.readable,
        hidden=_secret_places(settings),
        bounds=bounds_of(wanted),
    )


def bounds_of(settings: SandboxSettings) -> Bounds:
    return Bounds(memory=settings.memory_mb * 2**20, processes=settings.processes)


def _secret_places(settings: Settings) -> tuple[Path, ...]:
    """The home, and what the settings name as a file of a key; also where they lie under /opt, or in a toolchain."""
    sections = (section for _, section in settings if isinstance(section, BaseModel))
    named = (value for section in sections for name, value in section if name.endswith("_file"))
    files = (value for value in named if isinstance(value, Path))
    return tuple(place.absolute() for place in (settings.home, settings.worktree_root, settings.blob_root, *files))


def _crashing(services: Services, settings: Settings) -> Services:
    if not settings.is_local_forge:
        raise BadInput(
            tried="use ONESHOT_CRASH_FILE or ONESHOT_CRASH_AT",
            found=settings.github.api_url,
            do="unset it: it is for tests against a forge",
        )
    seen = watch(settings.crash_file or settings.home / "boundaries", settings.crash_at)
    return replace(
        services,
        store=around(services.store, "store", seen),
        git=around(services.git, "git", seen),
        github=around(services.github, "github", seen),
        agent=around(services.agent, "agent", seen),
        judge=around(services.judge, "judge", seen),
        suites=around(services.suites, "suites", seen),
        deploys={kind: around(deploy, "deploy", seen) for kind, deploy in services.deploys.items()},
        blobs=around(services.blobs, "blobs", seen),
    )


def _deploys(settings: Settings, scratch: Path) -> dict[str, Deploy]:
    """By kind; without an address there is no `argocd`."""
    known: dict[str, Deploy] = {"command": CommandDeploy(scratch=scratch), "none": NoDeploy()}
    api = argocd(settings.argocd)
    return known if api is None else {**known, "argocd": ArgoDeploy(api=api)}


def agent(settings: Settings, scratch: Path, sandbox: Sandbox) -> Agent:
    asked = settings.agent
    env = {name: value.get_secret_value() for name, value in asked.env.items()}
    key = (lambda: agent_key(asked)) if asked.has_key else None
    if asked.kind == "codex" and asked.model is not None:
        return CodexAgent(
            provider=Provider(base_url=asked.base_url, model=asked.model, has_key=asked.has_key),
            scratch=scratch,
            key=key,
            program=Path(asked.command[0]) if asked.command else None,
            env=env,
            readable=settings.sandbox.readable,
            bounds=sandbox.bounds,
        )
    reach = tuple(address(one) for one in asked.reach)
    return CommandAgent(
        command=asked.command,
        scratch=scratch,
        env=env,
        key=key,
        key_variable=asked.api_key_variable,
        sandbox=sandbox,
        reach=reach,
    )


def agent_key(settings: AgentSettings) -> str:
    return _key(settings, what="read the key of the agent's model", variable="ONESHOT_AGENT__API_KEY_FILE")


def judge(settings: JudgeSettings, scratch: Path, bounds: Bounds) -> Judge:
    if settings.kind == "rules" or settings.model is None:
        return RulesOnly()
    if settings.kind == "codex":
        return codex_judge(settings, settings.model, scratch, bounds)
    return ModelJudge(
        model=settings.model,
        base_url=settings.base_url,
        key=lambda: judge_key(settings),
        wall=settings.wall_seconds,
        stall=settings.stall_seconds,
    )


def codex_judge(settings: JudgeSettings, model: str, scratch: Path, bounds: Bounds) -> CodexJudge:
    return CodexJudge(
        provider=Provider(base_url=settings.base_url, model=model, has_key=settings.has_key),
        scratch=scratch,
        key=lambda: judge_key(settings),
        wall=settings.wall_seconds,
        stall=settings.stall_seconds,
        program=settings.codex,
        bounds=bounds,
    )


def judge_key(settings: JudgeSettings) -> str:
    return _key(settings, what="read the judge's key", variable="ONESHOT_JUDGE__API_KEY_FILE")


def _key(settings: AgentSettings | JudgeSettings, *, what: str, variable: str) -> str:
    """Read for each session and question, so that a renewed file is seen. "" where none is set: a server of one's own
    may want none."""
    if settings.api_key is not None:
        return settings.api_key.get_secret_value()
    if settings.api_key_file is None:
        return ""
    try:
        return settings.api_key_file.read_text().strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a text"
        raise BadInput(tried=what, found=f"{settings.api_key_file}: {why}", do=f"mend {variable}") from None


def argocd(settings: ArgoCDSettings) -> ArgoCD | None:
    if settings.url is None:
        return None
    return ArgoCD(
        url=settings.url,
        token=lambda: _argocd_token(settings),
        ca_file=settings.ca_file,
        timeout=settings.timeout_seconds,
    )


def _argocd_token(settings: ArgoCDSettings) -> str:
    if settings.token is not None:
        return settings.token.get_secret_value()
    try:
        return settings.token_file.read_text().strip() if settings.token_file else ""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a text"
        do = "mend ONESHOT_ARGOCD__TOKEN_FILE"
        raise BadInput(tried="read the Argo CD token", found=f"{settings.token_file}: {why}", do=do) from None


def github_tokens(github: GitHubSettings) -> Tokens:
    """An App's tokens where the settings name one; read, and asked for, when they are needed."""
    return OneToken(TokenReader(github)) if github.app_id is None else app_tokens(github)


def app_tokens(github: GitHubSettings) -> AppTokens:
    file = github.private_key_file
    if github.app_id is None or file is None:
        raise BadInput(tried="act as a GitHub App", found="none in the settings", do="`oneshot github connect`")
    return AppTokens(api_url=github.api_url, app_id=github.app_id, private_key=lambda: _private_key(file))


def _private_key(file: Path) -> str:
    tried = "read the GitHub App's private key"
    try:
        if file.stat().st_mode & 0o077:
            raise BadInput(tried=tried, found=f"{file}, which others than its owner can use", do=f"chmod 600 {file}")
        return file.read_text()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a text"
        raise BadInput(tried=tried, found=f"{file}: {why}", do="mend ONESHOT_GITHUB__PRIVATE_KEY_FILE") from None


class TokenReader:
    """Reads the token when it is asked for, so that a renewed file is seen."""

    def __init__(self, github: GitHubSettings) -> None:
        self._github = github

    def __call__(self) -> str:
        if self._github.token is not None:
            return self._github.token.get_secret_value()
        if self._github.token_file is not None:
            try:
                return self._github.token_file.read_text().strip()
            except OSError as error:
                raise _no_token(f"{self._github.token_file}: {error.strerror}") from None
        raise _no_token(
            "neither ONESHOT_GITHUB__TOKEN nor ONESHOT_GITHUB__TOKEN_FILE nor an App's ONESHOT_GITHUB__APP_ID"
        )


def webhook_secret(github: GitHubSettings) -> Callable[[], bytes] | None:
    """What webhooks are signed with, read at each delivery so that a renewed file is seen. None: none is set."""
    given, file = github.webhook_secret, github.webhook_secret_file
    if given is not None:
        return lambda: given.get_secret_value().encode()
    return None if file is None else lambda: _secret_of(file)


def _secret_of(file: Path) -> bytes:
    """BadInput for an empty one too: with it anybody could sign."""
    try:
        content = file.read_bytes().strip()
    except OSError as error:
        content, why = b"", error.strerror or "unreadable"
    else:
        why = "empty"
    if not content:
        do = "put the secret there that GitHub has"
        raise BadInput(tried="read the webhook secret", found=f"{file}: {why}", do=do)
    return content


def _no_token(found: str) -> BadInput:
    return BadInput(tried="read the GitHub token", found=found, do="set one of them")


def _limits(settings: Settings, author: Identity, scratch: Path) -> Limits:
    return Limits(
        repositories=settings.repositories,
        mode=settings.mode,
        hold_seconds=settings.hold_seconds,
        glance_seconds=2.0 if settings.is_local_forge else 30.0,
        agent_wall=settings.agent.wall_seconds,
        agent_stall=settings.agent.stall_seconds,
        caps=Budgets(
            attempts=settings.budget.attempts,
            infrastructure=settings.budget.infrastructure_retries,
            tokens=settings.budget.tokens,
            usd=settings.budget.usd,
            active=settings.budget.active_seconds,
            ci_wait=_NO_CAP,
            review_wait=_NO_CAP,
        ),
        prices={
            model: Price(input=price.input, output=price.output, cached=price.cached)
            for model, price in settings.budget.prices.items()
        },
        patch=Most(files=settings.agent.patch_files, size=settings.agent.patch_mb * 2**20),
        trailers=settings.identity.trailers,
        secrets={
            repository: {name: secret.get_secret_value() for name, secret in kept.items()}
            for repository, kept in settings.verify.secrets.items()
        },
        merge_enabled=settings.merge.enabled,
        stuck_changes=settings.budget.stuck_changes,
        rules_alone=settings.merge.rules_alone,
        is_local_forge=settings.is_local_forge,
        public_url=settings.public_url,
        author=author,
        scratch=scratch,
    )
