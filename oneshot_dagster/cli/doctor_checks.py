"""The checks of `oneshot doctor`, one function each: what was found, and what to do where it is not good.
A check never raises for what it examines, and changes nothing."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.errors import BadInput, OneshotError
from oneshot_dagster.domain.freeze import sentence, stopped
from oneshot_dagster.domain.intake import paused
from oneshot_dagster.domain.isolation import FILES, NETWORK
from oneshot_dagster.services.github.protocol import GitHub
from oneshot_dagster.services.store import schema
from oneshot_dagster.services.store.protocol import Events, Freezes, Pauses
from oneshot_dagster.services.store.schema import Standing
from oneshot_dagster.services.suites.protocol import SuiteRequest, Suites
from oneshot_dagster.settings import AgentSettings, Settings, load
from oneshot_dagster.system.process import Command, clean_environment, run

if TYPE_CHECKING:
    from oneshot_dagster.services.agent.protocol import Agent

OLDEST_GIT = (2, 38)
LEAST_FREE = 1_500_000_000
_ISOLATE = "install bubblewrap and allow user namespaces, or use a Linux with landlock (5.13 or later)"
_WRITERS = {"write", "maintain", "admin"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    name: str
    ok: bool
    found: str
    do: str = ""


def examine() -> list[Finding]:
    """Every check; without usable settings only those that need none."""
    try:
        settings = load()
    except BadInput as error:
        return [git(), Finding(name="settings", ok=False, found=str(error), do="mend them; then ask again")]
    from oneshot_dagster.bootstrap import argocd, judge_key, open_services
    from oneshot_dagster.cli.doctor_argocd import argocd_access
    from oneshot_dagster.cli.doctor_judge import judge

    checks = [
        git(),
        codex(settings) if settings.agent.kind == "codex" else agent(settings.agent),
        judge(settings, lambda: judge_key(settings.judge)),
        database("database", lambda: settings.store_url, started_by=settings.started_by),
        dagster_database(settings),
        disk(settings.home),
        *ports(settings),
        *(argocd_access(api) for api in [argocd(settings.argocd)] if api is not None),
    ]
    try:
        services = open_services(settings)
    except OneshotError as error:
        return [*checks, Finding(name="GitHub access", ok=False, found=f"not looked at: {error}", do="mend the above")]
    try:
        return [
            *checks,
            deliveries(services.store.events),
            freezes(services.store.freezes),
            intake(services.store.pauses, services.limits.stuck_changes),
            github_access(services.github, settings.repositories),
            sandbox(services.suites, services.agent, settings.home / "scratch"),
        ]
    finally:
        services.close()


def git(environment: Mapping[str, str] | None = None) -> Finding:
    name, do = "git", f"install git {'.'.join(map(str, OLDEST_GIT))} or newer"
    try:
        answer = run(
            Command(argv=("git", "--version"), cwd=Path("/"), env=environment or clean_environment(), timeout=10)
        )
    except OSError as error:
        return Finding(name=name, ok=False, found=f"git does not start: {error.strerror}", do=do)
    said = answer.stdout.decode(errors="replace").strip()
    version = re.search(r"(\d+)\.(\d+)", said)
    ok = version is not None and (int(version[1]), int(version[2])) >= OLDEST_GIT
    return Finding(name=name, ok=ok, found=said or "git says no version", do="" if ok else do)


def agent(settings: AgentSettings) -> Finding:
    from oneshot_dagster.bootstrap import agent_key

    name = "agent"
    if not settings.command:
        return Finding(
            name=name, ok=False, found="no command", do="set ONESHOT_AGENT__COMMAND to the argv of the agent"
        )
    program = shutil.which(settings.command[0])
    if program is None:
        found = f"{settings.command[0]} is not a program that can be started"
        return Finding(name=name, ok=False, found=found, do="install it, or mend ONESHOT_AGENT__COMMAND")
    try:
        agent_key(settings)
    except BadInput as error:
        return Finding(name=name, ok=False, found=error.found, do=error.do)
    missing = [word for word in settings.command[1:] if word.startswith("/") and not Path(word).exists()]
    if missing:
        return Finding(name=name, ok=False, found=f"{missing[0]} is not there", do="mend ONESHOT_AGENT__COMMAND")
    return Finding(name=name, ok=True, found=" ".join((program, *settings.command[1:])))


def codex(settings: Settings) -> Finding:
    from oneshot_dagster.bootstrap import agent as agent_of
    from oneshot_dagster.bootstrap import sandbox_of
    from oneshot_dagster.services.agent.codex import CodexAgent

    name, found = "agent", agent_of(settings, settings.home / "scratch", sandbox_of(settings))
    assert isinstance(found, CodexAgent)  # noqa: S101  # settings of the kind codex make no other
    try:
        return Finding(name=name, ok=True, found=found.examine())
    except (OneshotError, OSError) as error:
        return Finding(
            name=name, ok=False, found=str(error), do="mend it: the ONESHOT_AGENT__* settings say how it is run"
        )


def database(name: str, url: Callable[[], str], *, started_by: str = "make dev") -> Finding:
    try:
        found = schema.check(url())
    except OneshotError as error:
        do = f"start it: `{started_by}` has one; or mend ONESHOT_DATABASE_URL"
        return Finding(name=name, ok=False, found=str(error), do=do)
    if found.standing is Standing.CURRENT:
        return Finding(name=name, ok=True, found=f"reached, schema {found.version}")
    do = {
        Standing.FOREIGN: "give ONESHOT_DATABASE_URL a database of its own",
        Standing.NEWER: "update this program",
    }.get(found.standing, "run `oneshot db upgrade`")
    what = (
        f"tables of others: {', '.join(found.tables)}" if found.standing is Standing.FOREIGN else found.standing.value
    )
    return Finding(name=name, ok=False, found=f"reached, the schema is {what}", do=do)


def dagster_database(settings: Settings) -> Finding:
    name = "Dagster's database"
    try:
        schema.check(settings.dagster_url)
    except OneshotError as error:
        do = f"`{settings.started_by}` makes it; or create a database by the name of ours with _dagster after it"
        return Finding(name=name, ok=False, found=str(error), do=do)
    return Finding(name=name, ok=True, found="reached")


def github_access(client: GitHub, repositories: tuple[str, ...]) -> Finding:
    name = "GitHub access"
    if not repositories:
        return Finding(name=name, ok=False, found="no repository is allowed", do="set ONESHOT_REPOSITORIES")
    try:
        login = client.login
        bad = [f"{repository}: {why}" for repository in repositories if (why := _no_access(client, repository, login))]
    except OneshotError as error:
        return Finding(
            name=name, ok=False, found=str(error), do="mend ONESHOT_GITHUB__TOKEN, __TOKEN_FILE or __API_URL"
        )
    if bad:
        return Finding(
            name=name, ok=False, found="; ".join(bad), do=f"give {login} write access there, or mend the name"
        )
    return Finding(name=name, ok=True, found=f"as {login}, for {', '.join(repositories)}")


def _no_access(client: GitHub, repository: str, login: str) -> str | None:
    """Of a pattern nothing can be asked."""
    if repository.endswith("*"):
        return None
    if client.default_branch(repository) is None:
        return "is not there, or the token may not see it"
    permission = client.permission(repository, login)
    return None if permission in _WRITERS else f"{login} has {permission} access"


def deliveries(events: Events) -> Finding:
    """What GitHub sent and could not be projected. Nothing is decided from it, so changes go on all the same."""
    name = "webhook events"
    try:
        found = events.standing()
    except OneshotError as error:
        return Finding(name=name, ok=False, found=f"not looked at: {error}", do="mend the database")
    said = f"{found.processed} projected, {found.waiting} waiting"
    if not found.dead:
        return Finding(name=name, ok=True, found=said)
    do = "see `oneshot events list --dead`; mended (a newer version of this program), `oneshot events replay`"
    return Finding(name=name, ok=False, found=f"{said}, {found.dead} given up, the last: {found.last_error}", do=do)


def freezes(kept: Freezes) -> Finding:
    """A freeze is somebody's will; a lane that an alarm stopped waits for a person."""
    name = "merges"
    try:
        standing = kept.standing()
    except OneshotError as error:
        return Finding(name=name, ok=False, found=f"not looked at: {error}", do="mend the database")
    found = "; ".join(map(sentence, standing)) or "nothing is frozen"
    halted = stopped(standing)
    do = "" if halted is None else f"see the brief of what stopped it (`oneshot explain`), then `{halted.lifted_by}`"
    return Finding(name=name, ok=halted is None, found=found, do=do)


