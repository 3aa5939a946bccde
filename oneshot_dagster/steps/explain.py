"""Why a change stands where it stands: its state, what it awaits, what holds it, and each condition of its gate.
Read afresh from GitHub where a pull request waits, else as it was recorded last."""

from dataclasses import dataclass, replace
from datetime import datetime

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.gate import Gate
from oneshot_dagster.domain.messages import Explained
from oneshot_dagster.domain.messages import explain as rows_of
from oneshot_dagster.domain.resume_facts import Awaiting
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, State
from oneshot_dagster.steps import freezing
from oneshot_dagster.steps.gate import gate_at, last_reading, recorded_gate
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.telling import brief

_NO_GATE = "the gate is read once there is a pull request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """`source` says where the gate's conditions come from; `brief` is for the person who has to decide, or empty."""

    rows: tuple[Explained, ...]
    source: str
    brief: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """`afresh`: GitHub was asked just now; only then `held` says what holds the merge, None that nothing does."""

    gate: Gate | None
    at: datetime | None
    source: str
    held: str | None = None
    afresh: bool = False


def explain(services: Services, attempt: Attempt) -> Explanation:
    now = services.store.now()
    reading = _read(services, attempt, now)
    attempt = _as_held_now(attempt, reading)
    rows = rows_of(attempt, gate=reading.gate, read_at=reading.at, now=now)
    frozen = freezing.standing(services, attempt.key.repository)
    rows = (*rows, *(_held(attempt, "freeze", why) for why in frozen))
    if reading.held is not None and reading.held not in frozen:
        rows = (*rows, _held(attempt, "merge", reading.held))
    for_person = brief(services, attempt) if attempt.state is State.NEEDS_HUMAN else ""
    return Explanation(rows=rows, source=reading.source, brief=for_person)


def _read(services: Services, attempt: Attempt, now: datetime) -> _Reading:
    stands = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    if stands not in HEAD_IS_PUBLIC or attempt.pr_number is None:
        return _recorded(services, attempt, _NO_GATE)
    try:
        facts = services.github.gate_facts(attempt.key.repository, attempt.pr_number)
    except OneshotError as error:
        return _recorded(services, attempt, f"GitHub could not be asked ({error})")
    held = holds(services, attempt, facts)
    gate = gate_at(services, attempt, facts)
    return _Reading(gate=gate, at=now, source="read from GitHub just now", held=held, afresh=True)


def _as_held_now(attempt: Attempt, reading: _Reading) -> Attempt:
    """Why it parked may have passed, and something else hold it by now."""
    if not reading.afresh or attempt.awaited is None or attempt.awaited.what != Awaiting.MERGE:
        return attempt
    return replace(attempt, reason=reading.held or "nothing holds the merge any more; it goes on at the next look")


def _recorded(services: Services, attempt: Attempt, otherwise: str) -> _Reading:
    last = last_reading(services, attempt)
    if last is None:
        return _Reading(gate=None, at=None, source=otherwise)
    source = "as recorded" if otherwise == _NO_GATE else f"as recorded: {otherwise}"
    return _Reading(gate=recorded_gate(last), at=last.at, source=source)


def _held(attempt: Attempt, condition: str, why: str) -> Explained:
    return Explained(
        condition=condition,
        verdict=None,
        fact=why,
        sha=attempt.head_sha or "",
        age="0 s",
        opens="a person, or lifting that",
    )
