"""Where a function's source came from: a notebook cell, and which of its lines is the source's first."""

from __future__ import annotations

from dataclasses import dataclass

from lambdalab.errors import LabError


@dataclass(frozen=True, slots=True)
class CellSource:
    """A cell's body. `label` is IPython's name of it (`Cell In[4]`), `first_line` the number of its first line.

    `file` is the path below /var/task that the body became, once it was built.
    """

    label: str
    text: str
    first_line: int = 2
    file: str = ""


class SourceUnknown(LabError, KeyError):
    """No cell is known for the function: run its `%%lambda` cell again."""

    __str__ = LabError.__str__  # KeyError's shows quotes


class Sources(dict[str, CellSource]):
    """The cells that functions were deployed from since this process began, by name. Raises `SourceUnknown`."""

    def __missing__(self, name: str) -> CellSource:
        raise SourceUnknown(
            f"the cell of {name!r} is not known: it has not been deployed from a cell since this kernel started. "
            f"Run its %%lambda {name} cell again."
        )
