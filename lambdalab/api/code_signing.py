"""The family of code signing: configurations are kept, never enforced, and Enforce is refused.

The lab has no signer: a package that would be refused on AWS would run here, so what cannot be kept is not
promised. Source: `lambda-contract.md` section 9.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import changing, paging, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import CodeSigningConfigNotFound, InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambdalab.model import limits, tags
from lambdalab.model.function import FunctionKey

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_ALPHABET = string.ascii_lowercase + string.digits
_MEMBERS = ("Description", "AllowedPublishers", "CodeSigningPolicies")


@operation("CreateCodeSigningConfig")
async def create_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Keep a configuration under a new ARN."""
    _check(call.params)
    identifier = "csc-" + "".join(secrets.choice(_ALPHABET) for _ in range(17))
    arn = f"arn:aws:lambda:{region.settings.region}:{call.account}:code-signing-config:{identifier}"
    given = call.params.get("Tags", {})
    tags.check(given)
    return _write(region, arn, {"CodeSigningPolicies": _WARN, **_members(call.params), "tags": given})


@operation("GetCodeSigningConfig")
async def get_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """One configuration."""
    return _shown(call.params["CodeSigningConfigArn"], _find(region, call))


@operation("UpdateCodeSigningConfig")
async def update_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Change what is named."""
    before = _find(region, call)
    _check(call.params)
    return _write(region, call.params["CodeSigningConfigArn"], {**before, **_members(call.params)})


@operation("ListCodeSigningConfigs")
async def list_code_signing_configs(region: Region, call: Call) -> Mapping[str, Any]:
    """All configurations of the account."""
    mine = {
        arn: document
        for arn, document in region.shelf.all("code_signing").items()
        if f":{region.settings.region}:{call.account}:" in arn
    }
    arns, after = paging.page(mine, call.params, limits.PAGE_SIZE, str)
    return {
        "CodeSigningConfigs": [_shown(arn, mine[arn])["CodeSigningConfig"] for arn in arns],
        "NextMarker": after,
    }


@operation("DeleteCodeSigningConfig")
async def delete_code_signing_config(region: Region, call: Call) -> Answer:
    """Delete a configuration that no function has."""
    _find(region, call)
    if _users(region, call.params["CodeSigningConfigArn"]):
        raise ResourceConflict(
            f"The code signing configuration {call.params['CodeSigningConfigArn']} is used by functions: "
            "take it off them first."
        )
    region.shelf.remove("code_signing", call.params["CodeSigningConfigArn"])
    return Answer(status=204)


@operation("ListFunctionsByCodeSigningConfig")
async def list_functions_by_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The ARNs of the functions that have a configuration."""
    _find(region, call)
    users = sorted(key.arn for key in _users(region, call.params["CodeSigningConfigArn"]))
    arns, after = paging.page(users, call.params, limits.PAGE_SIZE, str)
    return {"FunctionArns": list(arns), "NextMarker": after}


@operation("PutFunctionCodeSigningConfig")
async def put_function_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Give a function a configuration."""
    asked, arn = resolving.unqualified(region, call), call.params["CodeSigningConfigArn"]
    resolving.function(region, asked)
    check_there(region, arn)
    attach(region, asked.key, arn)
    return {"CodeSigningConfigArn": arn, "FunctionName": asked.key.name}


@operation("GetFunctionCodeSigningConfig")
async def get_function_code_signing_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The configuration of a function, if it has one."""
    asked = resolving.reference(region, call)
    resolving.function(region, asked)
    kept = region.attachments.get(asked.key, "code_signing", "")
    return {"CodeSigningConfigArn": kept["arn"] if kept else None, "FunctionName": asked.key.name}


@operation("DeleteFunctionCodeSigningConfig")
async def delete_function_code_signing_config(region: Region, call: Call) -> Answer:
    """Take the configuration off a function."""
    asked = resolving.unqualified(region, call)
    resolving.function(region, asked)
    region.attachments.remove(asked.key, "code_signing", "")
    return Answer(status=204)


def check_there(region: Region, arn: str) -> None:
    """Refuse to give a function a configuration that is not there."""
    if region.shelf.get("code_signing", arn) is None:
        raise CodeSigningConfigNotFound(
            "The code signing configuration cannot be found. "
            f"Check that the provided configuration is not deleted: {arn}."
        )


def attach(region: Region, key: FunctionKey, arn: str) -> None:
    """Give a function a configuration that is there."""
    region.attachments.put(key, "code_signing", "", {"arn": arn})


_WARN = {"UntrustedArtifactOnDeployment": "Warn"}


def _check(params: Mapping[str, Any]) -> None:
    if params.get("CodeSigningPolicies", {}).get("UntrustedArtifactOnDeployment") == "Enforce":
        raise InvalidParameterValue(
            "UntrustedArtifactOnDeployment=Enforce is not offered by LambdaLab: it has no signer, and would run "
            "what AWS refuses. Use Warn."
        )


def _members(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _MEMBERS if name in params}


def _find(region: Region, call: Call) -> dict[str, Any]:
    arn = call.params["CodeSigningConfigArn"]
    found = region.shelf.get("code_signing", arn)
    if found is None:
        raise ResourceNotFound(f"The Lambda code signing configuration {arn} can not be found.")
    return found


def _users(region: Region, arn: str) -> list[FunctionKey]:
    return [key for key, _, document in region.attachments.all("code_signing") if document["arn"] == arn]


def _write(region: Region, arn: str, document: dict[str, Any]) -> Mapping[str, Any]:
    dated = {**document, "LastModified": changing.stamp(region).last_modified}
    region.shelf.put("code_signing", arn, dated)
    return _shown(arn, dated)


def _shown(arn: str, document: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in document.items() if name != "tags"}
    identity = {"CodeSigningConfigId": arn.rpartition(":")[2], "CodeSigningConfigArn": arn}
    return {"CodeSigningConfig": {**identity, **members}}
