"""The family of function URLs: their configuration. `url_serving.py` answers the URLs themselves.

Source: `lambda-contract.md` section 9. The URL that is shown is the one that works here: AWS's domain cannot be
reached, and names under `localhost` are not resolved everywhere, so the id stands in the path.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import paging, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import ResourceConflict, ResourceNotFound
from lambdalab.model import limits
from lambdalab.model.arn import FunctionReference

if TYPE_CHECKING:
    from lambdalab.api.region import Region

PREFIX = "/lambda-url/"
_ALPHABET = string.ascii_lowercase + string.digits
_MEMBERS = ("AuthType", "Cors", "InvokeMode")
_NONE = "The resource you requested does not exist."


@operation("CreateFunctionUrlConfig")
async def create_function_url_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Give a function or an alias a URL."""
    asked = _existing(region, call)
    if region.attachments.get(asked.key, "url", asked.qualifier or "") is not None:
        raise ResourceConflict(
            f"Failed to create function url config for [functionArn = {asked.arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    now = _now(region)
    identifier = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    document = {**_members(call.params), "id": identifier, "CreationTime": now, "LastModifiedTime": now}
    region.attachments.put(asked.key, "url", asked.qualifier or "", document)
    shown = _shown(region, asked, document)
    return {name: value for name, value in shown.items() if name != "InvokeMode" or "InvokeMode" in call.params}


@operation("GetFunctionUrlConfig")
async def get_function_url_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The URL of a function or an alias."""
    asked = resolving.reference(region, call)
    return _shown(region, asked, _found(region, asked))


@operation("UpdateFunctionUrlConfig")
async def update_function_url_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Change what is named; the URL stays."""
    asked = _existing(region, call)
    document = {**_found(region, asked), **_members(call.params), "LastModifiedTime": _now(region)}
    region.attachments.put(asked.key, "url", asked.qualifier or "", document)
    return _shown(region, asked, document)


@operation("ListFunctionUrlConfigs")
async def list_function_url_configs(region: Region, call: Call) -> Mapping[str, Any]:
    """The URLs of a function and of its aliases."""
    asked = _existing(region, call)
    kept = region.attachments.of(asked.key, "url")
    qualifiers, after = paging.page(kept, call.params, limits.PAGE_SIZE, str)
    urls = [_shown(region, FunctionReference(asked.key, q or None), kept[q]) for q in qualifiers]
    return {"FunctionUrlConfigs": urls, "NextMarker": after}


@operation("DeleteFunctionUrlConfig")
async def delete_function_url_config(region: Region, call: Call) -> Answer:
    """Take the URL away."""
    asked = resolving.reference(region, call)
    _found(region, asked)
    region.attachments.remove(asked.key, "url", asked.qualifier or "")
    return Answer(status=204)


def _existing(region: Region, call: Call) -> FunctionReference:
    asked = resolving.reference(region, call)
    if resolving.version(region, asked) is None:
        raise ResourceNotFound("Function does not exist")
    return asked


def _found(region: Region, asked: FunctionReference) -> Mapping[str, Any]:
    found = region.attachments.get(asked.key, "url", asked.qualifier or "")
    if found is None:
        raise ResourceNotFound(_NONE)
    return found


def _members(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: params[name] for name in _MEMBERS if name in params}


def _now(region: Region) -> str:
    return region.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def _shown(region: Region, asked: FunctionReference, document: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in document.items() if name != "id"}
    return {
        "InvokeMode": "BUFFERED",
        **members,
        "FunctionUrl": f"{region.endpoint}{PREFIX}{document['id']}/",
        "FunctionArn": asked.arn,
    }
