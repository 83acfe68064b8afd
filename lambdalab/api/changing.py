"""What changes of a function have in common: the code they take, the order of writes, the state afterwards."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lambdalab.api import collecting, images
from lambdalab.engine.snapshots import NotMade
from lambdalab.errors import InvalidParameterValue, ResourceConflict
from lambdalab.model import function_rules, layer, limits, snapstart, version_rules
from lambdalab.model.function import LATEST, CodeReference, Function, FunctionVersion
from lambdalab.model.function_rules import Code, Stamp

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_ELSEWHERE = frozenset(["S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri"])


def stamp(region: Region) -> Stamp:
    """This moment, and a new revision id."""
    return Stamp(region.clock.now(), str(uuid.uuid4()))


@asynccontextmanager
async def code(region: Region, source: Mapping[str, Any], architecture: str) -> AsyncIterator[Code]:
    """What a function's request brings: a package, or an image. Raises AWS's refusals of bad ones."""
    if "ImageUri" in source and "ZipFile" not in source:
        found = await images.resolve(region, source["ImageUri"], architecture)
        yield Code(CodeReference(found.digest, 0, 0), found.settings())
        return
    async with package(region, source) as reference:
        yield Code(reference)


@asynccontextmanager
async def package(region: Region, source: Mapping[str, Any]) -> AsyncIterator[CodeReference]:
    """The package that a request brings, kept at least as long as the context. Raises AWS's refusals of bad ones."""
    data = await _data(region, source)
    # However small the zip, what comes out of it may be large.
    added = await asyncio.to_thread(region.packages.add, data)
    try:
        yield added
    finally:
        region.packages.release([added.sha256])


async def _data(region: Region, source: Mapping[str, Any]) -> bytes:
    data: bytes | None = source.get("ZipFile")
    if data is not None and _ELSEWHERE & source.keys():
        raise InvalidParameterValue("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if data is not None:
        limits.check_zipped_size(len(data))
        return data
    if "S3Bucket" in source and "S3Key" in source:
        return await region.aws.get_object(source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion"))
    raise InvalidParameterValue("Please provide a source for function code.")


def layers(
    region: Region, arns: Sequence[str], kept: Sequence[Mapping[str, Any]] = ()
) -> tuple[Mapping[str, Any], ...]:
    """The layers that a request names, as a version keeps them. Those it had may be deleted meanwhile."""
    layer.check_list(arns, region.settings.region)
    before = {found["Arn"]: found for found in kept}
    return tuple(before.get(arn) or _layer(region, arn) for arn in arns)


def _layer(region: Region, arn: str) -> Mapping[str, Any]:
    key, number = layer.parse(arn)
    found = region.layers.get(key, number) if number is not None else None
    if found is None or found.deleted or found.arn != arn:  # `…:01` names no version
        raise InvalidParameterValue(f"Layer version {arn} does not exist.")
    return {
        "Arn": arn,
        "CodeSize": found.code.size,
        "CodeSha256": found.code.sha256,
        "UnzippedSize": found.code.unzipped_size,
    }


def check_size(version: FunctionVersion) -> None:
    """Refuse code and layers that together are too large unzipped."""
    limits.check_unzipped_size(version.code.unzipped_size + sum(one["UnzippedSize"] for one in version.layers))


def replace_latest(region: Region, updated: FunctionVersion, expected: FunctionVersion, after: float = 0.0) -> None:
    """Write $LATEST; its environments take no further call. Raises AWS's 409 when another was there first.

    When it takes simulated seconds (`after`), invocations run the old one and its environments meanwhile.
    """
    if not region.functions.replace(updated, expected=expected):
        raise in_progress(updated)
    if after:
        region.superseded[updated.key] = expected
    else:
        _over(region, expected)


def _over(region: Region, old: FunctionVersion) -> None:
    """The end of an old $LATEST: its environments take no further call, and what only it needed goes."""
    region.environments.retire(old.key, LATEST)
    collecting.collect(region, old.packages)


def publish(region: Region, latest: FunctionVersion, description: str | None, after: float = 0.0) -> FunctionVersion:
    """The version that $LATEST is: the last published one when nothing differs, else a new one.

    Both settle `after` simulated seconds.
    """
    last = region.functions.last_published(latest.key)
    if last is not None and last.fingerprint == version_rules.fingerprint(latest):
        return last
    function = region.functions.function(latest.key)
    if function is None:
        raise in_progress(latest)
    function, version = version_rules.publish(function, latest, description, stamp(region))
    touched = replace(latest, revision_id=str(uuid.uuid4()))
    if not region.functions.publish(function, version, touched, expected=latest):
        raise in_progress(latest)
    settle_soon(region, version, after)
    if not function_rules.settled(touched):
        settle_soon(region, touched, after)
    return version


def settle_soon(region: Region, version: FunctionVersion, after: float = 0.0) -> None:
    """The state after the answer: what takes time was done before it, all but the `after` seconds of a simulation.

    It is reached before the answer is sent, for the gateway lets the loop turn once (`Gateway._rest`): the next request
    may come before the region is scheduled again.
    A version with SnapStart is Pending until its snapshot is there, and Failed when it cannot be made.
    """
    snapshots, snapped = region.dispatcher.snapshots, snapstart.applies(version)

    def settle(failed: NotMade | None = None) -> None:
        # Tags and reservations may have given it another revision id meanwhile; another creation has another moment.
        present = region.functions.get(version.key, version.version)
        if present is None or present.last_modified != version.last_modified:
            return
        settled = function_rules.settle(present, str(uuid.uuid4()))
        if failed is not None:
            settled = function_rules.failed(present, settled.revision_id, failed.code, failed.reason)
        region.functions.replace(settled, expected=present)
        old = region.superseded.pop(version.key, None) if version.version == LATEST else None
        if old is not None:
            _over(region, old)

    then = partial(snapshots.publish, version, settle) if snapped else settle
    if after:
        region.lab_clock.call_later(after, then)
    else:
        asyncio.get_running_loop().call_soon(then)
    if not snapped:
        region.environments.cold_starts.prepare(version)


def touch(region: Region, function: Function) -> None:
    """Write what belongs to the function as a whole, and give $LATEST a new revision id."""
    region.functions.change(function)
    latest = region.functions.get(function.key)
    if latest is not None:
        region.functions.replace(replace(latest, revision_id=str(uuid.uuid4())), expected=latest)


def in_progress(version: FunctionVersion) -> ResourceConflict:
    """AWS's refusal of a change while another one is under way."""
    return ResourceConflict(
        f"The operation cannot be performed at this time. An update is in progress for resource: {version.key.arn}"
    )
