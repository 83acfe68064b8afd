"""The family of functions: create, read, list, update, delete.

Source: `lambda-contract.md` section 3. The rules are `model/function_rules.py`; this module asks the stores
and keeps the order of things.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import (
    changing,
    code_signing,
    collecting,
    encryption,
    log_owner,
    network,
    paging,
    resolving,
    roles,
)
from lambdalab.api.configuration import configuration, listed
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambdalab.model import function_rules, image, limits
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST, FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("CreateFunction")
async def create_function(region: Region, call: Call) -> Mapping[str, Any]:
    """Create a function; it is Pending in the answer and Active right after."""
    reference, stamp = resolving.unqualified(region, call), changing.stamp(region)
    limits.check_new_name(reference.key.name)
    function_rules.check_creation(call.params, region.runtime_policy)
    if region.functions.get(reference.key) is not None:
        raise _exists(reference)
    await roles.check(region, call.params)
    layers = changing.layers(region, call.params.get("Layers", ()))
    architecture = call.params.get("Architectures", ["x86_64"])[0]
    async with changing.code(region, call.params["Code"], architecture) as code:
        function, version = function_rules.create(reference.key, call.params, code, stamp)
        version = await network.placed(region, replace(version, layers=layers), call.params)
        changing.check_size(version)
        version = await encryption.sealed(region, version)
        await _log_group_of(region, call)
        after = network.attaching_seconds(region, version)
        version = network.waiting(version, after)
        signing = call.params.get("CodeSigningConfigArn")
        if signing:
            code_signing.check_there(region, signing)
        if not region.functions.insert(function, version):
            raise _exists(reference)
    if signing:
        code_signing.attach(region, reference.key, signing)
    if call.params.get("Publish"):
        return await _shown(region, changing.publish(region, version, None, after), reference.key.arn)
    changing.settle_soon(region, version, after)
    return await _shown(region, version, reference.arn)


@operation("GetFunction")
async def get_function(region: Region, call: Call) -> Mapping[str, Any]:
    """A function's configuration, and a link to its code that is valid for ten minutes."""
    reference, version = _find(region, call)
    function = resolving.function(region, reference)
    found: dict[str, Any] = {
        "Configuration": await _shown(region, version, reference.arn),
        "Code": _code(region, version),
    }
    if function.tags:
        found["Tags"] = function.tags
    if function.reserved_concurrency is not None:
        found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return found


def _code(region: Region, version: FunctionVersion) -> Mapping[str, Any]:
    """Where the code of a version is: a link to its package, or its image's name and digest."""
    if image.of(version) is None:
        return {"RepositoryType": "S3", "Location": region.code_location(version.code.sha256)}
    named = {name: version.settings[name] for name in ("ImageUri", "ResolvedImageUri")}
    return {"RepositoryType": "ECR", **named}


@operation("GetFunctionConfiguration")
async def get_function_configuration(region: Region, call: Call) -> Mapping[str, Any]:
    """A function's configuration."""
    reference, version = _find(region, call)
    return await _shown(region, version, reference.arn)


@operation("ListFunctions")
async def list_functions(region: Region, call: Call) -> Mapping[str, Any]:
    """Functions in the order of their names, at most fifty a page."""
    size = min(call.params.get("MaxItems", limits.PAGE_SIZE), limits.PAGE_SIZE)
    all_versions = call.params.get("FunctionVersion") == "ALL"
    after = paging.read(call.params.get("Marker"), str, int)
    place = None if after is None else (after[0], after[1])
    found = region.functions.page(call.account, region.settings.region, place, size + 1, all_versions=all_versions)
    documents = [listed(version, qualified=all_versions) for version in found[:size]]
    shown: dict[str, Any] = {"Functions": await encryption.all_shown(region, found[:size], documents)}
    if len(found) > size:
        last = found[size - 1]
        shown["NextMarker"] = paging.marker(last.key.name, 0 if last.version == LATEST else int(last.version))
    return shown


@operation("UpdateFunctionCode")
async def update_function_code(region: Region, call: Call) -> Mapping[str, Any]:
    """Give $LATEST other code. DryRun checks everything and changes nothing; Publish answers with the version."""
    reference, version, stamp = *_find_latest(region, call), changing.stamp(region)
    function_rules.check_update(version, call.params, region.runtime_policy)
    function_rules.check_code_kind(version, call.params)
    architecture = call.params.get("Architectures", [version.architecture])[0]
    async with changing.code(region, call.params, architecture) as code:
        updated = function_rules.update_code(version, call.params, code, stamp)
        changing.check_size(updated)
        if call.params.get("DryRun"):
            return await _shown(region, updated, reference.arn)
        changing.replace_latest(region, updated, version)
    if call.params.get("Publish"):
        published = changing.publish(region, updated, None)
        if published.state != "Pending":  # nothing differed from it: $LATEST still has to settle
            changing.settle_soon(region, updated)
        return await _shown(region, published, published.qualified_arn)
    changing.settle_soon(region, updated)
    return await _shown(region, updated, reference.arn)


