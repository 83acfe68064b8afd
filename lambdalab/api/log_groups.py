"""CloudWatch Logs' groups: make, describe, delete, how long they keep their events, their tags.

Reference: botocore's `logs` service model and AWS's API reference. A group of the rest of AWS's is passed on;
DescribeLogGroups shows both together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.api import log_owner
from lambdalab.api.operations import Call, NotOurs, operation
from lambdalab.api.paging import marker
from lambdalab.engine.logs import LogGroup

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
_PAGE = 50
_CLASS = "STANDARD"


@operation("CreateLogGroup", service="logs")
async def create_log_group(region: Region, call: Call) -> Mapping[str, Any]:
    """Make a group before a function writes to it."""
    name = call.params["logGroupName"]
    if log_owner.is_functions(region, name):
        await log_owner.adopt(region, name)
    elif not region.logs.knows(name):
        raise log_owner.others(name)
    if region.logs.knows(name):
        raise log_owner.there("group")
    kind = call.params.get("logGroupClass", _CLASS)
    if kind != _CLASS:
        raise log_owner.invalid(f"logGroupClass is {kind}; the log groups of functions are {_CLASS} here.")
    now, tags = region.clock.epoch_ms(), dict(call.params.get("tags") or {})
    region.logs.save(LogGroup(name, now, tags=tags, kms_key=call.params.get("kmsKeyId")))
    return {}


@operation("DescribeLogGroups", service="logs")
async def describe_log_groups(region: Region, call: Call) -> Mapping[str, Any]:
    """The region's groups and the rest of AWS's, in the order of their names, fifty a page."""
    params = call.params
    prefix, pattern = params.get("logGroupNamePrefix") or "", params.get("logGroupNamePattern") or ""
    if prefix and pattern:
        raise log_owner.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    wanted = {log_owner.from_arn(region, text) for text in params.get("logGroupIdentifiers") or ()}
    kind, after = params.get("logGroupClass"), log_owner.place(params.get("nextToken"), str)
    others = await region.aws.log_groups(prefix) if region.child.may_know else []
    theirs = {other["logGroupName"]: other for other in others if kind in {None, other.get("logGroupClass")}}
    ours = set(region.logs.groups() if kind in {None, _CLASS} else ())
    names = [
        name
        for name in sorted(theirs.keys() | ours)
        if name.startswith(prefix)
        and pattern in name
        and (not wanted or name in wanted)
        and (after is None or name > after[0])
    ]
    size = params.get("limit", _PAGE)
    shown: dict[str, Any] = {
        "logGroups": [await _shown(region, name) if name in ours else theirs[name] for name in names[:size]]
    }
    if len(names) > size:
        shown["nextToken"] = marker(names[size - 1])
    return shown


@operation("DeleteLogGroup", service="logs")
async def delete_log_group(region: Region, call: Call) -> Mapping[str, Any]:
    """Forget a group with all its events. A function that is called again makes it anew."""
    group = await log_owner.group(region, call)
    region.logs.delete(group.name)
    if region.child.may_know:  # one of the same name there, hidden until now, would come to light
        await region.aws.delete_log_group(group.name)
    return {}


@operation("PutRetentionPolicy", service="logs")
async def put_retention_policy(region: Region, call: Call) -> Mapping[str, Any]:
    """Keep events for some days only; older ones go at once."""
    group, days = await log_owner.group(region, call), call.params["retentionInDays"]
    if days not in _RETENTIONS:
        raise log_owner.invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: {list(_RETENTIONS)}"
        )
    region.logs.save(replace(group, retention=days))
    return {}


@operation("DeleteRetentionPolicy", service="logs")
async def delete_retention_policy(region: Region, call: Call) -> Mapping[str, Any]:
    """Keep events for good."""
    region.logs.save(replace(await log_owner.group(region, call), retention=None))
    return {}


# -- tags, by the group's name as they were first, and by its ARN


@operation("TagLogGroup", service="logs")
async def tag_log_group(region: Region, call: Call) -> Mapping[str, Any]:
    """Add tags; those of the same key take the new value."""
    return _retag(region, await log_owner.group(region, call), lambda tags: {**tags, **call.params["tags"]})


@operation("TagResource", service="logs")
async def tag_resource(region: Region, call: Call) -> Mapping[str, Any]:
    """Add tags to the group of an ARN."""
    return _retag(region, await _by_arn(region, call), lambda tags: {**tags, **call.params["tags"]})


@operation("UntagLogGroup", service="logs")
async def untag_log_group(region: Region, call: Call) -> Mapping[str, Any]:
    """Take tags away; those that are not there are no error."""
    return _retag(region, await log_owner.group(region, call), lambda tags: _without(tags, call.params["tags"]))


@operation("UntagResource", service="logs")
async def untag_resource(region: Region, call: Call) -> Mapping[str, Any]:
    """Take tags from the group of an ARN."""
    return _retag(region, await _by_arn(region, call), lambda tags: _without(tags, call.params["tagKeys"]))


@operation("ListTagsLogGroup", service="logs")
async def list_tags_log_group(region: Region, call: Call) -> Mapping[str, Any]:
    """All tags of a group."""
    return {"tags": (await log_owner.group(region, call)).tags}


@operation("ListTagsForResource", service="logs")
async def list_tags_for_resource(region: Region, call: Call) -> Mapping[str, Any]:
    """All tags of the group of an ARN."""
    return {"tags": (await _by_arn(region, call)).tags}


async def _by_arn(region: Region, call: Call) -> LogGroup:
    asked = call.params["resourceArn"]
    name = log_owner.from_arn(region, asked)
    if name == asked:  # no group's ARN: a destination's, a delivery's
        raise NotOurs
    return await log_owner.known(region, name)


def _retag(
    region: Region, group: LogGroup, change: Callable[[Mapping[str, str]], Mapping[str, str]]
) -> Mapping[str, Any]:
    region.logs.save(replace(group, tags=change(group.tags)))
    return {}


def _without(tags: Mapping[str, str], keys: list[str]) -> Mapping[str, str]:
    return {key: value for key, value in tags.items() if key not in keys}


async def _shown(region: Region, name: str) -> Mapping[str, Any]:
    group, arn = await log_owner.known(region, name), log_owner.arn(region, name)
    return {
        "logGroupName": name,
        "creationTime": group.created,
        "retentionInDays": group.retention,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "storedBytes": region.logs.stored_bytes(name),
        "kmsKeyId": group.kms_key,
        "logGroupClass": _CLASS,
    }
