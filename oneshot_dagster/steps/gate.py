"""The gate of an attempt, over facts that were read just now or as it was recorded last: for the steps, the resumer, who tells
people. The decision itself is domain.gate; here it is given the policy and the local report."""

from dataclasses import replace
from typing import cast

from oneshot_dagster.domain.artifact import Verdict
from oneshot_dagster.domain.attempt import Attempt, Fact
from oneshot_dagster.domain.gate import Condition, Gate, GateFacts, Opening, decide, unproposed
from oneshot_dagster.domain.policy import gate_rules, parse_policy
from oneshot_dagster.domain.run import Kind
from oneshot_dagster.steps.services import Services


def gate_at(services: Services, attempt: Attempt, facts: GateFacts) -> Gate:
    """Decided at the head on record, whatever head the facts are of."""
    rules = gate_rules(parse_policy(attempt.policy))
    return decide(
        facts,
        replace(rules, tests_advisory=True) if attempt.kind is Kind.REVERT else rules,  # CI sees a revert, no agent did
        judged=attempt.judged_sha,
        local_report=_local_report(services, attempt),
        expected_head=attempt.head_sha or "",
    )


def gate_without_pull(services: Services, attempt: Attempt) -> Gate:
    rules = gate_rules(parse_policy(attempt.policy))
    return unproposed(rules, sha=attempt.head_sha or "", local_report=_local_report(services, attempt))


def _local_report(services: Services, attempt: Attempt) -> Verdict | None:
    report = services.store.artifacts.report(attempt.id, kind="local", sha=attempt.head_sha or "")
    return report.verdict if report else None


_ORDER = ("open", "head", "judged", "local_tests", "ci", "review", "threads", "mergeable")


def last_gate(services: Services, attempt: Attempt) -> Gate | None:
    fact = last_reading(services, attempt)
    return None if fact is None else recorded_gate(fact)


def last_reading(services: Services, attempt: Attempt) -> Fact | None:
    return next((fact for fact in reversed(services.store.facts.of(attempt.id)) if fact.kind == "gate"), None)


def recorded_gate(fact: Fact) -> Gate:
    found = cast("dict[str, dict[str, str]]", fact.data["conditions"])
    conditions = tuple(
        Condition(name=name, verdict=_verdict(value["verdict"]), fact=value["fact"], sha=fact.sha or "", opens="")
        for name, value in sorted(found.items(), key=lambda named: _place(named[0]))
    )
    return Gate(opening=Opening(str(fact.data["opening"])), sha=fact.sha or "", conditions=conditions)


def _place(name: str) -> int:
    """The store keeps no order of the conditions."""
    family = name.partition(":")[0]
    return _ORDER.index(family) if family in _ORDER else len(_ORDER)


def _verdict(word: str) -> Verdict | None:
    return None if word == "pending" else Verdict(word)
