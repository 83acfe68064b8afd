"""The files of one log group: lines that are only ever added, numbered for good, bounded.

A line is `time stream message`: the time in epoch milliseconds, `+` and the milliseconds by which it came in
later where that differs; the stream percent-encoded; the message as a JSON string. A line's number is that of the
line before it, plus one; a line `#n` says that the next one has the number n. So a line keeps its number, which
orders the events of a moment and is the tail of their ids, when a file is set aside and when others are removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from pathlib import Path
from urllib.parse import quote, unquote

GROUP_BYTES = 16 << 20
"""A group's file is set aside at this size, and the file set aside before it is removed."""
_PLAIN = "/[]$!@&=+,;-._~"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of a log. Times are epoch milliseconds; `number` orders the events of one moment."""

    number: int
    timestamp: int
    stream: str
    message: str
    ingested: int

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among the events of its group."""
        return self.timestamp, self.number


def line(stream: str, timestamp: int, message: str) -> str:
    """A line of a function's: `stream` has no character to encode, and it comes in at its own time."""
    return f"{timestamp} {stream} {encode_basestring_ascii(message)}\n"


def put_line(stream: str, timestamp: int, message: str, now: int) -> str:
    """A line that a client put, which may be of another time and in a stream of any name."""
    late = f"+{now - timestamp}" if now > timestamp else ""
    return f"{timestamp}{late} {quote(stream, safe=_PLAIN)} {encode_basestring_ascii(message)}\n"


class LogFiles:
    """The file that a group's lines go to, and the one set aside before it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.older = path.with_suffix(".old")

    def add(self, lines: Sequence[str]) -> None:
        """Write lines at the end."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(lines)
            size = file.tell()
        if size > GROUP_BYTES:
            number = self._next_number()
            self.path.replace(self.older)
            self.path.write_text(f"#{number}\n", encoding="utf-8")

    def end_line(self) -> None:
        """End the line that a killed region began, so that the next one is not lost with it."""
        if self.path.exists() and (data := self.path.read_bytes()) and not data.endswith(b"\n"):
            with self.path.open("ab") as file:
                file.write(b"\n")

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in (self.older, self.path) if path.exists())

    def events(self) -> Iterator[LogEvent]:
        """All events, in the order they came in."""
        for number, text in self._lines():
            try:
                stamp, stream, message = text.split(" ", 2)
                when, _, late = stamp.partition("+")
                timestamp, found = int(when), json.loads(message)
                ingested = timestamp + int(late or 0)
            except ValueError:  # the end of a line that a killed region did not write
                continue
            yield LogEvent(number, timestamp, unquote(stream) if "%" in stream else stream, found, ingested)

    def remove(self, unwanted: Callable[[LogEvent], bool]) -> None:
        """Take events out; what stays keeps its number."""
        gone = {event.number for event in self.events() if unwanted(event)}
        if not gone:
            return
        kept: dict[Path, list[str]] = {self.older: [], self.path: []}
        last = -1
        for path, number, text in self._placed():
            if number in gone:
                continue
            if number != last + 1:
                kept[path].append(f"#{number}\n")
            kept[path].append(text)
            last = number
        following = self._next_number()
        if following != last + 1:
            kept[self.path].append(f"#{following}\n")
        for path, lines in kept.items():
            if path.exists():
                aside = path.with_suffix(".new")
                aside.write_text("".join(lines), encoding="utf-8")
                aside.replace(path)

    def delete(self) -> None:
        """Remove both files."""
        self.path.unlink(missing_ok=True)
        self.older.unlink(missing_ok=True)

    def _lines(self) -> Iterator[tuple[int, str]]:
        for _, number, text in self._placed():
            yield number, text

    def _placed(self) -> Iterator[tuple[Path, int, str]]:
        number = 0
        for path in (self.older, self.path):
            if not path.exists():
                continue
            with path.open(encoding="utf-8") as lines:
                for text in lines:
                    if text[0] == "#":
                        number = int(text[1:])
                        continue
                    yield path, number, text
                    number += 1

    def _next_number(self) -> int:
        """The number of the next line to come; counted as bytes, because every call's answer waits meanwhile."""
        number = 0
        for path in (self.older, self.path):
            if not path.exists():
                continue
            data = b"\n" + path.read_bytes()
            mark = data.rfind(b"\n#")
            if mark >= 0:
                text, _, lines = data[mark + 2 :].partition(b"\n")
                number = int(text) + lines.count(b"\n")
            else:
                number += data.count(b"\n") - 1
        return number
