"""What a change may use up, cumulative over its attempts, and whether it has. Unknown is never zero.
Reading the policy's [budget] is policy.py; what follows from a spent budget is resume.py."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Budgets:
    """Times in seconds. `active` leaves waiting out; `agent_wall` and `agent_stall` are per session of the agent."""

    attempts: int = 3
    infrastructure: int = 5
    judge_format: int = 2
    ci_wait: float = 60 * _MINUTE
    review_wait: float = 7 * _DAY
    review_reminder: float = _DAY
    agent_wall: float = 45 * _MINUTE
    agent_stall: float = 10 * _MINUTE
    active: float = 3 * _HOUR
    tokens: int = 2_000_000
    usd: float = 10.0

    def capped_by(self, caps: "Budgets") -> "Budgets":
        """Each the lesser of the two: a cap can only lower."""
        return Budgets(**{f.name: min(getattr(self, f.name), getattr(caps, f.name)) for f in fields(self)})


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a change has used up. Counts include the one that is about to start; None is unknown."""

    attempts: int = 0
    infrastructure: int = 0
    judge_format: int = 0
    active: float = 0.0
    tokens: int | None = 0
    usd: float | None = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars for a million tokens of one model."""

    input: float
    output: float


def cost(
    model: str | None, *, input_tokens: int | None, output_tokens: int | None, prices: Mapping[str, Price]
) -> float | None:
    """None where the model has no price or the tokens are not known."""
    price = prices.get(model or "")
    if price is None or input_tokens is None or output_tokens is None:
        return None
    return (input_tokens * price.input + output_tokens * price.output) / 1_000_000


def in_words(usd: float | None, tokens: int | None) -> str:
    """For people, as far as it is known."""
    money = "unknown" if usd is None else f"${usd:.2f}"
    return f"{money}, {tokens:,} tokens" if tokens else money


def total(amounts: Iterable[float | None]) -> float | None:
    """The sum, unknown as soon as one part is."""
    known = list(amounts)
    return None if None in known else sum(amount for amount in known if amount is not None)


def exhausted(spent: Spent, budgets: Budgets) -> str | None:
    """The code of the first budget that does not allow what is about to start, or None.

    Where the dollars are unknown the tokens decide; where these are too, attempts and active time do.
    """
    rules = (
        ("attempts_spent", spent.attempts > budgets.attempts),
        ("infrastructure_retries_spent", spent.infrastructure > budgets.infrastructure),
        ("judge_format_retries_spent", spent.judge_format > budgets.judge_format),
        ("active_time_spent", spent.active >= budgets.active),
        ("tokens_spent", spent.tokens is not None and spent.tokens >= budgets.tokens),
        ("usd_spent", spent.usd is not None and spent.usd >= budgets.usd),
    )
    return next((code for code, over in rules if over), None)
