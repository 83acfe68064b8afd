"""What was meant by a word or an option that has no place on its line: the line to type instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from lambdalab.client.way_out import NAME_RULE
from lambdalab.notebook import values
from lambdalab.notebook.command import Command, Option

_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.\[\]]*=")
_OTHERS_WORDS = {
    "config": ("update", "set", "configure", "settings", "get", "show", "describe"),
    "invoke": ("call", "run", "test"),
    "delete": ("remove", "rm", "destroy"),
    "list": ("ls", "functions"),
}
"""What people write for a sub-command whose name is not near it."""


def by_words(command: Command, extra: Sequence[str], options: Mapping[str, Any]) -> str:
    """The way out for words beyond the command's arguments, `options` having been read; "" when none is known."""
    has = {option.dest: option for option in command.options}
    half = next((one for one in options.get("set", ()) if "=" not in one), None)
    if half is not None:
        return f"A value of the event is set with an equals sign: --set {half}={extra[0]}."
    if _ASSIGNMENT.match(extra[0]):
        for name, what in (("set", "A value of the event is set with --set"), ("env", "A variable is set with --env")):
            if name in has:
                return f"{what}: --{name} {extra[0]}."
    if "message" in has and "message" not in options:
        flag = has["message"].flags[-1]
        return f'A line about the version goes behind {flag}: {flag} "{" ".join(extra)}".'
    return ""


def spaced_name(command: Command, line: Sequence[str]) -> str:
    """The way out for a new function's name of several words; "" where the words may be an option's value."""
    words = list(takewhile(lambda word: not word.startswith("-"), line))
    if command.body != "source" or len(words) <= len(command.arguments):
        return ""
    return f"{NAME_RULE} {command.words} {values.possible_name(' '.join(words))} would do."


def by_flag(flag: str, given: Sequence[str], config: Command) -> str:
    """The way out for an option that a cell does not take and `%lambda config` does; "" for any other."""
    option = _option(config, flag)
    if option is None:
        return ""
    name = given[0] if given else "NAME"
    value = f" {option.placeholder}"
    if option.dest == "layer" and given[1:]:  # a function has a version of a layer
        value = f" {given[1]}" if ":" in given[1] else f" {given[1]}:1"
    return f"It is set when the function is there: %lambda config {name} {flag}{value}."


def by_cells_flag(flag: str, given: Sequence[str], deploy: Command) -> str:
    """The way out for an option that a sub-command does not take and the line of a function's cell does."""
    option = _option(deploy, flag)
    if option is None or option.placeholder is None:
        return ""
    name, value = (*given, "NAME")[0], given[1] if given[1:] else option.placeholder
    return f"It belongs on the line of the cell with the function's code: %%lambda {name} {flag} {value}."


def by_place(command: Command, flag: str, line: Sequence[str], words: Sequence[str]) -> str:
    """The way out for an option that is named as one of the arguments, whose words go without one.

    `words` are those of `line` that are no options.
    """
    names = [argument.placeholder.strip("[]").lower() for argument in command.arguments]
    if flag.lstrip("-") not in names:
        return ""
    place = names.index(flag.lstrip("-"))
    at = next(number for number, word in enumerate(line) if word.partition("=")[0] == flag)
    joined = line[at].partition("=")[2]
    value = joined or next(iter(line[at + 1 : at + 2]), "")
    others = list(words)
    if not joined and value in others:
        others.remove(value)
    filled = [*others[:place], *(argument.placeholder for argument in command.arguments[len(others) : place])]
    return (
        f"The {names[place]} goes without an option: "
        f"{' '.join((command.words, *filled, value or names[place].upper(), *others[place:]))}."
    )


def by_sub_command(word: str, rest: Sequence[str]) -> str:
    """The way out for a word of another tool's in the place of a sub-command; "" when none is known."""
    command = next((name for name, words in _OTHERS_WORDS.items() if word in words), "")
    return f"That is %lambda {' '.join((command, *rest))}." if command else ""


def _option(command: Command, flag: str) -> Option | None:
    return next((one for one in command.options if flag in one.flags), None)
