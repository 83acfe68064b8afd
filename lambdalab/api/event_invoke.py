"""The family of asynchronous settings: retries, age and destinations of a function, version or alias.

They are kept and returned here; the event queue is what honours them. Source: `lambda-contract.md` section 9.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import paging, resolving
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.errors import AwsError, InvalidParameterValue, ResourceNotFound
from lambdalab.model import arn, limits
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_DESTINATION = re.compile(r"arn:aws[a-zA-Z-]*:(?P<service>[a-z0-9-]+):")
_SERVICES = frozenset(["sqs", "sns", "lambda", "events", "s3"])
_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


@operation("PutFunctionEventInvokeConfig")
async def put_function_event_invoke_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Replace the whole configuration."""
    return _write(region, call, {})


@operation("UpdateFunctionEventInvokeConfig")
async def update_function_event_invoke_config(region: Region, call: Call) -> Mapping[str, Any]:
    """Change what is named."""
    asked = _existing(region, call)
    return _write(region, call, _found(region, asked))


@operation("GetFunctionEventInvokeConfig")
async def get_function_event_invoke_config(region: Region, call: Call) -> Mapping[str, Any]:
    """The configuration of one qualifier."""
    asked = resolving.reference(region, call)
    return _shown(asked, _found(region, asked))


@operation("ListFunctionEventInvokeConfigs")
async def list_function_event_invoke_configs(region: Region, call: Call) -> Mapping[str, Any]:
    """The configurations of all qualifiers."""
    asked = _existing(region, call)
    kept = region.attachments.of(asked.key, "event_invoke")
    qualifiers, after = paging.page(kept, call.params, limits.PAGE_SIZE, str)
    configs = [_shown(FunctionReference(asked.key, qualifier), kept[qualifier]) for qualifier in qualifiers]
    return {"FunctionEventInvokeConfigs": configs, "NextMarker": after}


@operation("DeleteFunctionEventInvokeConfig")
async def delete_function_event_invoke_config(region: Region, call: Call) -> Answer:
    """Go back to AWS's defaults."""
    asked = resolving.reference(region, call)
    _found(region, asked)
    region.attachments.remove(asked.key, "event_invoke", asked.qualifier or LATEST)
    return Answer(status=204)


def _existing(region: Region, call: Call) -> FunctionReference:
    asked = resolving.reference(region, call)
    if resolving.version(region, asked) is None:
        raise ResourceNotFound("The function doesn't exist.")
    return asked


def _found(region: Region, asked: FunctionReference) -> Mapping[str, Any]:
    found = region.attachments.get(asked.key, "event_invoke", asked.qualifier or LATEST)
    if found is None:
        raise ResourceNotFound(
            f"The function {asked.key.arn}:{asked.qualifier or LATEST} doesn't have an EventInvokeConfig"
        )
    return found


def _write(region: Region, call: Call, before: Mapping[str, Any]) -> Mapping[str, Any]:
    given = {name: call.params[name] for name in _MEMBERS if name in call.params}
    if not given:
        raise InvalidParameterValue("You must specify at least one of error handling or destination setting.")
    asked = _existing(region, call)
    for on, destination in given.get("DestinationConfig", {}).items():
        _check_destination(region, call, asked, on, destination.get("Destination"))
    document = {**before, **given, "LastModified": region.clock.epoch_ms() / 1000}
    region.attachments.put(asked.key, "event_invoke", asked.qualifier or LATEST, document)
    return _shown(asked, document)


def _check_destination(region: Region, call: Call, asked: FunctionReference, on: str, destination: str | None) -> None:
    """Refuse what cannot be a destination `on` "OnSuccess" or "OnFailure"; only functions are looked for."""
    if not destination:
        return
    found = _DESTINATION.match(destination)
    service = found["service"] if found is not None else ""
    if service not in _SERVICES or (service == "s3" and on == "OnSuccess"):
        raise InvalidParameterValue(f"The destination ARN {destination} is invalid.")
    if service == "lambda":
        _check_function(region, call, asked, destination)


def _check_function(region: Region, call: Call, asked: FunctionReference, destination: str) -> None:
    try:
        target = arn.parse(destination, account=call.account, region=region.settings.region)
    except AwsError as elsewhere:
        raise InvalidParameterValue(f"The destination ARN {destination} is invalid.") from elsewhere
    if target.key == asked.key:
        raise InvalidParameterValue("You can't specify the function as a destination for itself.")
    if resolving.version(region, target) is None:
        raise InvalidParameterValue(f"The destination ARN {destination} is invalid.")


def _shown(asked: FunctionReference, document: Mapping[str, Any]) -> dict[str, Any]:
    destinations = {"OnSuccess": {}, "OnFailure": {}, **document.get("DestinationConfig", {})}
    return {
        **document,
        "DestinationConfig": destinations,
        "FunctionArn": f"{asked.key.arn}:{asked.qualifier or LATEST}",
    }
