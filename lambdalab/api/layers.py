"""The family of layers. Source: `lambda-contract.md` section 6."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lambdalab.api import changing, collecting, paging
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import AccessDenied, InvalidParameterValue, ResourceNotFound
from lambdalab.model import layer as rules
from lambdalab.model import limits
from lambdalab.model.layer import LayerKey, LayerVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("PublishLayerVersion")
async def publish_layer_version(region: Region, call: Call) -> Mapping[str, Any]:
    """Keep a package as the next version of a layer."""
    params, key = call.params, _key(region, call)
    async with changing.package(region, params["Content"]) as code:
        limits.check_unzipped_size(code.unzipped_size)
        version = region.layers.publish(
            LayerVersion(
                key,
                0,
                code,
                changing.stamp(region).last_modified,
                params.get("Description", ""),
                params.get("LicenseInfo"),
                tuple(params.get("CompatibleRuntimes", ())),
                tuple(params.get("CompatibleArchitectures", ())),
            )
        )
    return _shown(region, version)


@operation("GetLayerVersion")
async def get_layer_version(region: Region, call: Call) -> Mapping[str, Any]:
    """One version with a link to its content."""
    return _shown(region, _found(region, _key(region, call), call.params["VersionNumber"]))


@operation("GetLayerVersionByArn")
async def get_layer_version_by_arn(region: Region, call: Call) -> Mapping[str, Any]:
    """The same by the version's ARN."""
    key, number = rules.parse(call.params["Arn"])
    version = _found(region, key, number or 0)
    if version.arn != call.params["Arn"]:  # `…:01` names none
        raise ResourceNotFound("The resource you requested does not exist.")
    return _shown(region, version)


@operation("ListLayerVersions")
async def list_layer_versions(region: Region, call: Call) -> Mapping[str, Any]:
    """A layer's versions, newest first; none of a layer that is not there."""
    found = [version for version in region.layers.versions(_key(region, call)) if _fits(version, call.params)]
    shown, after = paging.page(found, call.params, limits.PAGE_SIZE, lambda version: -version.version, int)
    return {"LayerVersions": [_listed(version) for version in shown], "NextMarker": after}


@operation("ListLayers")
async def list_layers(region: Region, call: Call) -> Mapping[str, Any]:
    """All layers by name, each with its newest version, or its newest that fits what is asked for."""
    fitting = (
        version for version in region.layers.all(call.account, region.settings.region) if _fits(version, call.params)
    )
    found = [next(versions) for _, versions in groupby(fitting, lambda version: version.key)]
    shown, after = paging.page(found, call.params, limits.PAGE_SIZE, lambda version: version.key.name)
    layers = [{"LayerName": v.key.name, "LayerArn": v.key.arn, "LatestMatchingVersion": _listed(v)} for v in shown]
    return {"Layers": layers, "NextMarker": after}


@operation("DeleteLayerVersion")
async def delete_layer_version(region: Region, call: Call) -> Answer:
    """Take a version off the lists; functions that have it keep it, and one that is not there is no error."""
    number = call.params["VersionNumber"]
    _check_number(number)
    found = region.layers.get(_key(region, call), number)
    if found is not None and not found.deleted:
        region.layers.delete(found.key, number)
        collecting.collect(region, [found.code.sha256])
    return Answer(status=204)


def find(region: Region, call: Call) -> LayerVersion | None:
    """The version that a request's LayerName and VersionNumber name; None when there is none."""
    version = region.layers.get(_key(region, call), call.params["VersionNumber"])
    return None if version is None or version.deleted else version


def arn_of(region: Region, call: Call) -> str:
    """The ARN of the version that a request names, whether it is there or not."""
    return f"{_key(region, call).arn}:{call.params['VersionNumber']}"


def _key(region: Region, call: Call) -> LayerKey:
    name = call.params["LayerName"]
    if not name.startswith("arn:"):
        return LayerKey(call.account, region.settings.region, name)
    key, _ = rules.parse(name)
    if key.account != call.account or key.region != region.settings.region:
        raise AccessDenied(None)
    return key


def _found(region: Region, key: LayerKey, number: int) -> LayerVersion:
    _check_number(number)
    version = region.layers.get(key, number)
    if version is None or version.deleted:
        raise ResourceNotFound("The resource you requested does not exist.")
    return version


def _check_number(number: int) -> None:
    if number < 1:
        raise InvalidParameterValue("Layer Version Cannot be less than 1")


def _fits(version: LayerVersion, params: Mapping[str, Any]) -> bool:
    runtime, architecture = params.get("CompatibleRuntime"), params.get("CompatibleArchitecture")
    return (runtime is None or runtime in version.runtimes) and (
        architecture is None or architecture in version.architectures
    )


def _listed(version: LayerVersion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "LayerVersionArn": version.arn,
        "Version": version.version,
        "Description": version.description,
        "CreatedDate": version.created,
        "LicenseInfo": version.license_info,
    }
    if version.runtimes:
        shown["CompatibleRuntimes"] = list(version.runtimes)
    if version.architectures:
        shown["CompatibleArchitectures"] = list(version.architectures)
    return shown


def _shown(region: Region, version: LayerVersion) -> dict[str, Any]:
    content = {
        "Location": region.code_location(version.code.sha256),
        "CodeSha256": base64.b64encode(bytes.fromhex(version.code.sha256)).decode(),
        "CodeSize": version.code.size,
    }
    return {**_listed(version), "LayerArn": version.key.arn, "Content": content}
