"""CloudWatch Logs' streams: make, describe, delete, and put events into them.

Reference: botocore's `logs` service model and AWS's API reference. Groups of the rest of AWS's are passed on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from lambdalab.api import log_owner
from lambdalab.api.operations import Call, operation
from lambdalab.api.paging import marker
from lambdalab.engine.logs import DAY_MS, LogStream

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_PAGE = 50
_BATCH_BYTES, _EVENT_BYTES = 1_048_576, 26
"""Bytes of a batch at most, and what each event counts beside its message."""
_OLDEST_MS, _NEWEST_MS = 14 * DAY_MS, 2 * 3_600_000


@operation("CreateLogStream", service="logs")
async def create_log_stream(region: Region, call: Call) -> Mapping[str, Any]:
    """Make a stream before anything is put into it."""
    group, name = await log_owner.group(region, call), call.params["logStreamName"]
    if name in region.logs.streams(group):
        raise log_owner.there("stream")
    region.logs.create_stream(group, name)
    return {}


@operation("DeleteLogStream", service="logs")
async def delete_log_stream(region: Region, call: Call) -> Mapping[str, Any]:
    """Forget a stream and its events."""
    group = await log_owner.group(region, call)
    region.logs.delete_stream(group, log_owner.stream(region, call, group).name)
    return {}


@operation("DescribeLogStreams", service="logs")
async def describe_log_streams(region: Region, call: Call) -> Mapping[str, Any]:
    """The streams by name or by their last event, fifty a page."""
    group, params = await log_owner.group(region, call), call.params
    prefix, by_time = params.get("logStreamNamePrefix") or "", params.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise log_owner.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")

    def place(stream: LogStream) -> tuple[int, str]:
        return (stream.last or 0) if by_time else 0, stream.name

    backwards = bool(params.get("descending"))
    token = log_owner.place(params.get("nextToken"), int, str)
    after = token and (token[0], unquote(token[1]))
    found = sorted(
        (
            stream
            for stream in region.logs.streams(group).values()
            if stream.name.startswith(prefix)
            and (after is None or (place(stream) < after if backwards else place(stream) > after))
        ),
        key=place,
        reverse=backwards,
    )
    size, start = params.get("limit", _PAGE), f"{log_owner.arn(region, group.name)}:log-stream:"
    shown: dict[str, Any] = {"logStreams": [_shown(stream, start) for stream in found[:size]]}
    if len(found) > size:
        shown["nextToken"] = marker(place(found[size - 1])[0], quote(found[size - 1].name))
    return shown


@operation("PutLogEvents", service="logs")
async def put_log_events(region: Region, call: Call) -> Mapping[str, Any]:
    """Add a client's events to a stream. What is too old or too new is left out, and the answer says which."""
    group, events = await log_owner.group(region, call), call.params["logEvents"]
    stream = log_owner.stream(region, call, group)
    _check_batch(events)
    now, kept, rejected = region.clock.epoch_ms(), [], {}
    oldest = now - min(_OLDEST_MS, (group.retention or 14) * DAY_MS)
    for number, event in enumerate(events):
        if event["timestamp"] < oldest:
            expired = event["timestamp"] >= now - _OLDEST_MS
            rejected["expiredLogEventEndIndex" if expired else "tooOldLogEventEndIndex"] = number + 1
        elif event["timestamp"] > now + _NEWEST_MS:
            rejected.setdefault("tooNewLogEventStartIndex", number)
        else:
            kept.append((event["timestamp"], event["message"]))
    region.logs.put(group.name, stream.name, kept)
    answer: dict[str, Any] = {"nextSequenceToken": f"{now:056d}"}  # tokens are given still, and nobody asks for them
    return {**answer, "rejectedLogEventsInfo": rejected} if rejected else answer


def _check_batch(events: list[Mapping[str, Any]]) -> None:
    times = [event["timestamp"] for event in events]
    if times != sorted(times):
        raise log_owner.invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > DAY_MS:
        raise log_owner.invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        )
    size = sum(len(event["message"].encode()) + _EVENT_BYTES for event in events)
    if size > _BATCH_BYTES:
        raise log_owner.invalid(f"Upload too large: {size} bytes exceeds limit of {_BATCH_BYTES}")


def _shown(stream: LogStream, start: str) -> Mapping[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first,
        "lastEventTimestamp": stream.last,
        "lastIngestionTime": stream.ingested,
        "uploadSequenceToken": f"{stream.ingested or stream.created:056d}",
        "arn": f"{start}{stream.name}",
        "storedBytes": 0,  # AWS tells it of groups only, since 2019
    }
