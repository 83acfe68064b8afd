"""What one sub-command of `%lambda` is: its words, its options, its help. Parser, completion and help read these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from lambdalab.notebook import values

Completes = Literal[
    "", "function", "qualified", "version", "qualifier", "alias", "layer", "layer version", "runtime", "variable",
    "command", "architecture", "log format", "snapstart",
]  # fmt: skip
"""What Tab offers. A version, alias or qualifier is one of the function that the line names first; `qualified`
is a function's name, or `function:qualifier` once there is a colon."""


@dataclass(frozen=True, slots=True)
class Argument:
    """A word by its place: its placeholder (optional when in brackets), what it is, and its check."""

    placeholder: str
    what: str
    completes: Completes = ""
    convert: Callable[[str], Any] = str

    @property
    def optional(self) -> bool:
        """Whether it may be missing."""
        return self.placeholder.startswith("[")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its spellings, the placeholder of its value (None: a switch), its help, and its check.

    `convert` turns the words into the value and raises `BadOption`; `completes` names what Tab offers. A
    placeholder of several words takes as many, and the value is a list.
    """

    flags: tuple[str, ...]
    placeholder: str | None
    help: str
    convert: Callable[[str], Any] = str
    repeat: bool = False
    completes: Completes = ""

    @property
    def dest(self) -> str:
        """The attribute that holds the value after parsing."""
        return self.flags[0].lstrip("-").replace("-", "_")

    @property
    def words(self) -> int:
        """How many words follow the flag."""
        return len((self.placeholder or "").split())


@dataclass(frozen=True, slots=True)
class Command:
    """One sub-command: `body` says what its cell holds; `arguments` are the words by their places.

    `interrupted` says what becomes of it when the wait for it is interrupted; `{}` there is its first argument.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    options: tuple[Option, ...]
    example: str
    body: Literal["none", "source", "event", "module"] = "none"
    interrupted: str = "the region goes on by itself"

    @property
    def words(self) -> str:
        """How the line begins."""
        return "%%lambda" if self.body == "source" else f"%lambda {self.name}"

    @property
    def usage(self) -> str:
        """The line to type."""
        arguments = (argument.placeholder for argument in self.arguments)
        options = (
            f"[{option.flags[0]}{f' {option.placeholder}' if option.placeholder else ''}]" for option in self.options
        )
        return " ".join((self.words, *arguments, *options))


HELP = Option(("--help", "-h"), None, "this help")
FUNCTION = Argument("NAME", "a function's name", "function", values.function)
QUALIFIED = Argument("NAME", "a function's name", "qualified", values.function)
