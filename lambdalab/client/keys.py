"""The person's key for a region, as `region.json` has it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
