"""Packages that nothing needs any more: found when the last thing that needed them goes, and taken away.

A package is needed by the versions of functions whose code or layer it is, by a layer's version that is not
deleted, by the old $LATEST while its update is in progress, and by whoever holds it in the store: an addition
until it is written down, an environment until it has ended. All but the holds change on the loop's thread only,
as does what is done here; holds are looked at under the store's lock. So nothing is taken that is being added.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambdalab.api.region import Region


def begin(region: Region) -> None:
    """Take away what a killed region left, and from now on what nobody holds any more. Before the first request."""
    region.packages.keep_only(region.functions.packages_in_use() | region.layers.packages_in_use())
    region.packages.on_idle = partial(_collect_one, region)
    _sweep(region)


def collect(region: Region, packages: Iterable[str]) -> None:
    """Take away those of the packages that nothing needs. Called after something stopped referring to them."""
    if [sha256 for sha256 in packages if not in_use(region, sha256) and region.packages.set_aside(sha256)]:
        _sweep(region)


def in_use(region: Region, sha256: str) -> bool:
    """Whether some record refers to a package."""
    if region.functions.has_code(sha256):
        return True
    offered = region.layers.offering(sha256)
    if offered or (offered is False and region.functions.has_layer(sha256)):
        return True
    return any(sha256 in version.packages for version in region.superseded.values())


def _collect_one(region: Region, sha256: str) -> None:
    collect(region, [sha256])


def _sweep(region: Region) -> None:
    """A package may have a hundred thousand files: they are deleted where nobody waits for it."""
    asyncio.get_running_loop().run_in_executor(None, region.packages.sweep)