def intake(pauses: Pauses, most: int) -> Finding:
    """Repositories whose intake the changes that need a person have paused."""
    name = "intake"
    try:
        found = [paused(one, pauses.stuck(one), most) for one in pauses.repositories()]
    except OneshotError as error:
        return Finding(name=name, ok=False, found=f"not looked at: {error}", do="mend the database")
    refused = [one for one in found if one is not None]
    if not refused:
        return Finding(name=name, ok=True, found="nothing is paused")
    return Finding(
        name=name, ok=False, found="; ".join(one.found for one in refused), do="; ".join(one.do for one in refused)
    )


def sandbox(suites: Suites, agent: "Agent", scratch: Path) -> Finding:
    """Runs two real suites: one that looks for a secret of ours, one that does not end."""
    name, canary = "sandbox", f"canary{secrets.token_hex(8)}"
    isolation = suites.isolation()
    missing = "; ".join(f"not enforced: {what}" for what in dict.fromkeys((*isolation.missing, *agent.not_enforced)))
    os.environ["DOCTOR_CANARY"] = canary
    try:
        with tempfile.TemporaryDirectory() as folder:
            looked = suites.run(_suite("env", Path(folder), 10.0), say=_silent, cancelled=lambda: False)
            slept = suites.run(_suite("sleep 60", Path(folder), 0.3), say=_silent, cancelled=lambda: False)
    except OSError as error:
        do = f"make {scratch} a folder that can be written to"
        return Finding(name=name, ok=False, found=f"no suite can run: {error}", do=do)
    except OneshotError as error:
        return Finding(name=name, ok=False, found=str(error), do=_ISOLATE)
    finally:
        del os.environ["DOCTOR_CANARY"]
    wrong = [
        *(["a suite cannot be run"] if "PATH=" not in looked.log_tail else []),
        *(["a suite sees our environment"] if canary in looked.log_tail else []),
        *(["a suite outlives its time"] if slept.verdict is Verdict.PASSED or slept.seconds > 30 else []),
    ]
    if wrong:
        return Finding(
            name=name, ok=False, found="; ".join(wrong), do="run no change of others here until it is mended"
        )
    holds = not {NETWORK, FILES} & set(isolation.missing)
    said = f"clean environment, time limit and tree kill work; {isolation.active}; {missing or 'all is enforced'}"
    return Finding(name=name, ok=holds, found=said, do="" if holds else _ISOLATE)


