"""The issues that the demo's agent can do, each with numbers drawn anew, and how to see from outside that one was done.
Numbers are never drawn twice for one item, so that every test of an earlier change stays true."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from random import Random

import httpx

from oneshot_dagster.system.tls import trust_for

ITEMS = ("bag", "book", "cap", "clock", "kite", "lamp", "mug")
FIRST_TAX = 19
DRAWS = 1000
_DISCOUNT = re.compile(r"(\d+)(?: or more)? of (\w+)(?: on, an order)? gets? (\d+) % off")
_TAX = re.compile(r"charge (\d+) % tax")


class Kind(StrEnum):
    """Named as the scenarios of `make demo`."""

    HAPPY = "happy"
    RED_FIRST = "red-first"
    NEEDS_HUMAN = "needs-human"
    PROPOSE = "propose"
    BAD_DEPLOY = "bad-deploy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """`url` shows it to a person."""

    ok: bool
    sentence: str
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    sku: str
    qty: int
    percent: int

    def check(self, url: str) -> Seen:
        shown = f"{url}/price?sku={self.sku}&qty={self.qty}"
        at, below = _percent_off(url, self.sku, self.qty), _percent_off(url, self.sku, self.qty - 1)
        ok = at == self.percent and below not in {None, self.percent}
        return Seen(ok=ok, url=shown, sentence=f"{self.qty} of {self.sku}: {_said(at)}, {self.qty - 1}: {_said(below)}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tax:
    percent: int

    def check(self, url: str) -> Seen:
        rate = _asked(f"{url}/price?sku=lamp&qty=1").get("tax_percent")
        said = "no answer" if rate is None else f"{rate} % tax"
        return Seen(ok=rate == self.percent, url=f"{url}/price?sku=lamp&qty=1", sentence=f"an order carries {said}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """An issue that is not on the forge yet."""

    kind: Kind
    title: str
    body: str
    expectation: Discount | Tax


def draw(kind: Kind, rng: Random, earlier: Iterable[str]) -> Drawn:
    """`earlier` holds the texts of the issues that there are."""
    texts = "\n".join(earlier)
    return _tax(rng, texts) if kind is Kind.NEEDS_HUMAN else _discount(kind, rng, texts)


def _discount(kind: Kind, rng: Random, texts: str) -> Drawn:
    taken = {(sku, number) for qty, sku, percent in _DISCOUNT.findall(texts) for number in (f"from {qty}", percent)}
    for _ in range(DRAWS):
        wanted = Discount(sku=rng.choice(ITEMS), qty=rng.randint(3, 40), percent=rng.randint(5, 40))
        if not taken & {(wanted.sku, f"from {wanted.qty}"), (wanted.sku, str(wanted.percent))}:
            return _worded(kind, wanted)
    raise RuntimeError("every discount of the demo was given: forget its world with `make clean` and begin anew")


def _worded(kind: Kind, wanted: Discount) -> Drawn:
    """Of `red-first` the wording is one that the agent misreads: it takes "from 7 on" for more than 7. What `bad-deploy`
    asks besides it gets wrong in a way that shows in the deployed service alone."""
    qty, sku, percent = wanted.qty, wanted.sku, wanted.percent
    if kind is Kind.RED_FIRST:
        title, ask = f"{percent} % off large orders of {sku}", f"From {qty} of {sku} on, an order gets {percent} % off."
    else:
        title = f"Orders of {qty} or more of {sku} get {percent} % off"
        ask = f"{title}."
    if kind is Kind.BAD_DEPLOY:
        ask = f"{ask} That has to hold for customers who order at the same time, too."
    body = f"{ask}\n\nPlease state it in the price list, and test it, also against the deployed shop.\n"
    return Drawn(kind=kind, title=title, body=body, expectation=wanted)


def _tax(rng: Random, texts: str) -> Drawn:
    taken = {FIRST_TAX, *(int(percent) for percent in _TAX.findall(texts))}
    percent = rng.choice([rate for rate in range(1, 100) if rate not in taken])
    body = f"The rate changes by law: charge {percent} % tax on every order.\n"
    return Drawn(kind=Kind.NEEDS_HUMAN, title=f"New tax rate: {percent} %", body=body, expectation=Tax(percent=percent))


def _percent_off(url: str, sku: str, qty: int) -> object:
    return _asked(f"{url}/price?sku={sku}&qty={qty}").get("percent_off")


def _said(percent: object) -> str:
    return "no answer" if percent is None else f"{percent} % off"


def _asked(url: str) -> dict[str, object]:
    try:
        answer = httpx.get(url, timeout=5.0, trust_env=False, verify=trust_for(url))
        return answer.json() if answer.status_code == 200 else {}
    except (httpx.HTTPError, ValueError):
        return {}
