"""What is watched while Codex works: its silence, a command of the model's left out, and what it has used up so far.
`exec --json` tells its usage only at a good end, so it is read from the rollout that the session writes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from oneshot_dagster.services.agent.protocol import AgentEvent, Usage

_READ_EVERY = 1.0  # seconds
_MARK = b'"token_count"'
Total = tuple[int, int, int]  # tokens: input, of these cached, and output


@dataclass(kw_only=True, slots=True)
class Silence:
    """For how long nothing was said. Who runs a command is not silent: that is bounded by the wall clock alone."""

    clock: Callable[[], float] = time.monotonic
    _since: float = 0.0
    _commands: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self._since = self.clock()

    def hear(self, event: AgentEvent, item: str) -> None:
        self._since = self.clock()
        if event.kind == "command_started":
            self._commands.add(item)
        else:
            self._commands.discard(item)

    @property
    def seconds(self) -> float:
        return 0.0 if self._commands else self.clock() - self._since


@dataclass(kw_only=True, slots=True)
class Meter:
    """Tokens of this session alone: a rollout that is taken up again counts from its thread's first turn."""

    model: str
    _at: int = 0
    _looked: float = float("-inf")
    _before: Total = (0, 0, 0)
    _total: Total | None = None

    @property
    def usage(self) -> Usage:
        if self._total is None:
            return Usage(model=self.model)
        used = [max(0, now - before) for now, before in zip(self._total, self._before, strict=True)]
        return Usage(input_tokens=used[0], cached_tokens=used[1], output_tokens=used[2], model=self.model)

    def skip(self, rollout: Path) -> None:
        """What was used before this session."""
        said, self._at = totals(rollout)
        self._before = said or (0, 0, 0)

    def look(self, rollout: Path | None, *, now: bool = False) -> bool:
        """Reads what is new, at most once a second; True where the usage has changed."""
        if rollout is None or (not now and time.monotonic() - self._looked < _READ_EVERY):
            return False
        self._looked = time.monotonic()
        said, self._at = totals(rollout, self._at)
        changed = said is not None and said != self._total
        self._total = said or self._total
        return changed


def totals(path: Path, start: int = 0) -> tuple[Total | None, int]:
    """The newest total of tokens after that place of a rollout, and the place where its last line ends."""
    try:
        with path.open("rb") as rollout:
            rollout.seek(start)
            content = rollout.read()
    except OSError:
        return None, start
    whole = content[: content.rfind(b"\n") + 1]
    found = [_total(line) for line in whole.split(b"\n") if _MARK in line]
    known = [total for total in found if total is not None]
    return (known[-1] if known else None), start + len(whole)


def _total(line: bytes) -> Total | None:
    try:
        said: Any = json.loads(line)
        used = cast("dict[str, object]", said["payload"]["info"]["total_token_usage"])
        cached = _number(used.get("cached_input_tokens", 0))
        total = _number(used["input_tokens"]), cached, _number(used["output_tokens"])
    except (ValueError, KeyError, TypeError):
        return None
    return total if any(total) else None  # it says nought where a turn failed, and that is not known


def _number(found: object) -> int:
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return found
    raise ValueError(found)
