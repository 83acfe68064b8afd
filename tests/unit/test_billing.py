"""Costs are exact, and agree with AWS's worked examples."""

from decimal import Decimal

import pytest

from lambdalab.billing import price_table
from lambdalab.billing.estimates import month, tiered
from lambdalab.billing.meter import invocation_cost, snapshot_month


def cents(amount):
    return amount.quantize(Decimal("0.01"))


def test_the_table_says_where_and_when_its_prices_are_from():
    prices = price_table.load()
    assert prices.source.startswith("https://aws.amazon.com/")
    assert prices.date == "2026-11"
    assert prices.region == "us-east-1"


def test_an_invocation_costs_its_request_and_its_gigabyte_seconds():
    cost = invocation_cost(memory_mb=512, billed_ms=500, architecture="x86_64")
    assert cost.requests == Decimal("0.0000002")
    assert cost.duration == Decimal("0.25") * Decimal("0.0000166667")
    assert cost.storage == 0
    assert cost.total == cost.requests + cost.duration


def test_arm64_is_cheaper():
    sizes = {"memory_mb": 1024, "billed_ms": 1000}
    assert invocation_cost(**sizes, architecture="arm64").duration == Decimal("0.0000133334")
    assert invocation_cost(**sizes, architecture="x86_64").duration == Decimal("0.0000166667")


def test_only_storage_above_512_mb_costs():
    cost = invocation_cost(memory_mb=128, billed_ms=1000, architecture="x86_64", ephemeral_mb=1536)
    assert cost.storage == Decimal("0.0000000309")


def test_a_restore_costs_the_memory_that_is_restored():
    sizes = {"memory_mb": 512, "billed_ms": 100, "architecture": "x86_64"}
    restored, other = invocation_cost(**sizes, restored=True), invocation_cost(**sizes)
    assert restored.restore == Decimal("0.5") * Decimal("0.0001397998")
    assert restored.total == other.total + restored.restore


def test_a_snapshot_costs_its_memory_for_as_long_as_it_is_kept():
    assert snapshot_month(1024) == Decimal("0.0000015046") * 30 * 24 * 3600


def test_what_is_streamed_beyond_the_first_6_mb_costs_by_the_gigabyte():
    sizes = {"memory_mb": 128, "billed_ms": 1000, "architecture": "x86_64"}
    whole, within, beyond = (
        invocation_cost(**sizes, streamed_bytes=size) for size in (0, 6 << 20, (6 << 20) + (1 << 30) // 8)
    )
    assert (whole.streamed, within.streamed) == (0, 0)
    assert beyond.streamed == Decimal("0.001")
    assert beyond.total == whole.total + beyond.streamed
    assert invocation_cost(**sizes, streamed_bytes=(6 << 20) + 1).streamed == Decimal("0.008") / (1 << 30)


def test_a_cost_is_shown_per_million_and_is_no_number():
    cost = invocation_cost(memory_mb=256, billed_ms=156, architecture="x86_64")
    assert repr(cost) == "$0.85 per million calls (x86_64, us-east-1, 2026-11)"
    with pytest.raises(ValueError, match="could not convert"):
        float(repr(cost))


@pytest.mark.parametrize(
    ("calls", "sizes", "architecture", "free", "dollars"),
    [
        (3_000_000, (512, 120), "x86_64", False, "3.60"),
        (3_000_000, (512, 120), "x86_64", True, "0.40"),
        (10_000_000, (1536, 200), "x86_64", False, "52.00"),
        (10_000_000, (1536, 200), "x86_64", True, "45.13"),
        (10_000_000, (1536, 200), "arm64", False, "42.00"),
    ],
)
def test_a_month_costs_what_the_worked_examples_say(calls, sizes, architecture, free, dollars):
    memory, billed = sizes
    found = month(calls, memory_mb=memory, billed_ms=billed, architecture=architecture, free_tier=free)
    assert cents(found.total) == Decimal(dollars)


def test_each_part_of_a_large_month_is_paid_at_its_tier():
    tiers = price_table.load().duration["x86_64"]
    amount = Decimal(16_000_000_000)
    expected = (
        6_000_000_000 * Decimal("0.0000166667")
        + 9_000_000_000 * Decimal("0.0000150000")
        + 1_000_000_000 * Decimal("0.0000133334")
    )
    assert tiered(amount, tiers) == expected
