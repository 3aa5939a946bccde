"""Any program as the agent: prompt on stdin, its folder the worktree, JSON objects on stdout as events, the rest is log.
`{"type": "message", "text"}`, `{"type": "usage", "input_tokens", "cached_tokens", "output_tokens", "model"}`, `{"type": "session", "id"}`.
It runs in a sandbox: it can change the worktree's files, read git's folders of it, and reach its model."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from oneshot_dagster.domain.errors import TryAgain
from oneshot_dagster.domain.isolation import Isolation
from oneshot_dagster.services.agent import keys
from oneshot_dagster.services.agent.protocol import AgentEnd, AgentEvent, AgentRequest, AgentResult
from oneshot_dagster.services.agent.transcript import Transcript
from oneshot_dagster.system.process import Command, clean_environment
from oneshot_dagster.system.sandbox.git_folders import GitFolders
from oneshot_dagster.system.sandbox.room import Address, Room
from oneshot_dagster.system.sandbox.sandbox import Ended, Sandbox
from oneshot_dagster.system.secret_forms import cleaner

LOG_LIMIT = 4 * 2**20


@dataclass(frozen=True, kw_only=True)
class CommandAgent:
    """`env` is all that the program gets beside a clean environment, and the `key` of its model, read for each session;
    `scratch` holds its HOME and TMPDIR while it runs.

    The key, and what of `env` is secret, is taken out of all that it says.

    `reach` is where its model is, `readable` what it needs beside the system's programs and the files that `command` names.
    """

    command: tuple[str, ...]
    scratch: Path
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    key: Callable[[], str] | None = None
    key_variable: str = "OPENAI_API_KEY"
    sandbox: Sandbox = field(default_factory=Sandbox)
    reach: tuple[Address, ...] = ()
    readable: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        return f"command: {Path(self.command[0]).name}"

    @property
    def not_enforced(self) -> tuple[str, ...]:
        return self.isolation.missing

    @property
    def isolation(self) -> Isolation:
        return self.sandbox.isolation(reach=self.reach)

    def secrets(self) -> tuple[str, ...]:
        return keys.secrets(keys.read(self.key), self.env)

    def run(
        self, request: AgentRequest, *, on_event: Callable[[AgentEvent], None], cancelled: Callable[[], bool]
    ) -> AgentResult:
        clean, transcript = cleaner(self.secrets()), Transcript(on_event=on_event, resume=request.resume)
        self.scratch.mkdir(parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="agent-", dir=self.scratch))
        try:
            ended = self.sandbox.run(
                self._command(request, home),
                self._room(request, home),
                cancelled=cancelled,
                on_line=lambda line: transcript.hear(clean(line)),
                stall=request.stall,
            )
        except OSError as problem:
            raise TryAgain(
                f"the agent's command {self.command[0]} could not be started: {problem.strerror}"
            ) from problem
        finally:
            shutil.rmtree(home, ignore_errors=True)
        finished, end = ended.finished, _end(ended)
        return AgentResult(
            end=end,
            reason=clean(_reason(end, ended, request).encode()).decode(),
            exit_code=finished.returncode if end in {AgentEnd.FINISHED, AgentEnd.FAILED} else None,
            seconds=finished.seconds,
            usage=transcript.usage,
            log=clean(_log(ended, transcript)),
            events=tuple(transcript.events),
            resume=transcript.resume,
        )

    def _room(self, request: AgentRequest, home: Path) -> Room:
        named = (Path(word) for word in self.command if word.startswith("/"))
        git = GitFolders.of(request.worktree)
        return Room(
            writable=(request.worktree, home, *([request.home] if request.home else [])),
            readable=(*self.readable, *(file for file in named if file.is_file()), *git.readable),
            hidden=git.hidden,
            reach=self.reach,
        )

    def _command(self, request: AgentRequest, home: Path) -> Command:
        resume = {"ONESHOT_AGENT_RESUME": request.resume} if request.resume else {}
        temporary = home / "tmp"
        temporary.mkdir()
        key = keys.read(self.key)
        given = dict(self.env) | ({} if key is None else {self.key_variable: key})
        return Command(
            argv=self.command,
            cwd=request.worktree,
            env=clean_environment(HOME=str(request.home or home), TMPDIR=str(temporary)) | given | resume,
            stdin=request.prompt.encode(),
            timeout=request.wall,
            output_limit=LOG_LIMIT,
            pass_fds=request.keep_open,
        )


def _end(ended: Ended) -> AgentEnd:
    finished = ended.finished
    if finished.cancelled:
        return AgentEnd.CANCELLED
    if finished.timed_out:
        return AgentEnd.TIMED_OUT
    if finished.stalled:
        return AgentEnd.STALLED
    return AgentEnd.FINISHED if finished.returncode == 0 and not ended.exceeded else AgentEnd.FAILED


def _reason(end: AgentEnd, ended: Ended, request: AgentRequest) -> str:
    if end is AgentEnd.CANCELLED:
        return "the agent was stopped on request"
    if end is AgentEnd.TIMED_OUT:
        return f"the agent was stopped after {request.wall:g} s, its time for one attempt"
    if end is AgentEnd.STALLED:
        return f"the agent was stopped: it had said nothing for {request.stall:g} s"
    if end is AgentEnd.FINISHED:
        return "the agent finished"
    if ended.exceeded:
        return f"the agent was stopped: {ended.exceeded}"
    finished = ended.finished
    last = finished.stderr.decode(errors="replace").strip().rpartition("\n")[2][:300]
    return f"the agent failed with exit code {finished.returncode}" + (f": {last}" if last else "")


def _log(ended: Ended, transcript: Transcript) -> bytes:
    finished = ended.finished
    parts = [finished.stdout]
    if finished.stderr:
        parts += [b"\n--- stderr ---\n", finished.stderr]
    if finished.truncated:
        parts.append(f"\n--- the log was cut: more than {LOG_LIMIT} bytes ---\n".encode())
    if ended.refused:
        parts.append(f"\n--- the sandbox did not let it through to {', '.join(ended.refused)[:1000]} ---\n".encode())
    if transcript.dropped:
        parts.append(f"\n--- {transcript.dropped} more events were not kept ---\n".encode())
    return b"".join(parts)
