"""Small settings of functions that are kept and returned: recursion and runtime management.

Neither changes what runs here: the lab detects no recursive loops yet, and its runtimes are this machine's.
Source: `lambda-contract.md` section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import resolving
from lambdalab.api.operations import Call, operation
from lambdalab.errors import InvalidParameterValue
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST, FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("PutFunctionRecursionConfig")
async def put_function_recursion_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Whether AWS ends a loop of a function that calls itself through a queue or topic."""
    asked = resolving.reference(region, call)
    resolving.function(region, asked)
    document = {"RecursiveLoop": call.params["RecursiveLoop"]}
    region.attachments.put(asked.key, "recursion", "", document)
    return document


@operation("GetFunctionRecursionConfig")
async def get_function_recursion_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The setting, Terminate unless changed."""
    asked = resolving.reference(region, call)
    resolving.function(region, asked)
    return region.attachments.get(asked.key, "recursion", "") or {"RecursiveLoop": "Terminate"}


@operation("PutRuntimeManagementConfig")
async def put_runtime_management_config(region: Region, call: Call) -> Mapping[str, Any]:
    """When AWS moves the function to a newer build of its runtime."""
    asked, version = _version(region, call)
    when, arn = call.params["UpdateRuntimeOn"], call.params.get("RuntimeVersionArn")
    if (when == "Manual") != (arn is not None):
        raise InvalidParameterValue("RuntimeVersionArn is required for UpdateRuntimeOn Manual, and only for it.")
    document = {"UpdateRuntimeOn": when, "RuntimeVersionArn": arn}
    region.attachments.put(asked.key, "runtime_management", version.version, document)
    return _shown(version, document)


@operation("GetRuntimeManagementConfig")
async def get_runtime_management_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The setting, Auto unless changed."""
    asked, version = _version(region, call)
    kept = region.attachments.get(asked.key, "runtime_management", version.version)
    return _shown(version, kept or {"UpdateRuntimeOn": "Auto"})


def _version(region: Region, call: Call) -> tuple[FunctionReference, FunctionVersion]:
    asked = resolving.reference(region, call)
    version = resolving.version(region, asked)
    if version is None:
        raise asked.not_found()
    return asked, version


def _shown(version: FunctionVersion, document: Mapping[str, Any]) -> dict[str, Any]:
    arn = version.key.arn if version.version == LATEST else version.qualified_arn
    return {**document, "FunctionArn": arn}
