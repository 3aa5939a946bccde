"""The gate of an attempt over facts that were read just now: for the steps, the resumer and who explains it to people.
The decision itself is domain.gate; here it is given the policy and the local report."""

from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.gate import Gate, GateFacts, decide
from oneshot_dagster.domain.policy import gate_rules, parse_policy
from oneshot_dagster.steps.services import Services


def gate_at(services: Services, attempt: Attempt, facts: GateFacts) -> Gate:
    """Decided at the head on record, whatever head the facts are of."""
    report = services.store.artifacts.report(attempt.id, kind="local", sha=attempt.head_sha or "")
    return decide(
        facts,
        gate_rules(parse_policy(attempt.policy)),
        judged=attempt.judged_sha,
        local_report=report.verdict if report else None,
        expected_head=attempt.head_sha or "",
    )
