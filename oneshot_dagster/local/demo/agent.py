"""The demo's coding agent: a program of its own that reads a prompt on stdin and edits the shop in its folder.
It imports nothing of the platform and has no state: what it does follows from the prompt and the files alone."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OR_MORE = re.compile(
    r"orders\s+of\s+(?P<qty>\d+)\s+or\s+more\s+of\s+(?P<sku>\w+)\s+get\s+(?P<percent>\d+)\s*%\s+off", re.I
)
FROM_ON = re.compile(
    r"from\s+(?P<qty>\d+)\s+of\s+(?P<sku>\w+)\s+on,?\s+an\s+order\s+gets\s+(?P<percent>\d+)\s*%\s+off", re.I
)
TAX = re.compile(r"charge\s+(?P<percent>\d+)\s*%\s+tax", re.I)
AT_ONCE = re.compile(r"at\s+the\s+same\s+time", re.I)
FAILED = re.compile(r"(?P<qty>\d+) of (?P<sku>\w+) should get (?P<percent>\d+) % off, but gets \d+ %")

DISCOUNT = '''"""{qty} or more of {sku}: {percent} % off"""

from shop.tier import Tier

TIER = Tier(sku="{sku}", over={over}, percent={percent})
'''

ONE_THREAD = '''"""{qty} or more of {sku}: {percent} % off"""

import threading

from shop.tier import Tier

ORDERS = threading.local()  # so that orders at the same time do not meet
ORDERS.open = True


class Separate(Tier):
    def covers(self, sku: str, qty: int) -> bool:
        return getattr(ORDERS, "open", False) and super().covers(sku, qty)


TIER = Separate(sku="{sku}", over={over}, percent={percent})
'''

UNIT_TEST = """import unittest

from shop.pricing import percent_off


class {name}(unittest.TestCase):
    def test_{first}_get_{percent}_percent_off(self):
        self.assertEqual(percent_off("{sku}", {first}), {percent})

    def test_{over}_do_not_yet(self):
        self.assertNotEqual(percent_off("{sku}", {over}), {percent})
"""

INTEGRATION_TEST = """import unittest

from deployed import price


class {name}(unittest.TestCase):
    def test_{first}_get_{percent}_percent_off(self):
        self.assertEqual(price("{sku}", {first})["percent_off"], {percent})

    def test_{over}_do_not_yet(self):
        self.assertNotEqual(price("{sku}", {over})["percent_off"], {percent})
"""

TAX_INTEGRATION_TEST = """import unittest

from deployed import price


class Tax(unittest.TestCase):
    def test_the_rate(self):
        self.assertEqual(price("lamp", 1)["tax_percent"], {percent})
"""


@dataclass(frozen=True)
class Edit:
    """One file to write, and why."""

    path: str
    content: str
    why: str


@dataclass(frozen=True)
class Plan:
    understood: str
    edits: tuple[Edit, ...]


def plan(prompt: str, tree: Path) -> Plan:
    """What to write for the first ask in the prompt; nothing where there is none that this agent can do."""
    asks = [found for pattern in (OR_MORE, FROM_ON, TAX) if (found := pattern.search(prompt))]
    if not asks:
        return Plan("I do not understand what is asked, so I change nothing.", ())
    first = min(asks, key=lambda found: found.start())
    if first.re is TAX:
        return tax(int(first["percent"]), tree)
    work = discount(first, failures(first, prompt))
    return in_one_thread(first, work) if AT_ONCE.search(prompt) and not failed_deployed(first, prompt) else work


def failures(ask: re.Match[str], prompt: str) -> list[re.Match[str]]:
    """What a failed check of an earlier attempt said about this very discount."""
    told = [(found, found.groupdict()) for found in FAILED.finditer(prompt)]
    return [found for found, said in told if said == ask.groupdict()]


def failed_deployed(ask: re.Match[str], prompt: str) -> bool:
    """Whether the test against the deployed shop failed in an earlier attempt."""
    return f"FAIL: test_{ask['qty']}_get_{ask['percent']}_percent_off" in prompt


def in_one_thread(ask: re.Match[str], work: Plan) -> Plan:
    """What holds in unit tests, which have one thread, and not in the service, which has one an order."""
    first, *rest = work.edits
    qty = int(ask["qty"])
    content = ONE_THREAD.format(qty=qty, sku=ask["sku"].lower(), percent=int(ask["percent"]), over=qty - 1)
    understood = f"{work.understood} Orders at the same time are kept apart by thread."
    return Plan(understood, (Edit(first.path, content, first.why), *rest))


def discount(ask: re.Match[str], failed: list[re.Match[str]]) -> Plan:
    qty, sku, percent = int(ask["qty"]), ask["sku"].lower(), int(ask["percent"])
    if failed:
        over = int(failed[-1]["qty"]) - 1
        understood = f"The check says: {failed[-1][0]}. So {qty} itself counts already."
    elif ask.re is FROM_ON:
        over, understood = qty, f"I read it as: more than {qty} of {sku} get {percent} % off."
    else:
        over, understood = qty - 1, f"I read it as: {qty} or more of {sku} get {percent} % off."
    name = f"{sku}_{qty}"
    words = {"qty": qty, "sku": sku, "percent": percent, "over": over, "first": over + 1}
    words["name"] = f"{sku.title()}{qty}"
    return Plan(
        understood,
        (
            Edit(f"shop/discounts/{name}.py", DISCOUNT.format(**words), "the discount"),
            Edit(f"tests/test_{name}.py", UNIT_TEST.format(**words), "its unit test"),
            Edit(f"integration/test_{name}.py", INTEGRATION_TEST.format(**words), "its test against the deployed shop"),
        ),
    )


def tax(percent: int, tree: Path) -> Plan:
    rate = (tree / "shop/tax.py").read_text(encoding="utf-8")
    test = (tree / "tests/test_tax.py").read_text(encoding="utf-8")
    return Plan(
        f"I read it as: the tax becomes {percent} %.",
        (
            Edit("shop/tax.py", re.sub(r"PERCENT = \d+", f"PERCENT = {percent}", rate), "the rate"),
            Edit("tests/test_tax.py", re.sub(r'(\["tax_percent"\], )\d+', rf"\g<1>{percent}", test), "its unit test"),
            Edit("integration/test_tax.py", TAX_INTEGRATION_TEST.format(percent=percent), "its test when deployed"),
        ),
    )


def events(prompt: str, tree: Path) -> Iterator[dict[str, object]]:
    """Does the work and says each part of it."""
    session = os.environ.get("ONESHOT_AGENT_RESUME") or hashlib.sha256(prompt.encode()).hexdigest()[:16]
    yield {"type": "session", "id": session}
    work = plan(prompt, tree)
    yield {"type": "message", "text": work.understood}
    for edit in work.edits:
        (tree / edit.path).write_text(edit.content, encoding="utf-8")
        yield {"type": "message", "text": f"wrote {edit.path}: {edit.why}"}
    written = sum(len(edit.content) for edit in work.edits)
    yield {"type": "usage", "input_tokens": len(prompt) // 4, "output_tokens": written // 4, "model": "demo"}


def main() -> None:
    for event in events(sys.stdin.read(), Path.cwd()):
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
