"""What was meant by a word or an option that has no place on its line: the line to type instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from lambdalab.client import languages
from lambdalab.client.way_out import NAME_RULE
from lambdalab.notebook import values
from lambdalab.notebook.command import Command, Option

_ASSIGNMENT = re.compile(r"[A-Za-z_][\w.\[\]]*=")
_SHORT_JOINED = re.compile(r"(-[a-z])(\d\w*)")
"""A short option with its number, as `-m256`."""
_OTHERS_WORDS = {
    "config": ("update", "set", "configure", "settings", "get", "show", "describe"),
    "invoke": ("call", "run", "test"),
    "delete": ("remove", "rm", "destroy"),
    "list": ("ls", "functions"),
}
"""What people write for a sub-command whose name is not near it."""
_OTHERS_FLAGS = {
    "--memory": ("-m", "--mem"),
    "--timeout": ("-t",),
    "--runtime": ("-r",),
    "--env": ("--environment", "--enviroment", "--variables", "--var", "--vars"),
    "--event": ("--payload", "-p", "-e", "--data", "-d", "--body", "--json", "--input"),
}
"""What other tools call an option, by ours: AWS's, SAM's and curl's, and short ones that ours do not have."""
_IN_A_SHELL = ("status", "stop", "reset", "env", "serve", "lab", "images")
"""Commands of `lambdalab` that are no sub-commands of the magic."""
_DASHES = re.compile("[\u2012-\u2015\u2212]+(?=[A-Za-z])")
"""What editors of slides and mails make of two hyphens."""
_RUNTIME = re.compile(r"(?:python|nodejs|java|ruby|dotnet|provided\.al)\d.*|go")


def by_words(command: Command, extra: Sequence[str], options: Mapping[str, Any]) -> str:
    """The way out for words beyond the command's arguments, `options` having been read; "" when none is known."""
    has = {option.dest: option for option in command.options}
    if "\\" in extra:
        return "A cell's first line is not continued by a backslash: all options go on it."
    if _DASHES.match(extra[0]):
        return f"Options begin with two hyphens: {_DASHES.sub('--', extra[0])}."
    half = next((one for one in options.get("set", ()) if "=" not in one), None)
    if half is not None:
        value = next((word.lstrip("=") for word in extra if word.strip("=")), "VALUE")
        return f"A value of the event is set with an equals sign: --set {half}={_typed(value)}."
    if _ASSIGNMENT.match(extra[0]):
        for name, what in (("set", "A value of the event is set with --set"), ("env", "A variable is set with --env")):
            if name in has:
                return f"{what}: --{name} {extra[0]}."
    if "message" in has and "message" not in options:
        flag = has["message"].flags[-1]
        return f'A line about the version goes behind {flag}: {flag} "{" ".join(extra)}".'
    if command.name == "invoke" and options.get("event") is None and not options.get("set"):
        return f"The event goes behind an option: {_event(extra[0])}."
    has_value = any(isinstance(given, str | list | tuple) and given for given in options.values())
    return "Quote values that have spaces." if has_value else ""


def comment(command: Command, line: Sequence[str]) -> str:
    """The words from the first that begins with `#` and is no option's value; "" where there is none.

    No argument of a command begins so: names, versions and numbers have no `#`.
    """
    values_left = 0
    for at, word in enumerate(line):
        option = _option(command, word)
        if values_left:
            values_left -= 1
        elif option is not None:
            values_left = option.words
        elif word.startswith("#"):
            return " ".join(line[at:])
    return ""


def without_comment(words: str, body: str, *, in_cell: bool) -> str:
    """The rule for a comment behind a line, and where it goes; `body` is what the command's cell holds."""
    rule = "a comment does not go behind a magic's line"
    if not in_cell:
        return f"{rule}; put {words!r} in a line above."
    if body in ("source", "module"):
        return f"{rule}; put {words!r} in the cell's body, as its language writes comments."
    return f"{rule}; leave {words!r} out{', for JSON has no comments either' if body == 'event' else ''}."


def spaced_equals(command: Command, line: Sequence[str]) -> str:
    """The option of `NAME=VALUE` that was typed with a space before its equals sign, as it is to be; "" for none."""
    for at, flag in _takes_equals(command, line):
        name, sign = (*line[at + 1 : at + 3], "", "")[:2]
        if sign.startswith("="):
            words = [sign.lstrip("="), *(word.lstrip("=") for word in _value_words(command, line, at, at + 3))]
            return f"{flag} {name}={_typed(' '.join(filter(None, words)) or 'VALUE')}"
    return ""


