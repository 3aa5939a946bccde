"""What we ask of a coding agent: edit a worktree by a prompt, streaming events. It never commits and never sees a token."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from oneshot_dagster.domain.isolation import Isolation


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRequest:
    """`resume` is the token of an earlier session or None, `session` what that session left to be taken up again by.
    Times in seconds. `home` is a HOME that set-up has left for it. `keep_open`: descriptors that it inherits."""

    worktree: Path
    prompt: str
    resume: str | None
    wall: float
    stall: float
    session: bytes | None = None
    home: Path | None = None
    keep_open: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentEvent:
    """One thing the agent said or did; `raw` is its own JSON where it gave one."""

    kind: str
    text: str
    raw: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of this session; None where the agent does not say, which is unknown and never zero. `cached_tokens` are those
    of the input that its service had kept."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    model: str | None = None


class AgentEnd(StrEnum):
    FINISHED = "finished"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    STALLED = "stalled"
    CANCELLED = "cancelled"


class Failure(StrEnum):
    """Whose fault it is that an agent failed."""

    OWN = "own"  # its own, or nobody knows: costs an attempt
    PROVIDER = "provider"  # its model's service, for the moment: the same session may be taken up again
    HUMAN = "human"  # a key, a quota, a setting: a person has to mend it first


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentResult:
    """`code` names the failure for machines. `session` is what a later session can be taken up by, or None."""

    end: AgentEnd
    reason: str
    exit_code: int | None
    seconds: float
    usage: Usage
    log: bytes
    events: tuple[AgentEvent, ...]
    resume: str | None = None
    session: bytes | None = None
    failure: Failure = Failure.OWN
    code: str = ""


class Agent(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def isolation(self) -> Isolation:
        """What keeps it, or the commands that its model runs, from the platform."""
        ...

    @property
    def not_enforced(self) -> tuple[str, ...]:
        """What of it is missing."""
        ...

    def secrets(self) -> tuple[str, ...]:
        """What it is given that must be in nothing that it leaves. Raises NeedsHuman where a key cannot be read."""
        ...

    def run(
        self, request: AgentRequest, *, on_event: Callable[[AgentEvent], None], cancelled: Callable[[], bool]
    ) -> AgentResult:
        """Returns however the agent ends; no child of it is left. Events of the kind `usage` hold what this session has
        used up so far. Raises TryAgain or NeedsHuman only where it could not be started."""
        ...
