"""Codex as the agent: `codex exec --json`, each session with a CODEX_HOME of its own from which it is kept.
It edits in its own sandbox, in which only the worktree can be written and little be read; it never sees a token of ours."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.services.agent import keys
from oneshot_dagster.services.agent.codex_failures import MISCONFIGURED
from oneshot_dagster.services.agent.codex_session import LOG_LIMIT, Session
from oneshot_dagster.services.agent.codex_watch import Meter
from oneshot_dagster.services.agent.protocol import (
    AgentEnd,
    AgentEvent,
    AgentRequest,
    AgentResult,
    Failure,
)
from oneshot_dagster.system.codex.home import (
    Places,
    Provider,
    as_toml,
    configuration,
    git_folders,
    places,
    restore_session,
)
from oneshot_dagster.system.codex.program import Program, bounded, check_sandbox, environment, installed, version
from oneshot_dagster.system.process import Command
from oneshot_dagster.system.sandbox.room import Bounds
from oneshot_dagster.system.sandbox.usage import Usage
from oneshot_dagster.system.secret_forms import cleaner


@dataclass(frozen=True, kw_only=True)
class CodexAgent:
    """`program` None is that of the wheel. `key` is read for each session; only Codex itself gets it, and `env`.

    `readable` are folders that the model's commands may read beside the system's; they find programs in their `bin`.
    """

    provider: Provider
    scratch: Path
    key: Callable[[], str] | None = None
    program: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    readable: tuple[Path, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def name(self) -> str:
        return f"codex ({self.provider.model})"

    @property
    def isolation(self) -> Isolation:
        layers = (
            "Codex's bubblewrap: own files, own processes",
            "network of its commands: none",
            f"limits: {self.bounds.memory // 2**20} MiB, {self.bounds.processes} processes, time, output",
        )
        return Isolation(layers=layers)

    @property
    def not_enforced(self) -> tuple[str, ...]:
        return self.isolation.missing

    def secrets(self) -> tuple[str, ...]:
        return keys.secrets(keys.read(self.key), self.env)

    def run(
        self, request: AgentRequest, *, on_event: Callable[[AgentEvent], None], cancelled: Callable[[], bool]
    ) -> AgentResult:
        key = keys.read(self.key)
        run = _Run(self, installed(self.program), key, cleaner(keys.secrets(key, self.env)), on_event, cancelled)
        if request.resume is not None and request.session is not None:
            result = run.resumed(request, request.resume, request.session)
            if result is not None:
                return result
            on_event(AgentEvent(kind="warning", text="the earlier session could not be taken up again: a fresh one"))
        return run.fresh(replace(request, resume=None, session=None))

    def examine(self) -> str:
        """What works here, without asking the model anything. Raises NeedsHuman where something does not."""
        program = installed(self.program)
        keys.read(self.key)
        with places(self.scratch, purpose="codex") as made:
            worktree = made.root / "worktree"
            worktree.mkdir()
            _Run(self, program, None, cleaner(()), lambda _: None, lambda: False).prepare(made, worktree)
        return f"{version(program)} at {program.path}, its sandbox works; {self.provider.model} at {self.provider.base_url}"


@dataclass(frozen=True, slots=True)
class _Run:
    agent: CodexAgent
    program: Program
    key: str | None
    clean: Callable[[bytes], bytes]
    on_event: Callable[[AgentEvent], None]
    cancelled: Callable[[], bool]

    def fresh(self, request: AgentRequest) -> AgentResult:
        with self._places(request) as made:
            return self._play(self._session(request, made))

    def resumed(self, request: AgentRequest, resume: str, kept: bytes) -> AgentResult | None:
        """None where that session cannot be taken up again."""
        with self._places(request) as made:
            rollout = restore_session(made, resume, kept)
            if rollout is None:
                return None
            session = self._session(request, made)
            session.thread = resume
            session.meter.skip(rollout)
            result = self._play(session)
            own = result.failure is Failure.OWN or result.code == MISCONFIGURED
            return None if result.end is AgentEnd.FAILED and session.never_began and own else result

    def _places(self, request: AgentRequest) -> AbstractContextManager[Places]:
        return places(self.agent.scratch, purpose="codex", given=request.home)

    def _session(self, request: AgentRequest, made: Places) -> Session:
        return Session(
            request=request,
            places=made,
            meter=Meter(model=self.agent.provider.model),
            on_event=self.on_event,
            cancelled=self.cancelled,
            clean=self.clean,
        )

    def prepare(self, made: Places, worktree: Path) -> None:
        """The configuration, and the sandbox tried by it."""
        readable = (self.program.folder, *git_folders(worktree), *self.agent.readable)
        path = self.program.search_path(tuple(folder / "bin" for folder in self.agent.readable))
        text = as_toml(configuration(self.agent.provider, made, worktree=worktree, path=path, readable=readable))
        (made.codex / "config.toml").write_text(text)
        check_sandbox(self.program, made, worktree)

    def _play(self, session: Session) -> AgentResult:
        request, used = session.request, Usage(bounds=self.agent.bounds)
        try:
            self.prepare(session.places, request.worktree)
            command = self._command(request, session.places)
            finished = used.run(command, on_line=session.hear, cancelled=session.over)
        except OSError as problem:
            raise TryAgain(f"Codex ({self.program.path}) could not be started: {problem.strerror}") from problem
        return session.result(finished, exceeded=used.exceeded)

    def _command(self, request: AgentRequest, made: Places) -> Command:
        resume = ("resume", request.resume) if request.resume is not None else ()
        options = ("--json", "--strict-config", "-C", str(request.worktree))
        return Command(
            argv=(*bounded(self.agent.bounds), str(self.program.path), "exec", *options, *resume, "-"),
            cwd=request.worktree,
            env=environment(self.program, made, key=self.key, extra=self.agent.env),
            stdin=request.prompt.encode(),
            timeout=request.wall,
            output_limit=LOG_LIMIT,
            pass_fds=request.keep_open,
        )
