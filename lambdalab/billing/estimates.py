"""What a month of a function costs: tiers, with and without the free tier. Pure.

Source: `lambda-contract.md` section 21, whose worked examples are tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lambdalab.billing import price_table
from lambdalab.billing.meter import gb_seconds
from lambdalab.billing.price_table import Tier


@dataclass(frozen=True, slots=True)
class Month:
    """US dollars of a month, by part."""

    requests: Decimal
    duration: Decimal

    @property
    def total(self) -> Decimal:
        """Dollars."""
        return self.requests + self.duration


def month(calls: int, *, memory_mb: int, billed_ms: int, architecture: str, free_tier: bool = False) -> Month:
    """A month of `calls` invocations of these sizes; the free tier is taken off when told to."""
    prices = price_table.load()
    used = gb_seconds(memory_mb, billed_ms) * calls
    if free_tier:
        calls = max(0, calls - prices.free_requests)
        used = max(Decimal(0), used - prices.free_gb_seconds)
    return Month(calls * prices.request, tiered(used, prices.duration[architecture]))


def tiered(amount: Decimal, tiers: tuple[Tier, ...]) -> Decimal:
    """The price of an amount, each part of it at its tier's."""
    total, below = Decimal(0), Decimal(0)
    for tier in tiers:
        end = amount if tier.up_to is None else min(amount, tier.up_to)
        total += max(Decimal(0), end - below) * tier.price
        below = max(below, end)
    return total
