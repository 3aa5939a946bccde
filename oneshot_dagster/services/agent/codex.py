"""Codex as the agent: `codex exec --json`, each session with a CODEX_HOME of its own from which it is kept.
It edits in its own sandbox, in which only the worktree can be written and little be read; it never sees a token of ours."""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from oneshot_dagster.domain.errors import BadInput, NeedsHuman, TryAgain
from oneshot_dagster.domain.isolation import Isolation
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
    restore_session,
)
from oneshot_dagster.system.codex.program import Program, check_sandbox, environment, installed, version
from oneshot_dagster.system.log import REDACTED, forms
from oneshot_dagster.system.process import Command, run


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

    @property
    def name(self) -> str:
        return f"codex ({self.provider.model})"

    @property
    def isolation(self) -> Isolation:
        layers = (
            "Codex's bubblewrap: own files, own processes",
            "network of its commands: none",
            "limits: time, output",
        )
        return Isolation(layers=layers, missing=("memory limit",))

    @property
    def not_enforced(self) -> tuple[str, ...]:
        return self.isolation.missing

    def run(
        self, request: AgentRequest, *, on_event: Callable[[AgentEvent], None], cancelled: Callable[[], bool]
    ) -> AgentResult:
        run = _Run(self, installed(self.program), self._key(), on_event, cancelled)
        if request.resume is not None and request.session is not None:
            result = run.resumed(request, request.resume, request.session)
            if result is not None:
                return result
            on_event(AgentEvent(kind="warning", text="the earlier session could not be taken up again: a fresh one"))
        return run.fresh(replace(request, resume=None, session=None))

    def examine(self) -> str:
        """What works here, without asking the model anything. Raises NeedsHuman where something does not."""
        program = installed(self.program)
        self._key()
        with _places(self.scratch) as places:
            worktree = places.root / "worktree"
            worktree.mkdir()
            _Run(self, program, None, lambda _: None, lambda: False).prepare(places, worktree)
        return f"{version(program)} at {program.path}, its sandbox works; {self.provider.model} at {self.provider.base_url}"

    def _key(self) -> str | None:
        try:
            return None if self.key is None else self.key()
        except BadInput as error:
            raise NeedsHuman(
                f"the key of the agent's model cannot be read: {error}", reason="agent_key_missing"
            ) from None


@dataclass(frozen=True, slots=True)
class _Run:
    agent: CodexAgent
    program: Program
    key: str | None
    on_event: Callable[[AgentEvent], None]
    cancelled: Callable[[], bool]

    def fresh(self, request: AgentRequest) -> AgentResult:
        with _places(self.agent.scratch) as places:
            return self._play(self._session(request, places))

    def resumed(self, request: AgentRequest, resume: str, kept: bytes) -> AgentResult | None:
        """None where that session cannot be taken up again."""
        with _places(self.agent.scratch) as places:
            rollout = restore_session(places, resume, kept)
            if rollout is None:
                return None
            session = self._session(request, places)
            session.thread = resume
            session.meter.skip(rollout)
            result = self._play(session)
            own = result.failure is Failure.OWN or result.code == MISCONFIGURED
            return None if result.end is AgentEnd.FAILED and session.never_began and own else result

    def _session(self, request: AgentRequest, places: Places) -> Session:
        return Session(
            request=request,
            places=places,
            meter=Meter(model=self.agent.provider.model),
            on_event=self.on_event,
            cancelled=self.cancelled,
            clean=self._clean,
        )

    def prepare(self, places: Places, worktree: Path) -> None:
        """The configuration, and the sandbox tried by it."""
        readable = (self.program.folder, *git_folders(worktree), *self.agent.readable)
        path = self.program.search_path(tuple(folder / "bin" for folder in self.agent.readable))
        text = as_toml(configuration(self.agent.provider, places, worktree=worktree, path=path, readable=readable))
        (places.codex / "config.toml").write_text(text)
        check_sandbox(self.program, places, worktree)

    def _play(self, session: Session) -> AgentResult:
        request, places = session.request, session.places
        try:
            self.prepare(places, request.worktree)
            finished = run(self._command(request, places), on_line=session.hear, cancelled=session.over)
        except OSError as problem:
            raise TryAgain(f"Codex ({self.program.path}) could not be started: {problem.strerror}") from problem
        return session.result(finished)

    def _command(self, request: AgentRequest, places: Places) -> Command:
        resume = ("resume", request.resume) if request.resume is not None else ()
        options = ("--json", "--strict-config", "-C", str(request.worktree))
        return Command(
            argv=(str(self.program.path), "exec", *options, *resume, "-"),
            cwd=request.worktree,
            env=environment(self.program, places, key=self.key, extra=self.agent.env),
            stdin=request.prompt.encode(),
            timeout=request.wall,
            output_limit=LOG_LIMIT,
            pass_fds=request.keep_open,
        )

    def _clean(self, said: bytes) -> bytes:
        for form in forms(self.key) if self.key else ():
            said = said.replace(form.encode(), REDACTED.encode())
        return said


@contextlib.contextmanager
def _places(scratch: Path) -> Generator[Places]:
    scratch.mkdir(parents=True, exist_ok=True)
    places = Places(root=Path(tempfile.mkdtemp(prefix="codex-", dir=scratch)))
    try:
        places.make()
        yield places
    finally:
        shutil.rmtree(places.root, ignore_errors=True)
