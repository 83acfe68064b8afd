"""The family of functions: create, read, list, update, delete.

Source: `lambda-contract.md` section 3. The rules are `model/function_rules.py`; this module asks the stores,
keeps the order of things, and renders records as AWS's FunctionConfiguration.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambdalab.model import arn, function_rules, limits
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST, CodeReference, FunctionVersion
from lambdalab.model.function_rules import Stamp

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_INLINE_BYTES = 1 << 20


@operation("CreateFunction")
async def create_function(region: Region, call: Call) -> Mapping[str, Any]:
    """Create a function from an inline zip; it is Pending in the answer and Active right after."""
    reference, stamp = _reference(region, call), _stamp(region)
    limits.check_new_name(reference.key.name)
    function_rules.check_creation(call.params, stamp.today)
    if region.functions.get(reference.key) is not None:
        raise _exists(reference)
    code = await _code(region, call.params["Code"])
    function, version = function_rules.create(reference.key, call.params, code, stamp)
    if not region.functions.insert(function, version):
        raise _exists(reference)
    _settle_soon(region, version)
    return configuration(version, reference)


@operation("GetFunction")
async def get_function(region: Region, call: Call) -> Mapping[str, Any]:
    """A function's configuration, and a link to its code that is valid for ten minutes."""
    reference, version = _find(region, call)
    function = region.functions.function(reference.key)
    found: dict[str, Any] = {
        "Configuration": configuration(version, reference),
        "Code": {"RepositoryType": "S3", "Location": region.code_location(version.code.sha256)},
    }
    if function is not None and function.tags:
        found["Tags"] = function.tags
    if function is not None and function.reserved_concurrency is not None:
        found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return found


@operation("GetFunctionConfiguration")
async def get_function_configuration(region: Region, call: Call) -> Mapping[str, Any]:
    """A function's configuration."""
    reference, version = _find(region, call)
    return configuration(version, reference)


@operation("ListFunctions")
async def list_functions(region: Region, call: Call) -> Mapping[str, Any]:
    """Functions in the order of their names, at most fifty a page."""
    size = min(call.params.get("MaxItems", limits.PAGE_SIZE), limits.PAGE_SIZE)
    all_versions = call.params.get("FunctionVersion") == "ALL"
    after = _read_marker(call.params.get("Marker"))
    found = region.functions.page(call.account, region.settings.region, after, size + 1, all_versions=all_versions)
    shown: dict[str, Any] = {"Functions": [_listed(version, qualified=all_versions) for version in found[:size]]}
    if len(found) > size:
        last = found[size - 1]
        shown["NextMarker"] = _marker(last.key.name, 0 if last.version == LATEST else int(last.version))
    return shown


@operation("UpdateFunctionCode")
async def update_function_code(region: Region, call: Call) -> Mapping[str, Any]:
    """Give $LATEST other code. DryRun checks everything and changes nothing."""
    reference, version = _find_latest(region, call)
    stamp = _stamp(region)
    if call.params.get("Publish"):
        raise InvalidParameterValue("Publish is not offered by this version of LambdaLab: leave it out.")
    function_rules.check_update(version, call.params, stamp.today)
    code = await _code(region, call.params)
    updated = function_rules.update_code(version, call.params, code, stamp)
    if not call.params.get("DryRun"):
        _replace(region, updated, version)
    return configuration(updated, reference)


@operation("UpdateFunctionConfiguration")
async def update_function_configuration(region: Region, call: Call) -> Mapping[str, Any]:
    """Change settings of $LATEST; what is not named stays."""
    reference, version = _find_latest(region, call)
    stamp = _stamp(region)
    function_rules.check_update(version, call.params, stamp.today)
    if call.params.get("Layers"):
        raise InvalidParameterValue("Layers are not offered by this version of LambdaLab: leave them out.")
    updated = function_rules.update_configuration(version, call.params, stamp)
    _replace(region, updated, version)
    return configuration(updated, reference)


@operation("DeleteFunction")
async def delete_function(region: Region, call: Call) -> Answer:
    """Delete a function with everything of it."""
    reference = _reference(region, call)
    if region.functions.get(reference.key) is None:
        raise ResourceNotFound(f"Function not found: {reference.key.arn}")
    if reference.qualifier == LATEST:
        raise InvalidParameterValue("$LATEST version cannot be deleted without deleting the function.")
    if reference.qualifier is not None:
        if not reference.qualifier.isdecimal():
            raise InvalidParameterValue("Deletion of aliases is not currently supported.")
        return Answer(status=204)
    region.functions.delete(reference.key)
    region.dispatcher.retire(reference.key)
    return Answer(status=204)


@operation("GET /_lambdalab/code", service="lambdalab")
async def download_code(region: Region, call: Call) -> Mapping[str, Any]:
    """The zip that GetFunction's location names."""
    sha256 = str(call.params.get("sha256", ""))
    if sha256 not in region.functions.packages_in_use():
        raise ResourceNotFound("The resource you requested does not exist.")
    return {"Body": region.packages.zip_bytes(sha256)}


