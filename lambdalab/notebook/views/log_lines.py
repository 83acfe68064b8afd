"""A function's log as lines to show: the person's words first, levels in a column of their own where they matter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from lambdalab.lines import lines_of
from lambdalab.notebook.views.blocks import Line, clip
from lambdalab.notebook.views.error_report import last_run, without_report
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.log_message import Message, read
from lambdalab.notebook.views.shapes import CallError

TAIL_BYTES = 4096
"""AWS answers an invocation with the last 4 KB of its log (`lambda-contract.md` section 10)."""
_REST_OF_CHARACTER = 3
"""Bytes that may be left of a character of UTF-8 without its first."""
_IN_CALL = ".log has them"
_PLATFORM = re.compile(
    r"INIT_START |START RequestId: |END RequestId: |REPORT RequestId: |INIT_REPORT "
    r'|\{"time":"[^"]*","type":"platform\.|\S+Z [-0-9a-f]{36} Task timed out after '
)

_FOREIGN_FRAME = re.compile(
    r"\s+at (?:(?:[\w.]+/)?(?:com\.amazonaws|java|jdk|sun)\.[\w.$]+\.[\w.$<>]+\(|\[Source: REDACTED )"
)
"""A frame of Java's stack trace, or where in the event its deserializer was, which it does not say."""


def own_lines(log: str) -> list[Line]:
    """The lines that the function and its runtime wrote, without the platform's."""
    return shown((("", read(line)) for line in _without_frames(_own(log))), _IN_CALL)


def own_lines_but(log: str, error: CallError) -> list[Line]:
    """The same without the runtime's report of this error, and of an init that ran twice those of its second run."""
    return shown((("", read(line)) for line in _without_frames(without_report(_own(last_run(log)), error))), _IN_CALL)


def _without_frames(lines: Sequence[str]) -> list[str]:
    """The lines with each run of frames in which nothing is the person's told as their number: Java's are long."""
    found: list[str] = []
    for foreign, run in groupby(lines, lambda line: _FOREIGN_FRAME.match(line) is not None):
        kept = list(run)
        found += [f"\t({count(len(kept), 'line')} of Java's and of AWS's client: see the raw log)"] if foreign else kept
    return found


def is_cut(log: str) -> bool:
    """Whether an answer's log is the end of a longer one. The region leaves out the rest of a character cut in two.

    A whole log of exactly that size cannot be told from one; it is taken for the end.
    """
    size = len(log.encode())
    return size >= TAIL_BYTES or (size >= TAIL_BYTES - _REST_OF_CHARACTER and not is_platform(log))


def _own(log: str) -> list[str]:
    first, *rest = lines_of(log) or [""]
    lines = [line for line in rest if line.strip() and not is_platform(line)]
    if is_cut(log) and not is_platform(first):  # it begins within its line, or in one of the platform's
        return lines or [f"…{first}"]
    return lines if is_platform(first) or not first.strip() else [first, *lines]


def is_platform(line: str) -> bool:
    """Whether the platform wrote this line: INIT_START, START, END, REPORT, a timeout, or what they are in JSON."""
    return _PLATFORM.match(line) is not None


def event_messages(event: str) -> list[Message]:
    """One event of a log, which may have several lines (Python joins those of a traceback by carriage returns)."""
    first, *rest = lines_of(event) or [""]
    if is_platform(first):
        return [Message((first.replace("\t", " ").strip(), *rest))]
    return [read(line) for line in (first, *rest)]


def shown(messages: Iterable[tuple[str, Message]], whole: str) -> list[Line]:
    """Messages as lines, each behind its gutter; with a column of levels where one differs from INFO.

    `whole` says where the rest of a line is that is too long to be shown.
    """
    listed = list(messages)
    wide = max((len(message.level) for _, message in listed), default=0) + 2
    if not any(message.needs_level for _, message in listed):
        wide = 0
    return [line for gutter, message in listed for line in _lines(gutter, message, wide, whole)]


def _lines(gutter: str, message: Message, wide: int, whole: str) -> Sequence[Line]:
    """The lines of one message; those after the first stand under its words."""
    style = "w" if message.weighty else ""
    firsts = f"{gutter}{message.level:<{wide}}" if wide else gutter
    first, *rest = message.lines
    gutters = (firsts, *(" " * len(firsts) for _ in rest))
    return [Line(clip(line, whole=whole), at, style) for line, at in zip((first, *rest), gutters, strict=True)]
