"""What an order costs, in cents."""

from shop import catalogue, discounts, tax

TIERS = discounts.tiers()


class BadOrder(ValueError):
    pass


def percent_off(sku: str, qty: int) -> int:
    """Of all tiers that an order reaches, the highest one counts."""
    reached = [tier for tier in TIERS if tier.covers(sku, qty)]
    return max(reached, key=lambda tier: tier.over).percent if reached else 0


def quote(sku: str, qty: int) -> dict:
    if sku not in catalogue.PRICES:
        raise BadOrder(f"we do not sell {sku!r}")
    if qty < 1:
        raise BadOrder("order at least one")
    unit = catalogue.PRICES[sku]
    percent = percent_off(sku, qty)
    net = (unit * qty * (100 - percent) + 50) // 100
    due = (net * tax.PERCENT + 50) // 100
    return {
        "sku": sku,
        "qty": qty,
        "unit_cents": unit,
        "percent_off": percent,
        "net_cents": net,
        "tax_percent": tax.PERCENT,
        "total_cents": net + due,
    }
