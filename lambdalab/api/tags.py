"""The family of tags: of functions and of code signing configurations. Source: `lambda-contract.md` section 7."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import changing
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import InvalidParameterValue, ResourceNotFound
from lambdalab.model import arn, tags
from lambdalab.model.function import Function

if TYPE_CHECKING:
    from lambdalab.api.region import Region

Tags = Mapping[str, str]
_KIND = re.compile(r"arn:aws[a-zA-Z-]*:lambda:[a-z0-9-]+:\d{12}:(?P<kind>[a-z-]+):(?P<rest>.+)")


@operation("TagResource")
async def tag_resource(region: Region, call: Call) -> Answer:
    """Add tags; those of the same key take the new value."""
    _change(region, call, lambda before: tags.merged(before, call.params["Tags"]))
    return Answer(status=204)


@operation("UntagResource")
async def untag_resource(region: Region, call: Call) -> Answer:
    """Take tags away; those that are not there are no error."""
    _change(region, call, lambda before: tags.without(before, call.params["TagKeys"]))
    return Answer(status=204)


@operation("ListTags")
async def list_tags(region: Region, call: Call) -> Mapping[str, Any]:
    """All tags of a resource."""
    if _kind(call) == "code-signing-config":
        return {"Tags": _code_signing(region, call).get("tags", {})}
    return {"Tags": dict(_function(region, call).tags)}


def _change(region: Region, call: Call, change: Callable[[Tags], Tags]) -> None:
    if _kind(call) == "code-signing-config":
        document = _code_signing(region, call)
        region.shelf.put(
            "code_signing", call.params["Resource"], {**document, "tags": change(document.get("tags", {}))}
        )
        return
    function = _function(region, call)
    changing.touch(region, replace(function, tags=change(function.tags)))


def _kind(call: Call) -> str:
    found = _KIND.fullmatch(call.params["Resource"])
    if found is not None and found["kind"] == "event-source-mapping":
        raise ResourceNotFound(f"Event source mapping not found: {call.params['Resource']}")
    if found is None or found["kind"] not in {"function", "code-signing-config"}:
        raise InvalidParameterValue(f"{call.params['Resource']} is not the ARN of a resource that has tags.")
    return found["kind"]


def _function(region: Region, call: Call) -> Function:
    asked = arn.parse(call.params["Resource"], account=call.account, region=region.settings.region)
    if asked.qualifier is not None:
        raise InvalidParameterValue(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    found = region.functions.function(asked.key)
    if found is None:
        raise asked.not_found()
    return found


def _code_signing(region: Region, call: Call) -> dict[str, Any]:
    found = region.shelf.get("code_signing", call.params["Resource"])
    if found is None:
        raise ResourceNotFound(f"The Lambda code signing configuration {call.params['Resource']} can not be found.")
    return found
