"""The family of aliases. Source: `lambda-contract.md` section 5."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import concurrency, paging, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from lambdalab.model import alias as aliases
from lambdalab.model import limits
from lambdalab.model.alias import Alias
from lambdalab.model.function import LATEST, FunctionKey
from lambdalab.model.function_rules import check_revision

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("CreateAlias")
async def create_alias(region: Region, call: Call) -> Mapping[str, Any]:
    """Give a version a name."""
    key = resolving.unqualified(region, call).key
    alias = Alias(
        key,
        call.params["Name"],
        call.params["FunctionVersion"],
        str(uuid.uuid4()),
        call.params.get("Description", ""),
        _weights(call),
    )
    resolving.latest(region, resolving.reference(region, call))
    if resolving.alias(region, key, alias.name) is not None:
        raise ResourceConflict(f"Alias already exists: {alias.arn}")
    _check(region, alias)
    region.attachments.put(key, "alias", alias.name, aliases.to_document(alias))
    return _shown(alias)


@operation("GetAlias")
async def get_alias(region: Region, call: Call) -> Mapping[str, Any]:
    """One alias."""
    return _shown(_find(region, call))


@operation("ListAliases")
async def list_aliases(region: Region, call: Call) -> Mapping[str, Any]:
    """A function's aliases by name, of all versions or of one."""
    key = _key(region, call)
    resolving.latest(region, resolving.reference(region, call))
    version = call.params.get("FunctionVersion")
    kept = region.attachments.of(key, "alias")
    found = [aliases.from_document(key, name, document) for name, document in kept.items()]
    found = [alias for alias in found if version is None or alias.version == version or version in alias.weights]
    shown, after = paging.page(found, call.params, limits.PAGE_SIZE, lambda alias: alias.name)
    return {"Aliases": [_shown(alias) for alias in shown], "NextMarker": after}


@operation("UpdateAlias")
async def update_alias(region: Region, call: Call) -> Mapping[str, Any]:
    """Point an alias elsewhere, or shift its weights; what is not named stays."""
    key, name = resolving.unqualified(region, call).key, call.params["Name"]
    before = resolving.alias(region, key, name)
    if before is None:
        raise ResourceNotFound(f"Alias not found: {key.arn}:{name}")
    check_revision(before.revision_id, call.params.get("RevisionId"))
    after = replace(
        before,
        version=call.params.get("FunctionVersion", before.version),
        description=call.params.get("Description", before.description),
        weights=_weights(call) if "RoutingConfig" in call.params else before.weights,
        revision_id=str(uuid.uuid4()),
    )
    _check(region, after)
    _check_not_failed(region, after, before)
    if after.version != before.version:
        _move_provisioned(region, after)
    region.attachments.put(key, "alias", name, aliases.to_document(after))
    if (after.version, after.weights) != (before.version, before.weights):
        region.dispatcher.journal.forget(after.arn)  # what was observed of the old weights says nothing of the new
    return _shown(after)


@operation("DeleteAlias")
async def delete_alias(region: Region, call: Call) -> Answer:
    """Delete an alias with all that is attached to it; one that is not there is no error."""
    key, name = resolving.unqualified(region, call).key, call.params["Name"]
    resolving.latest(region, resolving.reference(region, call))
    region.provisioning.end(key, name)
    region.attachments.remove_all(key, name)
    region.dispatcher.journal.forget(f"{key.arn}:{name}")
    return Answer(status=204)


def _key(region: Region, call: Call) -> FunctionKey:
    return resolving.reference(region, call).key


def _find(region: Region, call: Call) -> Alias:
    key, name = _key(region, call), call.params["Name"]
    found = resolving.alias(region, key, name)
    if found is None:
        raise ResourceNotFound(f"Cannot find alias arn: {key.arn}:{name}")
    return found


def _weights(call: Call) -> Mapping[str, float]:
    return dict(call.params.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def _check(region: Region, alias: Alias) -> None:
    aliases.check_routing(alias.version, alias.weights)
    for version in (alias.version, *alias.weights):
        if region.functions.get(alias.key, version) is None:
            raise ResourceNotFound(f"Function not found: {alias.key.arn}:{version}")


def _check_not_failed(region: Region, after: Alias, before: Alias) -> None:
    """Refuse to move an alias to a version whose publishing failed; one that is still Pending is no fault.

    AWS's refusal is known of UpdateAlias alone (terraform-provider-aws, issue 49904, which quotes its end; the
    beginning is that of the same refusal by other operations).
    """
    for number in {after.version, *after.weights} - {before.version, *before.weights}:
        version = region.functions.get(after.key, number)
        if version is not None and version.state == "Failed":
            raise ResourceConflict(
                f"The operation cannot be performed at this time. The resource {version.qualified_arn} is currently in "
                f"the following state: 'Failed', StateReasonCode: '{version.state_reason_code}'"
            )


def _move_provisioned(region: Region, alias: Alias) -> None:
    """Provisioned concurrency follows its alias, and is in progress again."""
    document = region.attachments.get(alias.key, "provisioned", alias.name)
    version = region.functions.get(alias.key, alias.version)
    if document is None or version is None:
        return
    if version.version == LATEST:
        raise InvalidParameterValue("Alias with Provisioned Concurrency cannot point at $LATEST.")
    concurrency.check_not_snapped(version)
    concurrency.check_overlap(region, alias.key, alias.name, version)
    region.provisioning.request(alias.name, version, document["requested"])


def _shown(alias: Alias) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        shown["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return shown