# -- finding


def _reference(region: Region, call: Call) -> FunctionReference:
    return arn.parse(
        call.params["FunctionName"],
        account=call.account,
        region=region.settings.region,
        qualifier=call.params.get("Qualifier"),
    )


def _find(region: Region, call: Call) -> tuple[FunctionReference, FunctionVersion]:
    reference = _reference(region, call)
    version = region.functions.get(reference.key, reference.qualifier or LATEST)
    if version is None:
        raise reference.not_found()
    return reference, version


def _find_latest(region: Region, call: Call) -> tuple[FunctionReference, FunctionVersion]:
    reference = _reference(region, call)
    version = region.functions.get(reference.key)
    if version is None:
        raise ResourceNotFound(f"Function not found: {reference.key.arn}")
    return reference, version


def _exists(reference: FunctionReference) -> ResourceConflict:
    return ResourceConflict(f"Function already exist: {reference.key.name}")


# -- changing


def _stamp(region: Region) -> Stamp:
    return Stamp(region.clock.now(), str(uuid.uuid4()))


async def _code(region: Region, source: Mapping[str, Any]) -> CodeReference:
    data = source.get("ZipFile")
    if data is None:
        raise InvalidParameterValue(
            "This version of LambdaLab takes code as an inline zip only: give ZipFile (--zip-file fileb://...), "
            f"not {', '.join(sorted(set(source) & {'S3Bucket', 'S3Key', 'ImageUri'})) or 'nothing'}."
        )
    if len(data) <= _INLINE_BYTES:
        return region.packages.add(data)
    return await asyncio.to_thread(region.packages.add, data)


def _replace(region: Region, updated: FunctionVersion, expected: FunctionVersion) -> None:
    if not region.functions.replace(updated, expected=expected):
        raise ResourceConflict(
            f"The operation cannot be performed at this time. An update is in progress for resource: {updated.key.arn}"
        )
    region.dispatcher.retire(updated.key, LATEST)
    _settle_soon(region, updated)


def _settle_soon(region: Region, version: FunctionVersion) -> None:
    """The state after the answer: everything that takes time was done before it."""

    def settle() -> None:
        region.functions.replace(function_rules.settle(version, str(uuid.uuid4())), expected=version)

    asyncio.get_running_loop().call_soon(settle)
    region.dispatcher.prepare(version.runtime or "")


# -- AWS's shapes


def configuration(version: FunctionVersion, reference: FunctionReference) -> dict[str, Any]:
    """A version as FunctionConfiguration, addressed as the request addressed it."""
    shown = _listed(version, qualified=False)
    states = {
        "State": version.state,
        "StateReason": version.state_reason,
        "StateReasonCode": version.state_reason_code,
        "LastUpdateStatus": version.last_update_status,
        "LastUpdateStatusReason": version.last_update_reason,
        "LastUpdateStatusReasonCode": version.last_update_reason_code,
    }
    shown |= {name: value for name, value in states.items() if value is not None}
    shown["FunctionArn"] = reference.arn
    if version.runtime_version_arn:
        shown["RuntimeVersionConfig"] = {"RuntimeVersionArn": version.runtime_version_arn}
    return shown


def _listed(version: FunctionVersion, *, qualified: bool) -> dict[str, Any]:
    settings = dict(version.settings)
    image = settings.pop("ImageConfig", None)
    shown: dict[str, Any] = {
        "FunctionName": version.key.name,
        "FunctionArn": version.qualified_arn if qualified else version.key.arn,
        "Runtime": version.runtime,
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory_size,
        "LastModified": version.last_modified,
        "CodeSha256": base64.b64encode(bytes.fromhex(version.code.sha256)).decode(),
        "Version": version.version,
        "RevisionId": version.revision_id,
        "PackageType": version.package_type,
        "Architectures": [version.architecture],
        "EphemeralStorage": {"Size": version.ephemeral_size},
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{version.key.name}"},
        **settings,
    }
    shown["SnapStart"] = {**shown["SnapStart"], "OptimizationStatus": "Off"}
    if version.environment is not None:
        shown["Environment"] = {"Variables": version.environment}
    if version.layers:
        shown["Layers"] = list(version.layers)
    if image:
        shown["ImageConfigResponse"] = {"ImageConfig": image}
    return shown


def _marker(name: str, number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([name, number]).encode()).decode()


def _read_marker(marker: str | None) -> tuple[str, int] | None:
    if not marker:
        return None
    try:
        name, number = json.loads(base64.urlsafe_b64decode(marker))
        return str(name), int(number)
    except ValueError as bad:
        raise InvalidParameterValue(f"The marker {marker!r} is not one that ListFunctions gave.") from bad
