"""What a change may use up, cumulative over its attempts, and whether it has. Unknown is never zero.
Reading the policy's [budget] is policy.py; what follows from a spent budget is resume.py."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from functools import reduce

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
class Amount:
    """What was used as far as it is known; at least that where it is not `whole`."""

    known: float = 0
    whole: bool = True

    def plus(self, more: float | None) -> "Amount":
        """None is unknown."""
        return replace(self, whole=False) if more is None else replace(self, known=self.known + more)

    @property
    def said(self) -> float | str:
        """As metadata shows it."""
        if self.whole:
            return round(self.known, 4)
        return f"at least {round(self.known, 4):g}" if self.known else "unknown"


UNKNOWN = Amount(whole=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What a change has used up. Counts include the one that is about to start."""

    attempts: int = 0
    infrastructure: int = 0
    judge_format: int = 0
    active: float = 0.0
    tokens: Amount = Amount()
    usd: Amount = Amount()


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars for a million tokens of one model. `cached`: of what it is given, those that its service had kept; None: no
    price of their own."""

    input: float
    output: float
    cached: float | None = None


def cost(
    model: str | None,
    *,
    input_tokens: int | None,
    output_tokens: int | None,
    prices: Mapping[str, Price],
    cached_tokens: int | None = None,
) -> float | None:
    """`cached_tokens` are part of `input_tokens`; where nobody says how many, all of these have the full price.

    None where the model has no price or the tokens are not known.
    """
    price = prices.get(model or "")
    if price is None or input_tokens is None or output_tokens is None:
        return None
    kept = min(cached_tokens or 0, input_tokens)
    kept_price = price.input if price.cached is None else price.cached
    return ((input_tokens - kept) * price.input + kept * kept_price + output_tokens * price.output) / 1_000_000


def in_words(usd: Amount, tokens: Amount) -> str:
    """For people, as far as it is known."""
    money = f"{_least(usd)}${usd.known:.2f}" if usd.whole or usd.known else "unknown"
    return f"{money}, {_least(tokens)}{tokens.known:,.0f} tokens" if tokens.known else money


def _least(amount: Amount) -> str:
    return "" if amount.whole else "at least "


def total(amounts: Iterable[float | None]) -> Amount:
    """The sum of what is known; None is unknown."""
    return reduce(Amount.plus, amounts, Amount())


def exhausted(spent: Spent, budgets: Budgets) -> str | None:
    """The code of the first budget that does not allow what is about to start, or None.

    What is known of dollars and tokens counts, each for itself; where nothing is, attempts and active time do.
    """
    rules = (
        ("attempts_spent", spent.attempts > budgets.attempts),
        ("infrastructure_retries_spent", spent.infrastructure > budgets.infrastructure),
        ("judge_format_retries_spent", spent.judge_format > budgets.judge_format),
        ("active_time_spent", spent.active >= budgets.active),
        ("tokens_spent", spent.tokens.known >= budgets.tokens),
        ("usd_spent", spent.usd.known >= budgets.usd),
    )
    return next((code for code, over in rules if over), None)
