"""The functions' logs: groups of streams of events, on disk, bounded.

Events wait in memory and are written a few times a second, off the invocations' path: the log is what a
person reads afterwards, not what a caller was promised. A killed region may lose the last moment of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from pathlib import Path
from urllib.parse import quote, unquote

from lambdalab.clock import Clock, Timer
from lambdalab.model.function import FunctionVersion

FLUSH_SECONDS = 0.25
GROUP_BYTES = 16 << 20
"""A group's file is set aside at this size, and the file set aside before it is removed."""


def log_group(version: FunctionVersion) -> str:
    """The group a version logs to: its LoggingConfig's, else AWS's default."""
    configured = version.settings.get("LoggingConfig", {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{version.key.name}")


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of a log. `timestamp` is epoch milliseconds; `id` orders events of a group."""

    id: str
    timestamp: int
    stream: str
    message: str


class LogStore:
    """All log groups of a home."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._waiting: dict[str, list[str]] = {}
        self._timer: Timer | None = None
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def append(self, group: str, stream: str, timestamp: int, message: str) -> None:
        """Add an event; it is on disk within a quarter of a second."""
        self._waiting.setdefault(group, []).append(f"{timestamp} {stream} {encode_basestring_ascii(message)}\n")
        if self._timer is None:
            self._timer = self._clock.call_later(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for group, lines in waiting.items():
            path = self._path(group)
            with path.open("a", encoding="utf-8") as file:
                file.writelines(lines)
                size = file.tell()
            if size > GROUP_BYTES:
                path.replace(path.with_suffix(".old"))

    def groups(self) -> list[str]:
        """The names of the groups that have events, in order."""
        self.flush()
        return sorted(unquote(path.stem) for path in self._root.glob("*.log"))

    def events(self, group: str) -> Iterator[LogEvent]:
        """All events kept of a group, oldest first; nothing when the group is unknown."""
        self.flush()
        path = self._path(group)
        for part, file in enumerate((path.with_suffix(".old"), path)):
            if not file.exists():
                continue
            with file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines):
                    timestamp, stream, message = line.split(" ", 2)
                    yield LogEvent(f"{part}{number:012d}", int(timestamp), stream, json.loads(message))

    def knows(self, group: str) -> bool:
        """Whether the group has ever had an event."""
        self.flush()
        return self._path(group).exists()

    def delete(self, group: str) -> None:
        """Forget the group and its events."""
        self._waiting.pop(group, None)
        path = self._path(group)
        path.unlink(missing_ok=True)
        path.with_suffix(".old").unlink(missing_ok=True)

    def _path(self, group: str) -> Path:
        return self._root / f"{quote(group, safe='')}.log"
