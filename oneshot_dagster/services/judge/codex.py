"""Codex as the judge, for a model that is to look around: `codex exec --output-schema` in an exported tree that its commands can
read and not write, with a CODEX_HOME of its own that nobody takes up again. It knows nothing of who made the change."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from oneshot_dagster.domain.errors import NeedsHuman, TryAgain
from oneshot_dagster.services.judge.model_failures import CODE
from oneshot_dagster.services.judge.protocol import Opinion, Question
from oneshot_dagster.system.codex.failures import Trouble, trouble
from oneshot_dagster.system.codex.home import Places, Provider, as_toml, configuration, places
from oneshot_dagster.system.codex.program import Program, bounded, check_sandbox, environment, installed, version
from oneshot_dagster.system.process import Command, Finished
from oneshot_dagster.system.sandbox.room import Bounds
from oneshot_dagster.system.sandbox.usage import Usage

_LOG_LIMIT = 8 * 2**20
_SETTINGS = frozenset({Trouble.KEY, Trouble.QUOTA, Trouble.SETTING})


@dataclass(frozen=True, kw_only=True)
class CodexJudge:
    """`program` None is that of the wheel. `wall` bounds an answer with all its looking around, `stall` its longest silence."""

    provider: Provider
    scratch: Path
    key: Callable[[], str]
    wall: float
    stall: float
    program: Path | None = None
    browses: bool = True
    bounds: Bounds = field(default_factory=Bounds)
    not_enforced: tuple[str, ...] = ()

    @property
    def model(self) -> str | None:
        return self.provider.model

    def ask(self, question: Question, *, cancelled: Callable[[], bool]) -> Opinion | None:
        assert question.tree is not None  # noqa: S101  # it browses, so it is given one
        program = installed(self.program)
        used = Usage(bounds=self.bounds)
        with places(self.scratch, purpose="judge") as made:
            self._prepare(program, made, question.tree)
            finished, heard = self._play(self._command(program, made, question, question.tree), used, cancelled)
        if finished.cancelled and used.exceeded is None:
            return None
        return Opinion(
            model=self.provider.model,
            raw=heard.text,
            seconds=finished.seconds,
            problem=f"it was ended: {used.exceeded}" if used.exceeded else self._problem(finished, heard),
            input_tokens=heard.tokens("input_tokens"),
            cached_tokens=heard.tokens("cached_input_tokens"),
            output_tokens=heard.tokens("output_tokens"),
        )

    def examine(self) -> str:
        """What works here, without asking the model anything. Raises NeedsHuman where something does not."""
        program = installed(self.program)
        with places(self.scratch, purpose="judge") as made:
            tree = made.root / "tree"
            tree.mkdir()
            self._prepare(program, made, tree)
        return f"{version(program)}, its sandbox works"

    def _command(self, program: Program, made: Places, question: Question, tree: Path) -> Command:
        schema = made.root / "schema.json"
        schema.write_text(json.dumps(question.schema))
        options = ("--json", "--strict-config", "--ephemeral", "--skip-git-repo-check", "-C", str(tree))
        return Command(
            argv=(*bounded(self.bounds), str(program.path), "exec", *options, "--output-schema", str(schema), "-"),
            cwd=tree,
            env=environment(program, made, key=self.key() if self.provider.has_key else None, extra={}),
            stdin=question.prompt.encode(),
            timeout=self.wall,
            output_limit=_LOG_LIMIT,
        )

    def _play(self, command: Command, used: Usage, cancelled: Callable[[], bool]) -> tuple[Finished, "_Heard"]:
        heard = _Heard()
        try:
            return used.run(command, cancelled=cancelled, on_line=heard.hear, stall=self.stall), heard
        except OSError as problem:
            raise TryAgain(f"Codex could not be started: {problem.strerror}") from problem

    def _prepare(self, program: Program, made: Places, tree: Path) -> None:
        """The configuration, and the sandbox tried by it."""
        settings = configuration(
            self.provider,
            made,
            worktree=tree,
            path=program.search_path(),
            readable=(program.folder,),
            writes=False,
        )
        (made.codex / "config.toml").write_text(as_toml(settings))
        check_sandbox(program, made, tree, writes=False)

    def _problem(self, finished: Finished, heard: "_Heard") -> str:
        if finished.timed_out:
            return f"it did not end within {self.wall:g} s"
        if finished.stalled:
            return f"it said nothing for {self.stall:g} s"
        if finished.returncode == 0 and heard.ended:
            return "" if heard.text else "it answered without a text"
        said = heard.failure or finished.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        found = trouble(said)
        if found is Trouble.AWAY:
            raise TryAgain(f"the judge's model is away ({said[:300]})")
        if found in _SETTINGS:
            raise NeedsHuman(f"the judge's model refuses to be asked ({said[:300]}); see ONESHOT_JUDGE__*", reason=CODE)
        return f"its answer was cut off: {said[:300] or f'it ended with {finished.returncode}'}"


class _Heard:
    """What Codex said, line by line. Its answer is the last message; a turn that failed leaves none."""

    def __init__(self) -> None:
        self.text = self.failure = ""
        self.ended = False
        self._usage: Mapping[str, object] = {}

    def hear(self, line: bytes) -> None:
        try:
            said = _object(json.loads(line))
        except (ValueError, RecursionError):
            return
        match said.get("type"):
            case "item.completed" if (item := _object(said.get("item"))).get("type") == "agent_message":
                self.text = str(item.get("text", ""))
            case "turn.completed":
                self.ended, self._usage = True, _object(said.get("usage"))
            case "turn.failed":
                self.failure = str(_object(said.get("error")).get("message", ""))
            case _:
                pass

    def tokens(self, name: str) -> int | None:
        found = self._usage.get(name)
        return found if isinstance(found, int) else None


def _object(found: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}