@operation("UpdateFunctionConfiguration")
async def update_function_configuration(region: Region, call: Call) -> Mapping[str, Any]:
    """Change settings of $LATEST; what is not named stays."""
    reference, version, stamp = *_find_latest(region, call), changing.stamp(region)
    function_rules.check_update(version, call.params, region.runtime_policy)
    await roles.check(region, call.params)
    seal = "Environment" in call.params or "KMSKeyArn" in call.params
    kept = version if "Environment" in call.params or not seal else await encryption.opened_for_change(region, version)
    updated = function_rules.update_configuration(kept, call.params, stamp)
    if "Layers" in call.params:
        updated = replace(updated, layers=changing.layers(region, call.params["Layers"], version.layers))
        changing.check_size(updated)
    updated = await network.placed(region, updated, call.params)
    if seal:
        updated = await encryption.sealed(region, updated)
    await _log_group_of(region, call)
    after = network.attaching_seconds(region, updated, version)
    updated = network.waiting(updated, after)
    changing.replace_latest(region, updated, version, after)
    changing.settle_soon(region, updated, after)
    return await _shown(region, updated, reference.arn)


@operation("DeleteFunction")
async def delete_function(region: Region, call: Call) -> Answer:
    """Delete a function with everything of it, or one version of it."""
    reference = resolving.reference(region, call)
    resolving.latest(region, reference)
    if reference.qualifier is not None:
        _delete_version(region, reference, reference.qualifier)
        return Answer(status=204)
    region.provisioning.end_all(reference.key)
    region.dispatcher.snapshots.end(reference.key)
    old = region.superseded.pop(reference.key, None)
    packages = region.functions.packages_of(reference.key) | set(old.packages if old is not None else ())
    region.functions.delete(reference.key)
    region.attachments.forget(reference.key)
    region.environments.retire(reference.key)
    region.dispatcher.admission.reserve(reference.key, None)
    region.dispatcher.journal.forget(reference.key.arn)
    collecting.collect(region, packages)
    return Answer(status=204)


def _delete_version(region: Region, reference: FunctionReference, qualifier: str) -> None:
    if qualifier == LATEST:
        raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
    if not qualifier.isdecimal():
        raise InvalidParameterValue("Deletion of aliases is not currently supported.")
    pointing = [
        name
        for name, alias in region.attachments.of(reference.key, "alias").items()
        if qualifier == alias["version"] or qualifier in alias["weights"]
    ]
    if pointing:
        raise ResourceConflict(
            f"Function version {reference.key.arn}:{qualifier} cannot be deleted: "
            f"the alias {', '.join(pointing)} points at it. Move or delete the alias first."
        )
    packages = region.functions.packages_of(reference.key, qualifier)
    region.provisioning.end(reference.key, qualifier)
    region.dispatcher.snapshots.end(reference.key, qualifier)
    region.functions.delete_version(reference.key, qualifier)
    region.attachments.remove_all(reference.key, qualifier)
    region.environments.retire(reference.key, qualifier)
    collecting.collect(region, packages)


@operation("GET /_lambdalab/code", service="lambdalab")
async def download_code(region: Region, call: Call) -> Mapping[str, Any]:
    """The zip that GetFunction's or GetLayerVersion's location names."""
    sha256 = str(call.params.get("sha256", ""))
    if not collecting.in_use(region, sha256):
        raise ResourceNotFound("The resource you requested does not exist.")
    return {"Body": region.packages.zip_bytes(sha256)}


async def _log_group_of(region: Region, call: Call) -> None:
    if group := call.params.get("LoggingConfig", {}).get("LogGroup"):
        await log_owner.adopt(region, group)


async def _shown(region: Region, version: FunctionVersion, arn: str) -> Mapping[str, Any]:
    return await encryption.shown(region, version, configuration(version, arn))


def _find(region: Region, call: Call) -> tuple[FunctionReference, FunctionVersion]:
    reference = resolving.reference(region, call)
    version = resolving.version(region, reference)
    if version is None:
        raise reference.not_found()
    return reference, version


def _find_latest(region: Region, call: Call) -> tuple[FunctionReference, FunctionVersion]:
    reference = resolving.unqualified(region, call)
    return reference, resolving.latest(region, reference)


def _exists(reference: FunctionReference) -> ResourceConflict:
    return ResourceConflict(f"Function already exist: {reference.key.name}")
