"""A function's stack trace in terms of the notebook: which cell, which line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lambdalab.client.cell import CellSource
from lambdalab.lines import lines_of

_TASK = "/var/task/"
_FRAMES = (
    re.compile(r'\s*File "(?P<file>[^"]+)",? [Ll]ine (?P<line>\d+)(?:, in (?P<function>.+))?'),  # Python
    re.compile(r"(?P<function>[\w.$<>]+)\((?P<file>\w+\.java):(?P<line>\d+)\)"),  # Java
    re.compile(r"(?P<file>[^\s:]+\.rb):(?P<line>\d+):in [`'](?P<function>.+)'$"),  # Ruby
    re.compile(r"at (?P<function>\S+)\(.*\) in (?P<file>.+):line (?P<line>\d+)$"),  # .NET
    # Node.js; the function's own files and its layers', not Node's and the runtime's
    re.compile(
        r"\s+at (?:async )?(?:(?P<function>.+?) \()?(?:file://)?(?P<file>/(?:var/task|opt)/[^:]+):(?P<line>\d+):\d+\)?$"
    ),
)
"""One frame as each language writes it."""
_INNERMOST_FIRST = _FRAMES[1:]
"""Those whose traces begin where the error was."""


class _IsPlaced(Protocol):
    @property
    def place(self) -> str: ...

    @property
    def source(self) -> object | None: ...


_Placed = TypeVar("_Placed", bound=_IsPlaced)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `place` reads `Cell In[4], line 9, in handler`; `source` is the cell when it is in one."""

    place: str
    line: int
    source: CellSource | None


def map_frames(stack: Sequence[str], cell: CellSource | None) -> tuple[Frame, ...]:
    """The frames of AWS's `stackTrace`, the outermost first, those of the function's own file placed in `cell`."""
    found = [match for entry in stack for pattern in _FRAMES if (match := pattern.match(entry))]
    if found and found[0].re in _INNERMOST_FIRST:
        found.reverse()
    return tuple(_frame(match, cell) for match in found)


def own(frames: Sequence[_Placed]) -> _Placed | None:
    """The innermost frame of the function's own code: what a library raised is told at the line that called it.

    Where none is known to be, the innermost; None without frames.
    """
    cells = [frame for frame in frames if frame.source is not None]
    mine = cells or [frame for frame in frames if frame.place.startswith(_TASK)] or frames
    return mine[-1] if mine else None


def _frame(match: re.Match[str], cell: CellSource | None) -> Frame:
    line, inside = int(match["line"]), f", in {match['function'].strip()}" if match["function"] else ""
    if cell is None or _path(match) != cell.file or not _same_code(match, cell, line):
        return Frame(f"{match['file']}, line {line}{inside}", line, None)
    line += cell.first_line - 1
    return Frame(f"{cell.label}, line {line}{inside}", line, cell)


def _path(match: re.Match[str]) -> str:
    """The file's path below /var/task: Java names it without its directories, which are the class's package."""
    if not match["file"].endswith(".java"):
        return match["file"].removeprefix(_TASK)
    package = match["function"].rpartition(".")[0].split("$")[0].split(".")[:-1]
    return "/".join([*package, match["file"]])


def _same_code(match: re.Match[str], cell: CellSource, line: int) -> bool:
    """Whether the cell's line reads as the trace quotes it: the function may have been changed elsewhere."""
    lines = lines_of(cell.text)
    quoted = match.string[match.end() :].strip().partition("\n")[0].strip()
    return line <= len(lines) and (not quoted or lines[line - 1].strip() == quoted)
