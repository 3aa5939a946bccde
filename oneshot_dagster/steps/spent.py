"""What a change has used up so far, over all its attempts, and whether an agent may start. Unknown tokens stay unknown."""

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.budget import Spent, exhausted, total
from oneshot_dagster.domain.policy import budgets, parse_policy
from oneshot_dagster.steps.services import Services

_WAITS = {Artifact.CHECK_STATE}


def spent_budget(services: Services, attempt: Attempt) -> str | None:
    """The code of the budget that does not allow another session of the agent, or None."""
    return exhausted(_spent(services, attempt), budgets(parse_policy(attempt.policy), services.limits.caps))


def _spent(services: Services, attempt: Attempt) -> Spent:
    """Attempts and infrastructure retries are counted where they start (domain.resume)."""
    active, tokens = 0.0, list[float | None]()
    for of in services.store.runs.all_of(attempt.key):
        records = services.store.artifacts.records(of.id)
        active += sum(kept.seconds for name, kept in records.items() if name not in _WAITS)
        sessions = [fact.data for fact in services.store.facts.of(of.id) if fact.kind == "agent_session"]
        tokens += [_known(data.get("tokens")) for data in sessions]
    used = total(tokens)
    return Spent(active=active, tokens=None if used is None else int(used), usd=None)


def _known(tokens: object) -> float | None:
    return float(tokens) if isinstance(tokens, int) else None
