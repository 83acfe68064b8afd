"""What a sub-command may know of the notebook it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.lines import lines_of

FIRST_LINE = 2
"""The number of a body's first line where nothing stands above the magic's line, which is then 1."""


def first_line(cell: str, body: str) -> int:
    """The number of a body's first line in the whole cell: blank lines and other magics may stand above it.

    IPython takes blank lines off the start of a cell before it looks for a magic; the editor counts them. A body is
    the end of its cell; where it is not, the magic was called by other means and nothing is above it.
    """
    whole, below = _compared(cell), _compared(body)
    above = len(whole) - len(below)
    return above + 1 if above > 0 and whole[above:] == below else FIRST_LINE


def _compared(words: str) -> list[str]:
    """The lines without what IPython changes on the way from the cell to the body: indents, and the cell's end."""
    return [line.strip() for line in lines_of(words.rstrip())]


@dataclass(frozen=True, slots=True)
class Context:
    """The cell's label and body, the notebook's variables, the defaults set.

    `first_line` is the number of the body's first line, as the editor counts the cell's.
    `arrived` takes pieces of an answer as they come, from any thread: they are shown while the rest is waited for.
    `waiting` takes words on what is waited for, from any thread, for the line that is shown meanwhile.
    """

    label: str
    body: str | None
    namespace: Mapping[str, Any]
    defaults: Mapping[str, Any]
    arrived: Callable[[bytes], None] = lambda _: None
    waiting: Callable[[str], None] = lambda _: None
    first_line: int = FIRST_LINE
