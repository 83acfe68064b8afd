"""A function's log as lines to show: the platform's lines set apart, levels and messages in columns."""

from __future__ import annotations

import re

from lambdalab.notebook.views.blocks import Line, clip, lines_of
from lambdalab.notebook.views.error_report import last_run, without_report
from lambdalab.notebook.views.shapes import CallError

TAIL_BYTES = 4096
"""AWS answers an invocation with the last 4 KB of its log (`lambda-contract.md` section 10)."""
_PLATFORM = re.compile(r"(INIT_START |START RequestId: |END RequestId: |REPORT RequestId: |INIT_REPORT )")
_LEVELLED = re.compile(r"\[(?P<level>[A-Z]+)\]\t\S+Z\t\S*\t(?P<message>.*)")
_WEIGHTY = frozenset({"ERROR", "CRITICAL", "WARNING", "WARN"})


def own_lines(log: str) -> list[Line]:
    """The lines that the function and its runtime wrote, without the platform's."""
    return [message_line(line) for line in _own(log)]


def own_lines_but(log: str, error: CallError) -> list[Line]:
    """The same without the runtime's report of this error, and of an init that ran twice those of its second run."""
    return [message_line(line) for line in without_report(_own(last_run(log)), error)]


def _own(log: str) -> list[str]:
    return [line for line in lines_of(log) if line.strip() and not is_platform(line)]


def is_platform(line: str) -> bool:
    """Whether the platform wrote this line: INIT_START, START, END, REPORT."""
    return _PLATFORM.match(line) is not None


def event_lines(message: str, gutter: str) -> list[Line]:
    """One event of a log, which may have several lines (Python joins those of a traceback by carriage returns)."""
    first, *rest = lines_of(message) or [""]
    if is_platform(first):
        first = first.replace("\t", " ").strip()
    return [message_line(first, gutter), *(message_line(line, " " * len(gutter)) for line in rest)]


def message_line(line: str, gutter: str = "") -> Line:
    """One line of a log; Python's logging lines as level and message."""
    match = _LEVELLED.match(line)
    if match is None:
        return Line(clip(line), gutter, "w" if line.startswith("[ERROR]") else "")
    level = match["level"]
    return Line(f"{level:<8} {clip(match['message'])}", gutter, "w" if level in _WEIGHTY else "")
