"""What a scripted model does, turn by turn: a Reply, or a Fault of the service that serves it. Plain values."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

from oneshot_dagster.local.model.items import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Usage near a model's window makes Codex compact its history: keep it small."""

    input: int = 100
    cached: int = 0
    output: int = 10
    reasoning: int = 0


class Reply:
    """One response of these items, given `times` times (None: for ever)."""

    __slots__ = ("items", "times", "tokens")

    def __init__(self, *items: Json, tokens: Tokens | None = None, times: int | None = 1) -> None:
        self.items, self.tokens, self.times = items, tokens or Tokens(), times


class Break(StrEnum):
    """How a request goes wrong."""

    STATUS = "status"  # an HTTP error
    CUT = "cut"  # the stream ends in the middle of a message
    EMPTY = "empty"  # a stream of nothing
    GARBAGE = "garbage"  # a stream of what is no event
    SILENCE = "silence"  # headers, and then nothing for ever
    MUTE = "mute"  # not even headers
    RESET = "reset"  # the connection is reset
    FAILED = "failed"  # `response.failed` with the code
    INCOMPLETE = "incomplete"  # `response.incomplete`, cut off at its largest output


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """`status`, `headers` are of Break.STATUS; `code` and `text` stand in the error that is told, where one is."""

    kind: Break
    status: int = 500
    code: str = "server_error"
    text: str = "scripted fault"
    headers: dict[str, str] = field(default_factory=dict[str, str])
    times: int | None = 1


Turn = Reply | Fault


def status(code: int, *, reason: str = "server_error", text: str = "scripted fault", **more: Any) -> Fault:
    return Fault(kind=Break.STATUS, status=code, code=reason, text=text, **more)


@dataclass(frozen=True, kw_only=True, slots=True)
class Latest:
    prompt: str
    outputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request that a client of the model made; header names in lower case."""

    headers: dict[str, str]
    body: Json

    @property
    def prompt(self) -> str:
        """All that was said as user, oldest first."""
        return "\n".join(_text(item) for item in self._input if item.get("role") == "user")

    @property
    def outputs(self) -> tuple[str, ...]:
        """What tools answered so far, oldest first."""
        return _outputs(self._input)

    @property
    def latest(self) -> "Latest":
        """What was said as user last, and what tools answered since."""
        spoken = [place for place, item in enumerate(self._input) if item.get("role") == "user"]
        last = spoken[-1] if spoken else 0
        return Latest(prompt=_text(self._input[last]), outputs=_outputs(self._input[last:]))

    @property
    def schema(self) -> Json | None:
        """The JSON schema that the answer is to have."""
        text: Json = self.body.get("text") or {}
        wanted: Json = text.get("format") or {}
        return wanted.get("schema")

    @property
    def _input(self) -> list[Json]:
        given = self.body.get("input", [])
        return [{"role": "user", "content": given}] if isinstance(given, str) else list(given)


Player = Callable[[Asked], Turn]


class Script:
    """Plays turns in order. A request after the last is refused for good, so that it shows."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._turns = [(turn, turn.times) for turn in turns]
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Turn:
        del asked
        with self._lock:
            if not self._turns:
                return status(400, reason="invalid_request_error", text="the script has no more turns")
            turn, left = self._turns[0]
            if left == 1:
                del self._turns[0]
            elif left is not None:
                self._turns[0] = (turn, left - 1)
            return turn

    @property
    def remaining(self) -> int:
        """Turns that were not played to their end; one for ever counts."""
        with self._lock:
            return len(self._turns)


def _outputs(items: Sequence[Json]) -> tuple[str, ...]:
    return tuple(_plain(item.get("output")) for item in items if str(item.get("type", "")).endswith("_call_output"))


def _text(item: Json) -> str:
    return _plain(item.get("content"))


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = cast("list[Json]", content if isinstance(content, list) else [])
    return "\n".join(str(part.get("text", "")) for part in parts)
