"""The family of concurrency: reserved and provisioned. Source: `lambda-contract.md` section 8."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import changing, paging, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ProvisionedConcurrencyConfigNotFound, ResourceConflict
from lambdalab.model import concurrency as rules
from lambdalab.model import limits, snapstart
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST, FunctionKey, FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


def restore(region: Region) -> None:
    """Set aside again what the store says was set aside when the region last ran."""
    admission = region.dispatcher.admission
    for function in region.functions.reserving():
        admission.reserve(function.key, function.reserved_concurrency)
    for key, qualifier, document in region.attachments.all("provisioned"):
        version = resolving.version(region, FunctionReference(key, qualifier))
        if version is not None:
            region.provisioning.request(qualifier, version, document["requested"])


# -- reserved


@operation("PutFunctionConcurrency")
async def put_function_concurrency(region: Region, call: Call) -> Mapping[str, Any]:
    """Set concurrency aside for a function; 0 stops it."""
    key = resolving.unqualified(region, call, latest_too=False).key
    function = region.functions.function(key)
    if function is None:
        raise FunctionReference(key, None).not_found(LATEST)
    admission, wanted = region.dispatcher.admission, call.params["ReservedConcurrentExecutions"]
    rules.check_reserved(
        wanted,
        left_to_others=admission.unreserved(key.account, apart_from=key) - wanted,
        provisioned=admission.provisioned(key),
    )
    changing.touch(region, replace(function, reserved_concurrency=wanted))
    admission.reserve(key, wanted)
    return {"ReservedConcurrentExecutions": wanted}


@operation("GetFunctionConcurrency")
async def get_function_concurrency(region: Region, call: Call) -> Mapping[str, Any]:
    """What is set aside for a function; nothing when nothing is."""
    function = resolving.function(region, resolving.reference(region, call))
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


@operation("DeleteFunctionConcurrency")
async def delete_function_concurrency(region: Region, call: Call) -> Answer:
    """Give a function's reservation back to the account's pool."""
    key = resolving.unqualified(region, call, latest_too=False).key
    function = resolving.function(region, resolving.reference(region, call))
    changing.touch(region, replace(function, reserved_concurrency=None))
    region.dispatcher.admission.reserve(key, None)
    return Answer(status=204)


# -- provisioned


@operation("PutProvisionedConcurrencyConfig")
async def put_provisioned_concurrency_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Have environments of a version or an alias initialised ahead."""
    asked, version = _provisionable(
        region, call, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    )
    check_not_snapped(version)
    key, qualifier, wanted = asked.key, str(asked.qualifier), call.params["ProvisionedConcurrentExecutions"]
    check_overlap(region, key, qualifier, version)
    admission = region.dispatcher.admission
    others = region.provisioning.total(key, apart_from=qualifier)
    function = resolving.function(region, asked)
    rules.check_provisioned(
        wanted,
        others=others,
        reserved=function.reserved_concurrency,
        pool=admission.pool(key.account) + admission.provisioned(key) - others - rules.UNRESERVED_LEAST,
    )
    document = {"requested": wanted, "last_modified": changing.stamp(region).last_modified}
    region.attachments.put(key, "provisioned", qualifier, document)
    region.provisioning.request(qualifier, version, wanted)
    progress = {"AvailableProvisionedConcurrentExecutions": 0, "AllocatedProvisionedConcurrentExecutions": 0}
    return {
        "RequestedProvisionedConcurrentExecutions": wanted,
        **progress,
        "Status": "IN_PROGRESS",
        "LastModified": document["last_modified"],
    }


@operation("GetProvisionedConcurrencyConfig")
async def get_provisioned_concurrency_config(region: Region, call: Call) -> Mapping[str, Any]:
    """What was asked for, and how far it is."""
    asked, _ = _provisionable(region, call, _NOT_LATEST)
    shown = _shown(region, asked.key, str(asked.qualifier))
    if shown is None:
        raise ProvisionedConcurrencyConfigNotFound("No Provisioned Concurrency Config found for this function")
    return shown


@operation("ListProvisionedConcurrencyConfigs")
async def list_provisioned_concurrency_configs(region: Region, call: Call) -> Mapping[str, Any]:
    """All of a function's configurations, by qualifier."""
    asked = resolving.reference(region, call)
    resolving.latest(region, asked)
    qualifiers, after = paging.page(
        list(region.attachments.of(asked.key, "provisioned")), call.params, limits.PAGE_SIZE, str
    )
    configs = [
        {"FunctionArn": f"{asked.key.arn}:{qualifier}", **(_shown(region, asked.key, qualifier) or {})}
        for qualifier in qualifiers
    ]
    return {"ProvisionedConcurrencyConfigs": configs, "NextMarker": after}


@operation("DeleteProvisionedConcurrencyConfig")
async def delete_provisioned_concurrency_config(region: Region, call: Call) -> Answer:
    """Give the environments up; where there are none it is no error."""
    asked, _ = _provisionable(region, call, _NOT_LATEST)
    region.attachments.remove(asked.key, "provisioned", str(asked.qualifier))
    region.provisioning.end(asked.key, str(asked.qualifier))
    return Answer(status=204)


_NOT_LATEST = "The function resource provided must be an alias or a published version."


def _provisionable(region: Region, call: Call, refusal: str) -> tuple[FunctionReference, FunctionVersion]:
    asked = resolving.reference(region, call)
    if asked.qualifier in {None, LATEST}:
        raise InvalidParameterValue(refusal)
    resolving.check_qualifier(region, asked)
    version = resolving.version(region, asked)
    if version is None:
        raise asked.not_found()
    if version.version == LATEST:
        raise InvalidParameterValue(refusal)
    return asked, version


def check_not_snapped(version: FunctionVersion) -> None:
    """Refuse provisioned concurrency where SnapStart is: AWS has one or the other. The text is made after AWS's."""
    if snapstart.applies(version):
        raise InvalidParameterValue("Provisioned Concurrency is not supported for SnapStart enabled functions.")


def check_overlap(region: Region, key: FunctionKey, qualifier: str, version: FunctionVersion) -> None:
    """Refuse to provision a version for a qualifier when it is by another: by itself or through one alias, not both."""
    taken = region.attachments.of(key, "provisioned")
    if qualifier != version.version and version.version in taken:
        raise ResourceConflict(
            "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
        )
    for other in taken:
        alias = None if other.isdecimal() else resolving.alias(region, key, other)
        if alias is not None and other != qualifier and alias.version == version.version:
            raise ResourceConflict("Version is pointed by a Provisioned Concurrency alias")


def _shown(region: Region, key: FunctionKey, qualifier: str) -> dict[str, Any] | None:
    document = region.attachments.get(key, "provisioned", qualifier)
    progress = region.provisioning.progress(key, qualifier)
    if document is None or progress is None:
        return None
    return {
        "RequestedProvisionedConcurrentExecutions": progress.requested,
        "AvailableProvisionedConcurrentExecutions": progress.allocated,
        "AllocatedProvisionedConcurrentExecutions": progress.allocated,
        "Status": progress.status,
        "StatusReason": progress.reason,
        "LastModified": document["last_modified"],
    }
