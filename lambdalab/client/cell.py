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

    def __init__(self) -> None:
        super().__init__()
        self._published: dict[tuple[str, str], CellSource] = {}

    def publish(self, name: str, version: str) -> None:
        """The function's version is of the cell that it has now."""
        if name in self:
            self._published[name, version] = self[name]

    def of(self, name: str, version: str) -> CellSource | None:
        """The cell of a version: the one that it was published from, where that is known, or the function's own."""
        return self._published.get((name, version)) or self.get(name)

    def forget(self, name: str) -> None:
        """The function is gone, with its versions."""
        self.pop(name, None)
        self._published = {of: cell for of, cell in self._published.items() if of[0] != name}

    def __missing__(self, name: str) -> CellSource:
        raise SourceUnknown(
            f"the cell of {name!r} is not known: it has not been deployed from a cell since this kernel started. "
            f"Run its %%lambda {name} cell again."
        )
