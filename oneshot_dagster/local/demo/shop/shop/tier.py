"""A discount for large orders of one item."""

from typing import NamedTuple


class Tier(NamedTuple):
    sku: str
    over: int
    percent: int

    def covers(self, sku: str, qty: int) -> bool:
        return sku == self.sku and qty > self.over
