"""What a cold start waits for before its environment is made: KMS, and in the classic model its interface."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from lambdalab.api import encryption
from lambdalab.model import vpc
from lambdalab.model.function import FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def before_start(region: Region, version: FunctionVersion) -> tuple[FunctionVersion, float]:
    """The version as its environment gets it, and the simulated milliseconds that were waited on the lab's clock."""
    opened = await encryption.opened(region, version)
    if vpc.place(version) is None or region.settings.vpc_model != "classic":
        return opened, 0.0
    seconds = vpc.classic_seconds(random.random())  # noqa: S311 - a duration, no secret
    passed = asyncio.Event()
    region.lab_clock.call_later(seconds, passed.set)
    await passed.wait()
    return opened, seconds * 1000
