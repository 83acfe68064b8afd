"""Whose a log group is. Groups that functions write to are the region's; all others are the rest of AWS's.

To a client it is one CloudWatch Logs: a call that names a group goes where the group is. A group that is not
there is the region's to make when its name says that it is a function's, by its prefix or because some function's
LoggingConfig names it. One that the rest of AWS made before (CloudFormation, or a client before the LoggingConfig
named it) is taken over, its events are not: where both have a group of one name, the region's is the one seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab import extras
from lambdalab.api import paging
from lambdalab.api.operations import Call, NotOurs, operation
from lambdalab.engine.logs import LogGroup, LogStream
from lambdalab.errors import AwsError, InvalidParameterValue, NotOffered
from lambdalab.sources import child

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_PREFIX = "/aws/lambda/"


async def group(region: Region, call: Call) -> LogGroup:
    """The group of the region's that a request names.

    Raises `NotOurs` when it is the rest of AWS's, and AWS's refusal when it can be nobody's.
    """
    return await known(region, name_of(region, call.params))


async def known(region: Region, name: str) -> LogGroup:
    """The group of that name; raises as `group` does."""
    found = region.logs.group(name)
    if found is None and is_functions(region, name):
        await adopt(region, name)
        found = region.logs.group(name)
        if found is None:
            raise no_group()
    if found is None:
        raise others(name)
    return found


def stream(region: Region, call: Call, group: LogGroup) -> LogStream:
    """The stream of the group that a request names. Raises AWS's refusal when it is not there."""
    found = region.logs.streams(group).get(call.params["logStreamName"])
    if found is None:
        raise no_stream()
    return found


def name_of(region: Region, params: Mapping[str, Any]) -> str:
    """The name of the group that a request gives by its name, or by its name or ARN as an identifier."""
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise invalid("Give one of logGroupName and logGroupIdentifier.")
    return str(name) if identifier is None else from_arn(region, identifier)


def from_arn(region: Region, text: str) -> str:
    """The group's name in an ARN of this account and region; any other text as it is."""
    start = arn(region, "")
    return text.removeprefix(start).removesuffix(":*") if text.startswith(start) else text


def arn(region: Region, name: str) -> str:
    """The ARN of a group."""
    return f"arn:aws:logs:{region.settings.region}:{region.settings.account}:log-group:{name}"


def is_functions(region: Region, name: str) -> bool:
    """Whether a group of that name, should it be made, is one that a function writes to."""
    return name.startswith(_PREFIX) or region.functions.logs_to(name)


async def adopt(region: Region, name: str) -> None:
    """Take over what the rest of AWS has of a function's group that is not here: its retention and its tags.

    It is not started for that: what has never run has no groups.
    """
    if region.logs.knows(name) or not region.child.may_know:
        return
    for one in await region.aws.log_groups(name):
        if one["logGroupName"] == name:
            tags = await region.aws.log_group_tags(name)
            region.logs.save(LogGroup(name, one["creationTime"], one.get("retentionInDays"), tags, one.get("kmsKeyId")))


def place(token: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place in a token of `paging.marker`'s; None without one."""
    try:
        return paging.read(token, *kinds)
    except InvalidParameterValue as unknown:
        raise invalid("The specified nextToken is invalid.") from unknown


def invalid(message: str) -> AwsError:
    """CloudWatch Logs' refusal of a value."""
    return AwsError(message, code="InvalidParameterException")


def no_group() -> AwsError:
    """AWS's refusal of a group that is not there."""
    return AwsError("The specified log group does not exist.", code="ResourceNotFoundException")


def no_stream() -> AwsError:
    """AWS's refusal of a stream that is not there."""
    return AwsError("The specified log stream does not exist.", code="ResourceNotFoundException")


def there(what: str) -> AwsError:
    """AWS's refusal to make a "group" or a "stream" again."""
    return AwsError(f"The specified log {what} already exists", code="ResourceAlreadyExistsException")


def others(name: str) -> Exception:
    """What to raise for a group that is not a function's: it is the rest of AWS's, where that is installed."""
    if child.installed():
        return NotOurs()
    return NotOffered(
        f"The log group {name!r} is not a function's. Other log groups need LambdaLab's extra 'aws', which is not "
        f"installed. Install it with: {extras.how_to_install('aws')} and start the region again (lambdalab stop)."
    )


# -- operations on groups that only the rest of AWS has

_NOT_FOR_FUNCTIONS = (
    "PutSubscriptionFilter", "DeleteSubscriptionFilter", "PutMetricFilter", "DeleteMetricFilter", "StartQuery",
    "StartLiveTail", "GetLogGroupFields", "AssociateKmsKey", "DisassociateKmsKey", "CreateExportTask",
    "PutDataProtectionPolicy", "PutIndexPolicy", "PutTransformer", "PutLogGroupDeletionProtection",
)  # fmt: skip
_NONE_OF_FUNCTIONS = {"DescribeSubscriptionFilters": "subscriptionFilters", "DescribeMetricFilters": "metricFilters"}


async def _refuse(region: Region, call: Call) -> Mapping[str, Any]:
    """Refuse by name what a function's log group does not have here; other groups' calls are the rest of AWS's."""
    for name in _named(region, call.params):
        if region.logs.knows(name):
            raise NotOffered(f"{call.operation} is not offered for the log groups of functions, such as {name!r}.")
    raise NotOurs


async def _none(region: Region, call: Call) -> Mapping[str, Any]:
    """The filters of a function's log group: none, because none can be put there."""
    if any(map(region.logs.knows, _named(region, call.params))):
        return {_NONE_OF_FUNCTIONS[call.operation]: []}
    raise NotOurs


def _named(region: Region, params: Mapping[str, Any]) -> list[str]:
    one = [params[key] for key in ("logGroupName", "logGroupIdentifier") if params.get(key)]
    many = [*(params.get("logGroupNames") or ()), *(params.get("logGroupIdentifiers") or ())]
    return [from_arn(region, text) for text in one + many]


for _operation in _NOT_FOR_FUNCTIONS:
    operation(_operation, service="logs")(_refuse)
for _operation in _NONE_OF_FUNCTIONS:
    operation(_operation, service="logs")(_none)
