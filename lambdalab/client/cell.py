"""Where a function's source came from: a notebook cell, and which of its lines is the source's first."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellSource:
    """A cell's body. `label` is IPython's name of it (`Cell In[4]`), `first_line` the number of its first line.

    `file` is the path below /var/task that the body became, once it was built.
    """

    label: str
    text: str
    first_line: int = 2
    file: str = ""
