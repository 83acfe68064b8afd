"""What may stand at a place of a `%lambda` line: sub-commands, options, their values, names of what is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lambdalab.model import arn
from lambdalab.notebook import values
from lambdalab.notebook.command import Command, Completes, Option
from lambdalab.notebook.commands import COMMANDS, DEPLOY, SUBCOMMANDS
from lambdalab.notebook.event import may_be_event


class Names(Protocol):
    """The names of what there is (`client/names.py`). Asking must not start a region."""

    def functions(self) -> Sequence[str]:
        """Functions."""

    def versions(self, function: str) -> Sequence[str]:
        """Versions of a function."""

    def aliases(self, function: str) -> Sequence[str]:
        """Aliases of a function."""

    def layers(self) -> Sequence[str]:
        """Layers."""

    def layer_versions(self) -> Sequence[str]:
        """Layers with a version, `common:1`."""


@dataclass(frozen=True, slots=True)
class Line:
    """A magic's line up to the cursor: the whole words, and the piece of one that is being typed."""

    before: Sequence[str]
    fragment: str
    kind: str
    names: Callable[[], Names]
    namespace: Callable[[], Mapping[str, Any]]

    def offered(self) -> Iterable[str]:
        """What may stand there."""
        if not self.before:
            if self.kind == "%":
                return (DEPLOY.name, *SUBCOMMANDS)
            functions = self.names().functions()
            return [*(name for name in SUBCOMMANDS if COMMANDS[name].body != "none"), *functions]
        command = COMMANDS.get(self.before[0]) or (DEPLOY if self.kind == "%%" else None)
        if command is None:
            return ()
        option = self._open_option(command)
        if option is not None:
            return self._values(option.completes, command)
        flags = [flag for one in command.options for flag in one.flags if one.repeat or flag not in self.before]
        place = len(self._arguments(command))
        if command is DEPLOY or place >= len(command.arguments):
            return flags
        return [*self._values(command.arguments[place].completes, command), *flags]

    def _open_option(self, command: Command) -> Option | None:
        """The option whose value is being typed."""
        for back, word in enumerate(reversed(self.before), 1):
            option = _option(command, word)
            if option is not None:
                return option if option.words >= back else None
        return None

    def _arguments(self, command: Command) -> list[str]:
        """The words before the cursor that are neither an option nor its value."""
        found: list[str] = []
        values_left = 0
        for word in self.before[1:]:
            option = _option(command, word)
            if option is not None:
                values_left = option.words
            elif values_left:
                values_left -= 1
            elif not word.startswith("-"):
                found.append(word)
        return found

    def _values(self, what: Completes, command: Command) -> Iterable[str]:
        if what == "variable":
            return sorted(name for name, value in self.namespace().items() if may_be_event(name, value))
        if what in _FIXED:
            return _FIXED[what]
        return self._named(what, command) if what else ()

    def _named(self, what: Completes, command: Command) -> Iterable[str]:
        names = self.names()
        if what == "qualified":
            function, colon, _ = self.fragment.rpartition(":")
            return [f"{function}:{one}" for one in _qualifiers(names, function)] if colon else names.functions()
        if what in ("function", "layer", "layer version"):
            return {"function": names.functions, "layer": names.layers, "layer version": names.layer_versions}[what]()
        function = arn.split(next(iter(self._arguments(command)), "")).function
        if not function:
            return ()
        of = {"version": names.versions, "alias": names.aliases}
        return of[what](function) if what in of else _qualifiers(names, function)


_FIXED: dict[str, Sequence[str]] = {
    "runtime": values.RUNTIMES,
    "architecture": values.ARCHITECTURES,
    "log format": values.LOG_FORMATS,
    "snapstart": (values.PUBLISHED, values.NONE),
    "command": (DEPLOY.name, *SUBCOMMANDS),
}


def _option(command: Command, word: str) -> Option | None:
    return next((option for option in command.options if word in option.flags), None)


def _qualifiers(names: Names, function: str) -> list[str]:
    return [*names.aliases(function), *names.versions(function)]
