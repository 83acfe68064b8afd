"""The price table: read from `prices.json`, which names its source and its date. Decimals throughout."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

_FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Tier:
    """A price per GB-second that holds up to so many GB-seconds a month; `up_to` None: without end."""

    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices of one AWS region in US dollars. `date` is the month they were read."""

    source: str
    date: str
    region: str
    request: Decimal
    duration: Mapping[str, tuple[Tier, ...]]
    provisioned: Mapping[str, Mapping[str, Decimal]]
    snapshot_cache: Decimal
    """Per GB-second of memory of each published version that has SnapStart, called or not; Java's are free."""
    snapshot_restore: Decimal
    """Per GB of memory of each restore, but for Java's."""
    storage: Decimal
    free_storage_mb: int
    streamed: Decimal
    """Per GB of a streamed response beyond its first `free_streamed_mb` MB."""
    free_streamed_mb: int
    free_requests: int
    free_gb_seconds: int

    def duration_price(self, architecture: str) -> Decimal:
        """Dollars per GB-second in the first tier. Raises `KeyError` for an architecture that AWS has not."""
        return self.duration[architecture][0].price

    def provisioned_price(self, architecture: str, part: Literal["configured", "duration"]) -> Decimal:
        """Dollars per GB-second of provisioned concurrency: for having it, or for what runs in it."""
        return self.provisioned[architecture][part]


@cache
def load() -> PriceTable:
    """The table that comes with this version."""
    found = json.loads(_FILE.read_text())
    return PriceTable(
        source=found["source"],
        date=found["date"],
        region=found["region"],
        request=Decimal(found["request"]),
        duration={
            architecture: tuple(Tier(Decimal(end) if end else None, Decimal(price)) for end, price in tiers)
            for architecture, tiers in found["duration_per_gb_second"].items()
        },
        provisioned={
            architecture: {part: Decimal(price) for part, price in parts.items()}
            for architecture, parts in found["provisioned_per_gb_second"].items()
        },
        snapshot_cache=Decimal(found["snapstart"]["cache_per_gb_second"]),
        snapshot_restore=Decimal(found["snapstart"]["restore_per_gb"]),
        storage=Decimal(found["ephemeral_storage_per_gb_second"]),
        free_storage_mb=found["ephemeral_storage_free_mb"],
        streamed=Decimal(found["streamed_per_gb"]),
        free_streamed_mb=found["streamed_free_mb"],
        free_requests=found["free_tier"]["requests"],
        free_gb_seconds=found["free_tier"]["gb_seconds"],
    )