def _suite(command: str, folder: Path, timeout: float) -> SuiteRequest:
    return SuiteRequest(suite="doctor", command=command, folder=folder, sha="0" * 40, timeout=timeout)


def _silent(_text: str) -> None:
    pass


def disk(home: Path, *, least: int = LEAST_FREE) -> Finding:
    name = "disk"
    place = next((folder for folder in (home, *home.parents) if folder.exists()), Path("/"))
    try:
        with tempfile.TemporaryFile(dir=place):
            free = shutil.disk_usage(place).free
    except OSError as error:
        do = "set ONESHOT_HOME to a folder that can be written to"
        return Finding(name=name, ok=False, found=f"{place}: {error.strerror}", do=do)
    ok = free >= least
    do = "" if ok else f"free {(least - free) // 10**6 + 1} MB more: `oneshot gc`, or another ONESHOT_HOME"
    return Finding(name=name, ok=ok, found=f"{free / 10**9:.1f} GB free in {place}", do=do)


def ports(settings: Settings) -> list[Finding]:
    """Each that the stack of this home opens: free, or taken by a process of it."""
    from oneshot_dagster.local.parts import Web
    from oneshot_dagster.local.ports import is_free, owner
    from oneshot_dagster.local.stack import opened_ports

    findings: list[Finding] = []
    for name, port in opened_ports(settings, Web.PAGES).items():
        what, holder = f"port {port} ({name})", "" if is_free(port) else owner(port)
        if not holder:
            findings.append(Finding(name=what, ok=True, found="free"))
            continue
        ours = _is_ours(holder, settings.home)
        do = "" if ours else f"stop that, or set ONESHOT_PORTS__{name.upper()}"
        findings.append(Finding(name=what, ok=ours, found=f"{'ours: ' if ours else 'taken by '}{holder}", do=do))
    return findings


def _is_ours(holder: str, home: Path) -> bool:
    """Every process of the local world has its home in its environment."""
    pid = re.match(r"pid (\d+)", holder)
    try:
        environment = Path(f"/proc/{pid[1]}/environ").read_bytes().split(b"\0") if pid else []
    except OSError:
        return False
    return f"ONESHOT_HOME={home}".encode() in environment
