"""CloudWatch Logs, as far as functions' logs are read: the groups, and FilterLogEvents.

Reference: botocore's `logs` service model; texts as AWS gives them for an unknown group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api.operations import Call, operation
from lambdalab.engine.logs import LogEvent
from lambdalab.errors import AwsError, InvalidParameterValue

if TYPE_CHECKING:
    from lambdalab.api.region import Region

PAGE = 10_000
"""Events of one answer (AWS: up to 10,000)."""


@operation("FilterLogEvents", service="logs")
async def filter_log_events(region: Region, call: Call) -> Mapping[str, Any]:
    """The events of a group by time, stream and words, oldest first."""
    group = call.params.get("logGroupName") or call.params.get("logGroupIdentifier", "")
    if not region.logs.knows(group):
        raise AwsError("The specified log group does not exist.", code="ResourceNotFoundException")
    limit = call.params.get("limit", PAGE)
    events: list[LogEvent] = []
    for event in _selected(region, group, call.params):
        if len(events) == limit:
            return {"events": [_shown(e) for e in events], "nextToken": events[-1].id}
        events.append(event)
    return {"events": [_shown(e) for e in events]}


@operation("DescribeLogGroups", service="logs")
async def describe_log_groups(region: Region, call: Call) -> Mapping[str, Any]:
    """The groups that have events."""
    settings, prefix = region.settings, call.params.get("logGroupNamePrefix", "")
    arn = f"arn:aws:logs:{settings.region}:{settings.account}:log-group:"
    names = [name for name in region.logs.groups() if name.startswith(prefix)]
    return {"logGroups": [{"logGroupName": name, "arn": f"{arn}{name}:*"} for name in names]}


def _selected(region: Region, group: str, params: Mapping[str, Any]) -> Iterator[LogEvent]:
    start, end = params.get("startTime", 0), params.get("endTime")
    streams, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix", "")
    words = _words(params.get("filterPattern", ""))
    after = params.get("nextToken", "")
    for event in region.logs.events(group):
        if (
            event.timestamp >= start
            and (end is None or event.timestamp <= end)
            and event.id > after
            and (not streams or event.stream in streams)
            and event.stream.startswith(prefix)
            and all(word in event.message for word in words)
        ):
            yield event


def _words(pattern: str) -> list[str]:
    """The terms of a filter pattern: words and quoted phrases, all of which an event must contain."""
    if pattern[:1] in {"{", "["}:
        raise InvalidParameterValue(
            "JSON and space-delimited filter patterns are not offered by LambdaLab; give words or a quoted phrase.",
            code="InvalidParameterException",
        )
    parts = pattern.split('"')
    return [word for i, part in enumerate(parts) for word in ([part] if i % 2 else part.split()) if word]


def _shown(event: LogEvent) -> Mapping[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.timestamp,
        "message": event.message,
        "ingestionTime": event.timestamp,
        "eventId": event.id,
    }
