"""A function's log, read from CloudWatch Logs as the region or an account serves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lambdalab.client.display import Displayed


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line, and when it was written (aware, UTC)."""

    time: datetime
    message: str


@dataclass(frozen=True, slots=True, repr=False)
class LogView(Displayed):
    """Lines of a function's log, the oldest first."""

    function: str
    events: tuple[LogEvent, ...]

    def __repr__(self) -> str:
        return f"{self.function} log: {len(self.events)} line{'' if len(self.events) == 1 else 's'}"

    def __str__(self) -> str:
        return "\n".join(lines(event.message).rstrip("\n") for event in self.events)

    def __iter__(self) -> Iterator[LogEvent]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)


def lines(text: str) -> str:
    """A log for people: AWS's clients write a traceback as one event, its lines ended by carriage returns alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def event(member: Mapping[str, Any]) -> LogEvent:
    """The line that one member of FilterLogEvents' answer describes."""
    return LogEvent(datetime.fromtimestamp(member["timestamp"] / 1000, UTC), member["message"])
