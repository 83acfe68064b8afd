"""CloudWatch Logs' events: read one stream page by page, or search all streams of a group.

Reference: botocore's `logs` service model and AWS's API reference. Groups of the rest of AWS's are passed on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import log_owner, log_pattern
from lambdalab.api.operations import Call, operation
from lambdalab.api.paging import marker
from lambdalab.engine.log_files import LogEvent

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_PAGE = 10_000
_PAGE_BYTES, _EVENT_BYTES = 1 << 20, 26
"""An answer holds 1 MB at most, in which each event counts so much beside its message."""
_TOKEN = re.compile(r"([fb])/(\d{20})(\d{36})/s")
_LAST = 10**36 - 1
"""More than any number of an event."""
_Place = tuple[int, int]


@operation("FilterLogEvents", service="logs")
async def filter_log_events(region: Region, call: Call) -> Mapping[str, Any]:
    """The events of a group by time, stream and words, in the order of their times."""
    group, params = await log_owner.group(region, call), call.params
    names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix") or ""
    if names and prefix:
        raise log_owner.invalid("Give one of logStreamNames and logStreamNamePrefix.")
    if names and not set(names) <= region.logs.streams(group).keys():
        raise log_owner.no_stream()
    matches = log_pattern.matcher(params.get("filterPattern") or "")
    start, end = params.get("startTime", 0), params.get("endTime")
    after = log_owner.place(params.get("nextToken"), int, int) or (-1, -1)
    found = [
        event
        for event in region.logs.events(group.name)
        if event.timestamp >= start
        and (end is None or event.timestamp <= end)
        and event.place > after
        and (not names or event.stream in names)
        and event.stream.startswith(prefix)
        and matches(event.message)
    ]
    found.sort(key=_place)
    page = _page(iter(found), params.get("limit", _PAGE))
    shown: dict[str, Any] = {"events": [_named(event) for event in page], "searchedLogStreams": []}
    if len(page) < len(found):
        shown["nextToken"] = marker(*page[-1].place)
    return shown


@operation("GetLogEvents", service="logs")
async def get_log_events(region: Region, call: Call) -> Mapping[str, Any]:
    """A page of one stream: the newest events, or the oldest with startFromHead, or those beside the last page.

    Both tokens come always; the one that was given comes back when there is nothing further on its side.
    """
    group, params = await log_owner.group(region, call), call.params
    stream, limit = log_owner.stream(region, call, group).name, params.get("limit", _PAGE)
    start, end = params.get("startTime", 0), params.get("endTime")
    found = sorted(
        (
            event
            for event in region.logs.events(group.name)
            if event.stream == stream and event.timestamp >= start and (end is None or event.timestamp < end)
        ),
        key=_place,
    )
    forward, beside = _position(params)
    if beside is not None:
        found = [event for event in found if (event.place > beside if forward else event.place < beside)]
    page = _page(iter(found) if forward else reversed(found), limit)
    first, last = _ends(page, forward, beside)
    return {
        "events": [_shown(event) for event in (page if forward else reversed(page))],
        "nextForwardToken": _token("f", last),
        "nextBackwardToken": _token("b", first),
    }


def _position(params: Mapping[str, Any]) -> tuple[bool, _Place | None]:
    """Whether the page goes on to newer events, and the place that its token names."""
    token = params.get("nextToken")
    if token is None:
        return bool(params.get("startFromHead")), None
    found = _TOKEN.fullmatch(token)
    if found is None:
        raise log_owner.invalid("The specified nextToken is invalid.")
    return found[1] == "f", (int(found[2]), int(found[3]))


def _ends(page: list[LogEvent], forward: bool, beside: _Place | None) -> tuple[_Place, _Place]:
    """The places before which, and after which, further events of the stream are.

    An empty page keeps the given one for its own direction; turning back shows the events that led there.
    """
    if page:
        places = page[0].place, page[-1].place
        return places if forward else (places[1], places[0])
    time, number = beside or (0, 0)
    if forward:
        return (time, number + 1), (time, number)
    return (time, number), (time, number - 1) if number else (max(time - 1, 0), _LAST)


def _token(kind: str, place: _Place) -> str:
    return f"{kind}/{place[0]:020d}{place[1]:036d}/s"


def _page(events: Iterator[LogEvent], limit: int) -> list[LogEvent]:
    """The first events, as many as an answer holds; one at least."""
    page: list[LogEvent] = []
    size = 0
    for event in events:
        size += len(event.message.encode()) + _EVENT_BYTES
        if page and (len(page) == limit or size > _PAGE_BYTES):
            break
        page.append(event)
    return page


def _place(event: LogEvent) -> _Place:
    return event.place


def _shown(event: LogEvent) -> Mapping[str, Any]:
    return {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested}


def _named(event: LogEvent) -> Mapping[str, Any]:
    event_id = f"{event.timestamp:020d}{event.number:036d}"
    return {"logStreamName": event.stream, **_shown(event), "eventId": event_id}
