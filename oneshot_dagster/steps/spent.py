"""What a change has used up so far, over all its attempts, and whether an agent may start, or go on.
Where something of it is unknown, what is known counts."""

from collections.abc import Callable
from dataclasses import replace

from oneshot_dagster.domain.artifact import Artifact
from oneshot_dagster.domain.attempt import Attempt
from oneshot_dagster.domain.budget import Spent, cost, exhausted, total
from oneshot_dagster.domain.policy import budgets, parse_policy
from oneshot_dagster.services.agent.protocol import Usage
from oneshot_dagster.steps.services import Services

_WAITS = {Artifact.CHECK_STATE}
_SESSIONS = {"agent_session", "judge_session"}


def spent_budget(services: Services, attempt: Attempt) -> str | None:
    """The code of the budget that does not allow another session of the agent, or None."""
    return exhausted(spent(services, attempt), budgets(parse_policy(attempt.policy), services.limits.caps))


def while_it_works(services: Services, attempt: Attempt) -> Callable[[Usage], str | None]:
    """Asked with what this session has used so far: the code of the budget that it has spent, or None."""
    before, allowed = spent(services, attempt), budgets(parse_policy(attempt.policy), services.limits.caps)
    began = services.clock.monotonic()

    def exceeds(used: Usage) -> str | None:
        now = replace(
            before,
            active=before.active + services.clock.monotonic() - began,
            tokens=before.tokens.plus(tokens_of(used)),
            usd=before.usd.plus(usd_of(services, used)),
        )
        return exhausted(now, allowed)

    return exceeds


def spent(services: Services, attempt: Attempt) -> Spent:
    """Attempts and infrastructure retries are counted where they start (domain.resume)."""
    active, tokens, usd = 0.0, list[float | None](), list[float | None]()
    for of in services.store.runs.all_of(attempt.key):
        records = services.store.artifacts.records(of.id)
        active += sum(kept.seconds for name, kept in records.items() if name not in _WAITS)
        sessions = [fact.data for fact in services.store.facts.of(of.id) if fact.kind in _SESSIONS]
        tokens += [_known(data.get("tokens")) for data in sessions]
        usd += [_known(data.get("usd")) for data in sessions]
    return Spent(active=active, tokens=total(tokens), usd=total(usd))


def tokens_of(used: Usage) -> int | None:
    return None if used.input_tokens is None else used.input_tokens + (used.output_tokens or 0)


def usd_of(services: Services, used: Usage) -> float | None:
    """None where the model has no price or the agent does not say what it used."""
    return cost(
        used.model,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        cached_tokens=used.cached_tokens,
        prices=services.limits.prices,
    )


def _known(amount: object) -> float | None:
    return amount if isinstance(amount, int | float) else None
