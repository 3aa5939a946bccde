"""Every discount's first line is a promise to customers; this holds the prices to it."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shop import discounts
from shop.pricing import percent_off

PROMISE = re.compile(r"(\d+) or more of (\w+): (\d+) % off")


def broken(promise):
    found = PROMISE.fullmatch(promise)
    if not found:
        return f"unreadable promise: {promise!r}"
    least, sku, percent = int(found[1]), found[2], int(found[3])
    if percent_off(sku, least) != percent:
        return f"broken promise: {least} of {sku} should get {percent} % off, but gets {percent_off(sku, least)} %"
    if percent_off(sku, least - 1) == percent:
        return f"broken promise: {least - 1} of {sku} should not get {percent} % off yet"
    return None


def main():
    problems = [problem for problem in map(broken, discounts.promises()) if problem]
    print("\n".join(problems) or f"{len(discounts.promises())} promises, all kept")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
