"""What an agent said while it ran: its lines read as events, its usage and session, and a bounded log of all of it.
The lines are untrusted: what is not a JSON object of a known shape is log and nothing else."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from oneshot_dagster.services.agent.protocol import AgentEvent, Usage

EVENTS_KEPT = 10_000
LONGEST_TEXT = 64 * 1024
LONGEST_LINE = 1024 * 1024
LONGEST_TOKEN = 512


def read_line(line: bytes) -> Mapping[str, object] | None:
    """The JSON object that a line is, or None where it is plain log.

    Plain log, too, is what JSON in Python takes but a database does not: NUL, half a surrogate pair, NaN.
    """
    stripped = line.strip()
    if not stripped.startswith(b"{") or len(stripped) > LONGEST_LINE or b"\\u0000" in stripped:
        return None
    try:
        found: Any = json.loads(stripped, parse_constant=_refused)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else None


def _refused(constant: str) -> None:
    raise ValueError(constant)


def read_usage(said: Mapping[str, object], before: Usage) -> Usage:
    """The newest word counts; a number that is none stays what it was before, at first unknown."""
    model = said.get("model")
    return Usage(
        input_tokens=_tokens(said.get("input_tokens"), before.input_tokens),
        cached_tokens=_tokens(said.get("cached_tokens"), before.cached_tokens),
        output_tokens=_tokens(said.get("output_tokens"), before.output_tokens),
        model=model[:LONGEST_TOKEN] if isinstance(model, str) else before.model,
    )


def _tokens(said: object, before: int | None) -> int | None:
    if isinstance(said, int) and not isinstance(said, bool) and said >= 0:
        return said
    return before


@dataclass(kw_only=True, slots=True)
class Transcript:
    """Fed with the agent's lines while it runs."""

    on_event: Callable[[AgentEvent], None]
    resume: str | None = None
    usage: Usage = field(default_factory=Usage)
    events: list[AgentEvent] = field(default_factory=list[AgentEvent])
    dropped: int = 0

    def hear(self, line: bytes) -> None:
        said = read_line(line)
        if said is None:
            return
        kind, text = said.get("type"), said.get("text", "")
        if not isinstance(kind, str) or not kind:
            return
        if kind == "usage":
            self.usage = read_usage(said, self.usage)
        elif kind == "session":
            self._session(said.get("id"))
        self._keep(
            AgentEvent(kind=kind[:LONGEST_TOKEN], text=text[:LONGEST_TEXT] if isinstance(text, str) else "", raw=said)
        )

    def _session(self, token: object) -> None:
        if isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN and token.isprintable():
            self.resume = token

    def _keep(self, event: AgentEvent) -> None:
        if len(self.events) >= EVENTS_KEPT:
            self.dropped += 1
            return
        self.events.append(event)
        self.on_event(event)
