"""What a request's FunctionName and Qualifier mean in this region: the function, its version or alias."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.api.operations import Call
from lambdalab.errors import InvalidParameterValue, ResourceNotFound
from lambdalab.model import alias as aliases
from lambdalab.model import arn
from lambdalab.model.alias import Alias
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import LATEST, Function, FunctionKey, FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


def reference(region: Region, call: Call, qualifier: str | None = None) -> FunctionReference:
    """The function as the request addresses it. `qualifier` stands for the request's own when given."""
    return arn.parse(
        call.params["FunctionName"],
        account=call.account,
        region=region.settings.region,
        qualifier=qualifier or call.params.get("Qualifier"),
    )


def unqualified(region: Region, call: Call, *, latest_too: bool = True) -> FunctionReference:
    """The function as a whole: what changes all of it may not name a version or an alias.

    With `latest_too`, `$LATEST` may be named, for operations that change that.
    """
    asked = reference(region, call)
    if asked.qualifier is not None and not (latest_too and asked.qualifier == LATEST):
        raise InvalidParameterValue(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
            "operation. Please specify either a function name or an unqualified function ARN."
        )
    return asked


def function(region: Region, asked: FunctionReference) -> Function:
    """The function as a whole. Raises AWS's 404, which names it without a qualifier."""
    found = region.functions.function(asked.key)
    if found is None:
        raise ResourceNotFound(f"Function not found: {asked.key.arn}")
    return found


def latest(region: Region, asked: FunctionReference) -> FunctionVersion:
    """$LATEST. Raises AWS's 404, which names the function without a qualifier."""
    found = region.functions.get(asked.key)
    if found is None:
        raise ResourceNotFound(f"Function not found: {asked.key.arn}")
    return found


def alias(region: Region, key: FunctionKey, name: str) -> Alias | None:
    """An alias by its name; None when there is none."""
    document = region.attachments.get(key, "alias", name)
    return None if document is None else aliases.from_document(key, name, document)


def version(region: Region, asked: FunctionReference, roll: float | None = None) -> FunctionVersion | None:
    """The version that the reference means: through an alias the one it points at, or by `roll` its other one."""
    qualifier = asked.qualifier or LATEST
    if qualifier != LATEST and not qualifier.isdecimal():
        found = alias(region, asked.key, qualifier)
        if found is None:
            return None
        qualifier = found.version if roll is None else found.choose(roll)
    return region.functions.get(asked.key, qualifier)


def running(region: Region, found: FunctionVersion) -> FunctionVersion:
    """What an invocation of `found` runs: while an update of $LATEST is in progress, the one before."""
    if found.version == LATEST and region.superseded:
        return region.superseded.get(found.key, found)
    return found


def check_qualifier(region: Region, asked: FunctionReference) -> None:
    """Refuse a version or an alias that is not there, as the operations do that look an alias up first."""
    qualifier = asked.qualifier
    if qualifier is None or qualifier == LATEST or qualifier.isdecimal():
        if region.functions.get(asked.key, qualifier or LATEST) is None:
            raise asked.not_found()
    elif alias(region, asked.key, qualifier) is None:
        raise ResourceNotFound(f"Cannot find alias arn: {asked.key.arn}:{qualifier}")
