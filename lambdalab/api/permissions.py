"""The family of permissions: the resource policies of functions, versions, aliases, and of layers' versions.

Source: `lambda-contract.md` sections 6 and 7.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import layers, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ResourceNotFound
from lambdalab.model import alias as aliases
from lambdalab.model import policy
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST
from lambdalab.model.function_rules import check_revision

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("AddPermission")
async def add_permission(region: Region, call: Call) -> Mapping[str, Any]:
    """Let somebody use the function: one more statement."""
    asked = _reference(region, call)
    resolving.check_qualifier(region, asked)
    check_revision(_revision(region, asked), call.params.get("RevisionId"), "GetPolicy")
    made = policy.statement(call.params, asked.arn)
    _write(region, asked, policy.add(_statements(region, asked), made))
    return {"Statement": json.dumps(made, separators=(",", ":"))}


@operation("RemovePermission")
async def remove_permission(region: Region, call: Call) -> Answer:
    """Take one statement back; with the last one the policy goes."""
    asked = _reference(region, call)
    if region.functions.get(asked.key) is None:
        raise ResourceNotFound(f"No policy found for: {asked.arn}")
    resolving.check_qualifier(region, asked)
    left = policy.remove(_statements(region, asked), call.params["StatementId"])
    check_revision(_revision(region, asked), call.params.get("RevisionId"))
    _write(region, asked, left)
    return Answer(status=204)


@operation("GetPolicy")
async def get_policy(region: Region, call: Call) -> Mapping[str, Any]:
    """The policy of a function, version or alias."""
    asked = resolving.reference(region, call)
    statements = _statements(region, asked)
    if not statements:
        raise ResourceNotFound("The resource you requested does not exist.")
    return {"Policy": policy.document(statements), "RevisionId": _revision(region, asked)}


def _reference(region: Region, call: Call) -> FunctionReference:
    asked = resolving.reference(region, call)
    if asked.qualifier == LATEST:
        raise InvalidParameterValue("We currently do not support adding policies for $LATEST.")
    return asked


def _statements(region: Region, asked: FunctionReference) -> list[policy.Statement]:
    kept = region.attachments.get(asked.key, "policy", asked.qualifier or "")
    return list(kept["statements"]) if kept else []


def _write(region: Region, asked: FunctionReference, statements: list[policy.Statement]) -> None:
    if statements:
        region.attachments.put(asked.key, "policy", asked.qualifier or "", {"statements": statements})
    else:
        region.attachments.remove(asked.key, "policy", asked.qualifier or "")
    _touch(region, asked)


def _revision(region: Region, asked: FunctionReference) -> str:
    """The revision id that goes with a policy: that of the function, version or alias it belongs to."""
    qualifier = asked.qualifier or LATEST
    version = region.functions.get(asked.key, qualifier)
    if version is not None:
        return version.revision_id
    alias = resolving.alias(region, asked.key, qualifier)
    return alias.revision_id if alias is not None else ""


def _touch(region: Region, asked: FunctionReference) -> None:
    qualifier, revision = asked.qualifier or LATEST, str(uuid.uuid4())
    version = region.functions.get(asked.key, qualifier)
    if version is not None:
        region.functions.replace(replace(version, revision_id=revision), expected=version)
        return
    alias = resolving.alias(region, asked.key, qualifier)
    if alias is not None:
        document = aliases.to_document(replace(alias, revision_id=revision))
        region.attachments.put(asked.key, "alias", alias.name, document)


# -- layers


@operation("AddLayerVersionPermission")
async def add_layer_version_permission(region: Region, call: Call) -> Mapping[str, Any]:
    """Let other accounts use a layer's version."""
    arn, kept = _layer_policy(region, call)
    check_revision(kept["revision_id"], call.params.get("RevisionId"), "GetLayerPolicy")
    made = policy.statement(call.params, arn)
    return {
        "Statement": json.dumps(made, separators=(",", ":")),
        "RevisionId": _write_layer_policy(region, arn, policy.add(kept["statements"], made)),
    }


@operation("RemoveLayerVersionPermission")
async def remove_layer_version_permission(region: Region, call: Call) -> Answer:
    """Take a statement of a layer's version back."""
    arn, kept = _layer_policy(region, call)
    check_revision(kept["revision_id"], call.params.get("RevisionId"), "GetLayerPolicy")
    left = policy.remove(kept["statements"], call.params["StatementId"])
    _write_layer_policy(region, arn, left)
    return Answer(status=204)


@operation("GetLayerVersionPolicy")
async def get_layer_version_policy(region: Region, call: Call) -> Mapping[str, Any]:
    """The policy of a layer's version."""
    _, kept = _layer_policy(region, call)
    if not kept["statements"]:
        raise ResourceNotFound("No policy is associated with the given resource.")
    return {"Policy": policy.document(kept["statements"]), "RevisionId": kept["revision_id"]}


def _layer_policy(region: Region, call: Call) -> tuple[str, dict[str, Any]]:
    arn = layers.arn_of(region, call)
    if layers.find(region, call) is None:
        raise ResourceNotFound(f"Layer version {arn} does not exist.")
    return arn, region.shelf.get("layer_policy", arn) or {"statements": [], "revision_id": ""}


def _write_layer_policy(region: Region, arn: str, statements: list[policy.Statement]) -> str:
    revision = str(uuid.uuid4())
    if statements:
        region.shelf.put("layer_policy", arn, {"statements": statements, "revision_id": revision})
    else:
        region.shelf.remove("layer_policy", arn)
    return revision
