"""What the resumer may do with an attempt: each variant is one action, with its reason in one sentence for people.
Which one it is decides resume.py; doing it is steps/resume. The facts are read and decided again after each,
at the next look after StartRun, RepeatStart and WaitUntil."""

from dataclasses import dataclass
from datetime import datetime

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt, Launch
from oneshot_dagster.domain.run import Kind, State


@dataclass(frozen=True, kw_only=True, slots=True)
class StartRun:
    """Add the launch row `seq`, then start its run. `costs_retry` adds one to the attempt's infrastructure retries."""

    selection: tuple[Artifact, ...]
    seq: int
    reason: str
    costs_retry: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RepeatStart:
    """The row is there and Dagster knows no such run: start the same run id once more."""

    launch: Launch
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FailRun:
    """Report the run as failed, whose process is gone; before that nothing else of this change can start."""

    run_id: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StartAttempt:
    """Create the next attempt. One that stands in needs_human goes back to needs_iteration first; `handle` comes last.

    A revert takes back the attempt that it follows, which stays where it is.
    """

    next_prompt: str
    reason: str
    handle: tuple[int, ...] = ()
    kind: Kind = Kind.IMPLEMENT


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveTo:
    """A step of the lifecycle with the fields that go with it; then the requests in `handle` are handled."""

    target: State
    reason: str
    human_reason: str | None = None
    handle: tuple[int, ...] = ()

    def fields(self, attempt: Attempt) -> dict[str, object]:
        """What else changes in the same transaction; the store itself ends what was awaited and keeps `human_from`.

        Evidence that was sealed is no longer whole. A person's word gives fresh infrastructure retries.
        """
        fields: dict[str, object] = {"evidence_head": None}
        if self.target is State.NEEDS_HUMAN:
            fields["human_reason"] = self.human_reason
        elif attempt.state is State.NEEDS_HUMAN:
            fields["infrastructure_retries"] = 0
        return fields


@dataclass(frozen=True, kw_only=True, slots=True)
class Settle:
    """Mark these requests handled and tell who made them."""

    handle: tuple[int, ...]
    reply: str

    @property
    def reason(self) -> str:
        return self.reply


@dataclass(frozen=True, kw_only=True, slots=True)
class SettleIntents:
    """Ask the world about each write action without outcome, under the change's lease."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitUntil:
    """Nothing now. `until` is when the clock alone changes the decision; None: only an event does."""

    until: datetime | None
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Nothing:
    """This attempt is over, or rests until a person says something."""

    reason: str


Action = StartRun | RepeatStart | FailRun | StartAttempt | MoveTo | Settle | SettleIntents | WaitUntil | Nothing
