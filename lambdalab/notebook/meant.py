"""What was meant by a word or an option that has no place on its line: the line to type instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.notebook.command import Command, Option

_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.\[\]]*=")


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


def by_flag(flag: str, given: Sequence[str], config: Command) -> str:
    """The way out for an option that a cell does not take and `%lambda config` does; "" for any other."""
    option: Option | None = next((one for one in config.options if flag in one.flags), None)
    if option is None:
        return ""
    name = given[0] if given else "NAME"
    value = f" {option.placeholder}"
    if option.dest == "layer" and given[1:]:  # a function has a version of a layer
        value = f" {given[1]}" if ":" in given[1] else f" {given[1]}:1"
    return f"It is set when the function is there: %lambda config {name} {flag}{value}."