def in_pieces(command: Command, line: Sequence[str]) -> str:
    """The way out for an option's value that was typed as two words where it is one; "" for any other.

    Asked of a line that has a word too many: in another one `--set name=` sets an empty text.
    """
    for at, flag in _takes_equals(command, line):
        name, value = (*line[at + 1 : at + 3], "", "")[:2]
        if name.endswith("=") and value and not value.startswith("-"):
            return f"No spaces around the equals sign: {flag} {name}{_typed(value)}."
        more = _value_words(command, line, at, at + 2)
        if "=" in name and more and _has_arguments(command, line[:at]):
            name, _, value = name.partition("=")
            return f"A value with spaces stands in quotes: {flag} {name}={_typed(' '.join((value, *more)))}."
    for at, word in enumerate(line):
        language, release = (*line[at + 1 : at + 3], "", "")[:2]
        if word == "--runtime" and re.fullmatch(r"\D+", language) and re.match(r"v?\d", release):
            name = languages.released(f"{language} {release}")
            return f"A runtime's name has no space: --runtime {name}." if name else ""
    return ""


def _value_words(command: Command, line: Sequence[str], at: int, begin: int) -> list[str]:
    """The words from `begin` that can be of the value of the option at `at`: one where the line's arguments follow."""
    words = list(takewhile(lambda word: _option(command, word) is None, line[begin:]))
    return words if _has_arguments(command, line[:at]) else words[:1]


def _has_arguments(command: Command, line: Sequence[str]) -> bool:
    """Whether all the command's arguments stand at the line's begin, so that no later word is one."""
    return len(list(takewhile(lambda word: not word.startswith("-"), line))) >= len(command.arguments)


def _takes_equals(command: Command, line: Sequence[str]) -> list[tuple[int, str]]:
    """Where on the line the options stand whose value has an equals sign."""
    options = ((at, flag, _option(command, flag)) for at, flag in enumerate(line))
    return [(at, flag) for at, flag, option in options if option is not None and "=" in (option.placeholder or "")]


def _typed(value: str) -> str:
    """A value as a line has it: in quotes where it has spaces, JSON as it stands (`words.split`)."""
    if not re.search(r"\s", value) or value[:1] in {"{", "["}:
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'


def spaced_name(command: Command, line: Sequence[str]) -> str:
    """The way out for a new function's name of several words; "" where the words may be an option's value."""
    words = list(takewhile(lambda word: not word.startswith("-"), line))
    if command.body != "source" or len(words) <= len(command.arguments):
        return ""
    return f"{NAME_RULE} {command.words} {values.possible_name(' '.join(words))} would do."


def by_others_flag(command: Command, flag: str, line: Sequence[str]) -> str:
    """The way out for an option as another tool calls it, where the command has one for that; "" for any other."""
    value = _value_of(flag, line)
    if joined := _SHORT_JOINED.fullmatch(flag):
        flag, value = joined.groups()
    ours = next((name for name, others in _OTHERS_FLAGS.items() if flag in others), "")
    if flag == "-r" and value and not _RUNTIME.fullmatch(value):
        ours = "--requirements"  # as pip calls it
    option = _option(command, ours)
    if option is None:
        return ""
    if ours == "--event":
        return f"That is {_event(value) or f'{ours} {option.placeholder}'}."
    return f"That is {ours} {_typed(value) or option.placeholder}."


def _event(value: str) -> str:
    """The option for an event as AWS's command line, SAM or curl take it; "" for none."""
    value = re.sub(r"^(?:fileb?://|@)", "", value)
    if _ASSIGNMENT.match(value):
        return f"--set {_typed(value)}"
    if re.fullmatch(r"[A-Za-z_]\w*", value) and value not in {"true", "false", "null"}:
        return f"""--event '"{value}"' for that text, or --event {value} for the Python variable"""
    return f"--event {_typed(value)}" if value else ""


def _value_of(flag: str, line: Sequence[str]) -> str:
    """What stands behind the option, or is joined to it; "" for nothing."""
    at = next(number for number, word in enumerate(line) if word.partition("=")[0] == flag)
    after = next(iter(line[at + 1 : at + 2]), "")
    return line[at].partition("=")[2] or ("" if after.startswith("-") else after)


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
    value = _value_of(flag, line)
    others = list(words)
    if flag in line and value in others:
        others.remove(value)
    filled = [*others[:place], *(argument.placeholder for argument in command.arguments[len(others) : place])]
    return (
        f"The {names[place]} goes without an option: "
        f"{' '.join((command.words, *filled, value or names[place].upper(), *others[place:]))}."
    )


def by_sub_command(word: str, rest: Sequence[str]) -> str:
    """The way out for a word of another tool's in the place of a sub-command; "" when none is known."""
    if word in _IN_A_SHELL:
        return f"That is a command of the shell: !lambdalab {' '.join((word, *rest))}"
    command = next((name for name, words in _OTHERS_WORDS.items() if word in words), "")
    return f"That is %lambda {' '.join((command, *rest))}." if command else ""


def _option(command: Command, flag: str) -> Option | None:
    return next((one for one in command.options if flag in one.flags), None)
