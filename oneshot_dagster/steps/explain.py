"""Why a change stands where it stands: its state, what it awaits, what holds it, and each condition of its gate.
Read afresh from GitHub where a pull request waits, else as it was recorded last."""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.brief import needs_human_brief
from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.domain.gate import Condition, Gate, Opening
from oneshot_dagster.domain.messages import Explained
from oneshot_dagster.domain.messages import explain as rows_of
from oneshot_dagster.domain.run import HEAD_IS_PUBLIC, State
from oneshot_dagster.steps.gate import gate_at
from oneshot_dagster.steps.holds import holds
from oneshot_dagster.steps.services import Services

_NO_GATE = "the gate is read once there is a pull request"

_ORDER = ("open", "head", "judged", "local_tests", "ci", "review", "threads", "mergeable")


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """`source` says where the gate's conditions come from; `brief` is for the person who has to decide, or empty."""

    rows: tuple[Explained, ...]
    source: str
    brief: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    gate: Gate | None
    at: datetime | None
    source: str
    held: str | None = None


def explain(services: Services, attempt: Attempt) -> Explanation:
    now = services.store.now()
    reading = _read(services, attempt, now)
    rows = rows_of(attempt, gate=reading.gate, read_at=reading.at, now=now)
    if reading.held is not None:
        rows = (*rows, _held(attempt, reading.held))
    return Explanation(rows=rows, source=reading.source, brief=_brief(services, attempt))


def _read(services: Services, attempt: Attempt, now: datetime) -> _Reading:
    stands = attempt.human_from if attempt.state is State.NEEDS_HUMAN else attempt.state
    if stands not in HEAD_IS_PUBLIC or attempt.pr_number is None:
        return _recorded(services, attempt, _NO_GATE)
    try:
        facts = services.github.gate_facts(attempt.key.repository, attempt.pr_number)
    except OneshotError as error:
        return _recorded(services, attempt, f"GitHub could not be asked ({error})")
    held = holds(services, attempt, facts)
    return _Reading(gate=gate_at(services, attempt, facts), at=now, source="read from GitHub just now", held=held)


def _recorded(services: Services, attempt: Attempt, otherwise: str) -> _Reading:
    facts = [fact for fact in services.store.facts.of(attempt.id) if fact.kind == "gate"]
    if not facts:
        return _Reading(gate=None, at=None, source=otherwise)
    last = facts[-1]
    found = cast("dict[str, dict[str, str]]", last.data["conditions"])
    conditions = tuple(
        Condition(name=name, verdict=_verdict(value["verdict"]), fact=value["fact"], sha=last.sha or "", opens="")
        for name, value in sorted(found.items(), key=lambda named: _place(named[0]))
    )
    gate = Gate(opening=Opening(str(last.data["opening"])), sha=last.sha or "", conditions=conditions)
    source = "as recorded" if otherwise == _NO_GATE else f"as recorded: {otherwise}"
    return _Reading(gate=gate, at=last.at, source=source)


def _place(name: str) -> int:
    """The store keeps no order of the conditions."""
    family = name.partition(":")[0]
    return _ORDER.index(family) if family in _ORDER else len(_ORDER)


def _verdict(word: str) -> Verdict | None:
    return None if word == "pending" else Verdict(word)


def _held(attempt: Attempt, why: str) -> Explained:
    return Explained(
        condition="merge",
        verdict=None,
        fact=why,
        sha=attempt.head_sha or "",
        age="0 s",
        opens="a person, or lifting that",
    )


def _brief(services: Services, attempt: Attempt) -> str:
    if attempt.state is not State.NEEDS_HUMAN:
        return ""
    return needs_human_brief(
        attempt,
        earlier=services.store.runs.all_of(attempt.key),
        evaluations=services.store.artifacts.evaluations(attempt.id),
        public_url=services.limits.public_url,
    )
