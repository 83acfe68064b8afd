"""The log groups that are the region's own, those that functions write to: on disk, bounded.

Events wait in memory and are written a few times a second, off the invocations' path: the log is what a
person reads afterwards, not what a caller was promised. A killed region may lose the last moment of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from lambdalab.clock import Clock, Timer
from lambdalab.engine import log_files
from lambdalab.engine.log_files import LogEvent, LogFiles
from lambdalab.model.function import FunctionVersion
from lambdalab.store.files import write_private

FLUSH_SECONDS = 0.25
DAY_MS = 86_400_000
_LONGEST = 200
"""Characters of a group's name in a file's name: file systems allow 255 bytes."""


def log_group(version: FunctionVersion) -> str:
    """The group a version logs to: its LoggingConfig's, else AWS's default."""
    configured = version.settings.get("LoggingConfig", {}).get("LogGroup")
    return str(configured or f"/aws/lambda/{version.key.name}")


@dataclass(frozen=True, slots=True)
class LogGroup:
    """What is known of a group beside its events. `created` is in epoch milliseconds, `retention` in days.

    `streams` are those that a client made, with the moment of it: they are there before they have an event.
    """

    name: str
    created: int
    retention: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    kms_key: str | None = None
    streams: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogStream:
    """One stream of a group. Times are epoch milliseconds, None where it has no events."""

    name: str
    created: int
    first: int | None = None
    last: int | None = None
    ingested: int | None = None


class LogStore:
    """All log groups of a home. Used from one thread."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._waiting: dict[str, list[str]] = {}
        self._timer: Timer | None = None
        self._continued: set[str] = set()
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    # -- writing events

    def append(self, group: str, stream: str, timestamp: int, *messages: str) -> None:
        """Add a function's events of one moment; they are on disk within a quarter of a second."""
        lines = [log_files.line(stream, timestamp, message) for message in messages]
        self._waiting.setdefault(group, []).extend(lines)
        if self._timer is None:
            self._timer = self._clock.call_later(FLUSH_SECONDS, self.flush)

    def put(self, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Add a client's events, as (epoch milliseconds, message)."""
        now = self._clock.epoch_ms()
        lines = [log_files.put_line(stream, timestamp, message, now) for timestamp, message in events]
        self._waiting.setdefault(group, []).extend(lines)
        self.flush()

    def flush(self) -> None:
        """Write what waits. A group that is written to for the first time is made."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, {}
        for name, lines in waiting.items():
            files = self._files(name)
            if not files.path.exists() and not self._document(name).exists():
                self.save(LogGroup(name, self._clock.epoch_ms()))
            if name not in self._continued:
                self._continued.add(name)
                files.end_line()
            files.add(lines)

    # -- groups

    def groups(self) -> list[str]:
        """The names of all groups, in order."""
        self.flush()
        stems = {path.stem for kind in ("*.log", "*.json") for path in self._root.glob(kind)}
        return sorted(map(self._name, stems))

    def knows(self, group: str) -> bool:
        """Whether there is such a group."""
        self.flush()
        return self._files(group).path.exists() or self._document(group).exists()

    def group(self, name: str) -> LogGroup | None:
        """A group; None when there is none."""
        if not self.knows(name):
            return None
        document = self._document(name)
        if document.exists():
            return LogGroup(**json.loads(document.read_text(encoding="utf-8")))
        # Older homes kept the events only.
        return LogGroup(name, min((event.timestamp for event in self._files(name).events()), default=0))

    def save(self, group: LogGroup) -> None:
        """Keep what is said of a group, which is made if it was not there; what its retention ends is removed."""
        write_private(self._document(group.name), json.dumps(asdict(group)).encode())
        if (limit := self._limit(group)) is not None:
            self._files(group.name).remove(lambda event: event.timestamp < limit)

    def delete(self, group: str) -> None:
        """Forget the group and its events."""
        self._waiting.pop(group, None)
        self._files(group).delete()
        self._document(group).unlink(missing_ok=True)

    def stored_bytes(self, group: str) -> int:
        """What its events take on disk."""
        self.flush()
        return self._files(group).size

    # -- events and streams

    def events(self, group: str) -> Iterator[LogEvent]:
        """The events of a group that its retention keeps, in the order they came in; none of an unknown group."""
        found = self.group(group)
        if found is None:
            return
        limit, files = self._limit(found), self._files(group)
        if limit is None:
            yield from files.events()
            return
        old = False
        for event in files.events():
            if event.timestamp >= limit:
                yield event
            old = old or event.timestamp < limit - DAY_MS
        if old:
            files.remove(lambda event: event.timestamp < limit)

    def streams(self, group: LogGroup) -> dict[str, LogStream]:
        """The streams by their names: those with events, and those that a client made."""
        found = {name: LogStream(name, created) for name, created in group.streams.items()}
        for event in self.events(group.name):
            before = found.get(event.stream) or LogStream(event.stream, event.ingested)
            found[event.stream] = replace(
                before,
                first=event.timestamp if before.first is None else min(before.first, event.timestamp),
                last=event.timestamp if before.last is None else max(before.last, event.timestamp),
                ingested=event.ingested,
            )
        return found

    def create_stream(self, group: LogGroup, stream: str) -> None:
        """Make a stream that has no events yet."""
        self.save(replace(group, streams={**group.streams, stream: self._clock.epoch_ms()}))

    def delete_stream(self, group: LogGroup, stream: str) -> None:
        """Forget a stream and its events."""
        self._files(group.name).remove(lambda event: event.stream == stream)
        self.save(replace(group, streams={name: at for name, at in group.streams.items() if name != stream}))

    # -- files

    def _limit(self, group: LogGroup) -> int | None:
        """The time before which its events are not kept."""
        return None if group.retention is None else self._clock.epoch_ms() - group.retention * DAY_MS

    def _files(self, group: str) -> LogFiles:
        return LogFiles(self._root / f"{_stem(group)}.log")

    def _document(self, group: str) -> Path:
        return self._root / f"{_stem(group)}.json"

    def _name(self, stem: str) -> str:
        if "~" not in stem:
            return unquote(stem)
        return str(json.loads((self._root / f"{stem}.json").read_text(encoding="utf-8"))["name"])


def _stem(group: str) -> str:
    """The group's name in its files' names; a long one is cut and has its hash, its document the whole name."""
    stem = quote(group, safe="").replace("~", "%7E")
    return stem if len(stem) <= _LONGEST else f"{stem[:100]}~{hashlib.sha256(group.encode()).hexdigest()[:32]}"
