"""What one invocation costs by list price: the first tier, without the free tier.

cost = request + GB x billed seconds x price + GB of /tmp above 512 MB x billed seconds x price + GB restored x price
    + GB of the response streamed beyond the first 6 MB x price
Source: `lambda-contract.md` section 21; GB = MB / 1024, and MB = 1024 x 1024 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from lambdalab.billing import price_table

_MILLION = 1_000_000
_MB_PER_GB = 1024
_BYTES_PER_MB = 1 << 20
_MONTH_SECONDS = 30 * 86400


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one invocation, by part. `price_date` and `region` say which list prices these are."""

    requests: Decimal
    duration: Decimal
    storage: Decimal
    price_date: str
    region: str
    architecture: str
    restore: Decimal = Decimal(0)
    streamed: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """Dollars for this invocation."""
        return self.requests + self.duration + self.storage + self.restore + self.streamed

    @property
    def per_million(self) -> Decimal:
        """Dollars for a million invocations like this one."""
        return self.total * _MILLION

    def __repr__(self) -> str:
        return f"${self.per_million:.2f} per million calls ({self.architecture}, {self.region}, {self.price_date})"


def gb_seconds(memory_mb: int, billed_ms: int) -> Decimal:
    """GB-seconds of so many MB for so many milliseconds."""
    return Decimal(memory_mb) * billed_ms / (_MB_PER_GB * 1000)


def invocation_cost(
    *,
    memory_mb: int,
    billed_ms: int,
    architecture: str,
    ephemeral_mb: int = 512,
    provisioned: bool = False,
    restored: bool = False,
    streamed_bytes: int = 0,
) -> Cost:
    """The cost of one invocation of these sizes (MB, milliseconds, bytes).

    `provisioned` takes the price of what runs in provisioned environments; having them costs apart from calls.
    `restored` adds the price of a snapshot's restore, which Java's functions have for nothing; `streamed_bytes` of the
    response went to the caller in pieces.
    """
    prices = price_table.load()
    price = prices.provisioned_price(architecture, "duration") if provisioned else prices.duration_price(architecture)
    extra_mb = max(0, ephemeral_mb - prices.free_storage_mb)
    extra_bytes = max(0, streamed_bytes - prices.free_streamed_mb * _BYTES_PER_MB)
    return Cost(
        requests=prices.request,
        duration=gb_seconds(memory_mb, billed_ms) * price,
        storage=gb_seconds(extra_mb, billed_ms) * prices.storage,
        price_date=prices.date,
        region=prices.region,
        architecture=architecture,
        restore=Decimal(memory_mb) / _MB_PER_GB * prices.snapshot_restore if restored else Decimal(0),
        streamed=Decimal(extra_bytes) / (_MB_PER_GB * _BYTES_PER_MB) * prices.streamed,
    )


def snapshot_month(memory_mb: int) -> Decimal:
    """Dollars for keeping a version's snapshot for thirty days, whether it is called or not."""
    return Decimal(memory_mb) / _MB_PER_GB * _MONTH_SECONDS * price_table.load().snapshot_cache
