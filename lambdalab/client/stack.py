"""A function's stack trace in terms of the notebook: which cell, which line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lambdalab.client.cell import CellSource

_TASK = "/var/task/"
_FRAMES = (
    re.compile(r'\s*File "(?P<file>[^"]+)",? [Ll]ine (?P<line>\d+)(?:, in (?P<function>.+))?'),  # Python
)
"""One frame as each language writes it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `place` reads `Cell In[4], line 9, in handler`; `source` is the cell when it is in one."""

    place: str
    line: int
    source: CellSource | None


def map_frames(stack: Sequence[str], cell: CellSource | None) -> tuple[Frame, ...]:
    """The frames of AWS's `stackTrace`, those of the function's own file placed in `cell`."""
    found = (pattern.match(entry) for entry in stack for pattern in _FRAMES)
    return tuple(_frame(match, cell) for match in found if match is not None)


def _frame(match: re.Match[str], cell: CellSource | None) -> Frame:
    line, inside = int(match["line"]), f", in {match['function'].strip()}" if match["function"] else ""
    if cell is None or match["file"].removeprefix(_TASK) != cell.file or not _same_code(match, cell, line):
        return Frame(f"{match['file']}, line {line}{inside}", line, None)
    line += cell.first_line - 1
    return Frame(f"{cell.label}, line {line}{inside}", line, cell)


def _same_code(match: re.Match[str], cell: CellSource, line: int) -> bool:
    """Whether the cell's line reads as the trace quotes it: the function may have been changed elsewhere."""
    lines = cell.text.splitlines()
    quoted = match.string[match.end() :].strip().partition("\n")[0].strip()
    return line <= len(lines) and (not quoted or lines[line - 1].strip() == quoted)
