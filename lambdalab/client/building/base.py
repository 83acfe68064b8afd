"""What a builder is given, and what it makes: the same source gives the same bytes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lambdalab.client.cell import CellSource
from lambdalab.client.near import nearest
from lambdalab.errors import HandlerNotInCell, LabError
from lambdalab.model.runtime import Runtime

_LIKE = 0.6
"""How much a name must be like the one that was typed to be taken for it (`near.nearest`)."""


class CellSyntaxError(LabError):
    """The cell is not what its runtime's language allows. `line` and `column` are the cell's own, from 1."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class CompilerMissing(LabError):
    """What compiles the cell's language is not on this machine. The message says how to get it."""


class NotBuilt(LabError):
    """A project could not be built, for another reason than its language. The message has the tool's own words."""


@dataclass(frozen=True, slots=True)
class Source:
    """A program's text, and where it stands. `handler` is the name that the person gave, None: to be found.

    `architecture` is Lambda's, "x86_64" or "arm64". `files` go into the package beside what is made of the text.
    `requirements` are the words for packages that the builder itself fetches, where it `fetches`.
    """

    text: str
    cell: CellSource
    runtime: Runtime
    architecture: str = "x86_64"
    handler: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Built:
    """A package's files by path, its handler as Lambda writes it, and `main`: the file that holds the text.

    Where the text is compiled, `main` is in the package all the same, for people and for comparing versions. `notes`
    are sentences on what was made of a text that can be read in more than one way.
    """

    files: Mapping[str, bytes]
    handler: str
    main: str
    executable: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def taken_for_handler(name: str, usual: Sequence[str], source: Source) -> tuple[str, ...]:
    """A note where nobody named the handler and none has a `usual` name, so that it may be a slip of the pen."""
    if source.handler is not None or name in usual:
        return ()
    return (f"no `{usual[0]}` in {source.cell.label}: `{name}` is called",)


def no_such_handler(source_says: str, typed: str, names: Sequence[str]) -> HandlerNotInCell:
    """The error for a handler that was named and is not in the source, with the way out.

    `source_says` is what is there (`Cell In[8] defines handler`), `typed` the name as the person gave it, `names` what
    could be named instead.
    """
    said = f"--handler is {typed!r}, but {source_says}."
    if not names:
        return HandlerNotInCell(said)
    name = re.split(r"[.:]+", typed)[-1]
    which = "it" if len(names) == 1 else "one of them"
    other = f", or name the function {name}" if name.isidentifier() and name not in names else ""
    return HandlerNotInCell(f"{said} Name {which}: --handler {nearest(name, names, _LIKE) or names[0]}{other}.")


class Builder(ABC):
    """Makes the package of one language.

    One that `fetches` gets the packages that a cell requires with its build; for the others they are installed apart.
    """

    fetches: ClassVar[bool] = False

    @abstractmethod
    def build(self, source: Source) -> Built:
        """The package's files, without `source.files`.

        Raises `CellSyntaxError` with the cell's own lines, `HandlerNotInCell`, `CompilerMissing`; one that fetches
        `NotInstalled`, `NotBuilt` and `BadOption` too.
        """

    def recognises(self, text: str) -> bool:  # noqa: ARG002 - asked of OS-only runtimes' builders
        """Whether the text is in this language; asked where the runtime does not say."""
        return True
