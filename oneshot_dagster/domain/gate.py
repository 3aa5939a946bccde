"""The gate: the pure decision over CI, review and mergeability at one head SHA. One function for gate, merge and UI.
Facts come from services.github; nothing here asks anybody. The single conditions are gate_conditions.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from oneshot_dagster.domain import gate_conditions
from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.gate_facts import (
    CheckRun,
    CommitStatus,
    Condition,
    GateFacts,
    GateRules,
    Review,
    Thread,
)

__all__ = [
    "CheckRun",
    "CommitStatus",
    "Condition",
    "Gate",
    "GateFacts",
    "GateRules",
    "Opening",
    "Review",
    "Thread",
    "checks_failing",
    "decide",
    "failing",
    "unproposed",
]


class Opening(StrEnum):
    """What a gate as a whole says. Behind: all else holds."""

    PASSED = "passed"
    PENDING = "pending"
    FAILED = "failed"
    BEHIND = "behind"
    CONFLICT = "conflict"
    HEAD_MOVED = "head_moved"
    CLOSED = "closed"
    DID_NOT_RUN = "did_not_run"  # nothing was proposed, so most of it could not be asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    opening: Opening
    sha: str
    conditions: tuple[Condition, ...]

    @property
    def reason(self) -> str:
        """The conditions that keep it shut, in one sentence."""
        shut = dict.fromkeys(c.fact for c in self.conditions if c.verdict is not Verdict.PASSED)
        return "; ".join(shut) or "every condition holds"

    @property
    def awaits_github(self) -> bool:
        """All else holds, and GitHub has not said yet that it can merge."""
        shut = {c.name for c in self.conditions if c.verdict is not Verdict.PASSED}
        return self.opening is Opening.PENDING and shut == {"mergeable"}


def failing(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    return tuple(c for c in conditions if c.verdict in {Verdict.FAILED, Verdict.DID_NOT_RUN})


def decide(
    facts: GateFacts, rules: GateRules, *, judged: str | None, local_report: Verdict | None, expected_head: str
) -> Gate:
    """The one decision. `local_report` is of `expected_head`, None where there is no report of it.

    `judged` is the SHA of the passing evaluation, None before there is one; another SHA than the head is a moved head.
    """
    signals = gate_conditions.signals_of(facts)
    names = gate_conditions.required_names(facts, rules)
    others = (
        gate_conditions.is_open(facts),
        gate_conditions.head(facts, expected_head),
        *((gate_conditions.judged(facts, judged),) if judged is not None else ()),
        gate_conditions.local_tests(facts.head_sha, rules, local_report),
        *(gate_conditions.required(facts, signals, name) for name in names),
        gate_conditions.ci(facts, rules, signals),
        gate_conditions.review(facts, rules),
        gate_conditions.threads(facts, rules),
    )
    conditions = (*others, gate_conditions.mergeable(facts, others, judged=judged))
    return Gate(opening=_opening(facts, conditions), sha=facts.head_sha, conditions=conditions)


def unproposed(rules: GateRules, *, sha: str, local_report: Verdict | None) -> Gate:
    """Where there is no pull request: the local tests may shut it, and nothing opens it."""
    tests = gate_conditions.local_tests(sha, rules, local_report)
    required = (f"ci:{name}" for name in rules.required_checks if name != gate_conditions.OUR_CHECK)
    names = ("open", "head", *dict.fromkeys(required), "ci", "review", "threads", "mergeable")
    others = [gate_conditions.unproposed(sha, name) for name in names]
    opening = Opening.DID_NOT_RUN if tests.verdict is Verdict.PASSED else Opening.FAILED
    return Gate(opening=opening, sha=sha, conditions=(*others[:2], tests, *others[2:]))


def checks_failing(facts: GateFacts) -> tuple[str, ...]:
    """Names of the checks and statuses that are red at the head, each once; our own check is none of them."""
    return tuple(dict.fromkeys(s.name for s in gate_conditions.signals_of(facts) if s.verdict is Verdict.FAILED))


def _opening(facts: GateFacts, conditions: Sequence[Condition]) -> Opening:
    by_name = {c.name: c.verdict for c in conditions}
    stuck = {c.name for c in failing(conditions)}
    if "open" in stuck:
        return Opening.CLOSED
    if stuck & {"head", "judged"}:
        return Opening.HEAD_MOVED
    if facts.mergeable_state == "dirty":
        return Opening.CONFLICT
    # Checks that did not report may still do so; the deadline of the wait is the caller's.
    waits = {"ci"} if by_name["ci"] is Verdict.DID_NOT_RUN else set[str]()
    if stuck - waits - {"mergeable"}:
        return Opening.FAILED
    if any(verdict is not Verdict.PASSED for name, verdict in by_name.items() if name != "mergeable"):
        return Opening.PENDING  # also behind its base: brought up to date it would begin anew, and be behind again
    if facts.mergeable_state == "behind":
        return Opening.BEHIND
    return Opening.PASSED if by_name["mergeable"] is Verdict.PASSED else Opening.PENDING
