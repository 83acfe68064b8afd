"""From a magic's line to a parsed request. argparse does the work, but here it never exits and never prints."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NoReturn

from lambdalab.client.near import did_you_mean, nearest
from lambdalab.errors import BadOption
from lambdalab.notebook import meant, words
from lambdalab.notebook.command import Argument, Command, Option
from lambdalab.notebook.commands import COMMANDS, DEPLOY, SUBCOMMANDS

_NO_NAME = 0.8
"""Words as like a sub-command as this are slips of the pen. `hello` is less like `help`, and a function's name."""


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed line: the sub-command, its arguments by their places, and its options by name.

    Arguments and options that were not given are absent. `help` asks for the command's help instead.
    """

    command: Command
    arguments: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    help: bool = False

    @property
    def argument(self) -> str:
        """The first argument; "" when there is none."""
        return self.arguments[0] if self.arguments else ""


def parse(
    line: str,
    *,
    has_body: bool,
    blank: bool = False,
    expand: Callable[[str], str] = str,
    functions: Callable[[], Iterable[str]] = tuple,
) -> Request:
    """The request of a `%lambda` line (`has_body`: of a `%%lambda` cell, whose body is `blank`). Raises `BadOption`.

    Sub-commands win over functions of the same name. A body is never thrown away: without a name it is refused.
    `expand` puts values in the place of names in a word; `functions` are those there are, asked for an error's sake.
    """
    first, *rest = [expand(word) for word in words.split(line)] or [""]
    if first in ("-h", "--help") or (not first and (blank or not has_body)):
        return Request(DEPLOY, help=True) if first and has_body else Request(COMMANDS["help"])
    if not first:
        raise BadOption("%%lambda needs a function's name, and the cell's body becomes that function: %%lambda NAME")
    if first in SUBCOMMANDS:
        return _parse_subcommand(COMMANDS[first], rest, has_body, blank=blank)
    if has_body:
        return _parse_words(DEPLOY, [first, *rest], in_cell=True)
    if first == DEPLOY.name:
        return _parse_words(DEPLOY, rest)
    if "-h" in rest or "--help" in rest:  # asked of the cell's line, without the cell
        return Request(DEPLOY, help=True)
    return _refuse_sub_command(first, rest, tuple(functions()))


def _refuse_sub_command(first: str, rest: Sequence[str], there: Sequence[str]) -> NoReturn:
    if first.startswith("#"):
        raise BadOption(f"%lambda: {meant.without_comment(' '.join((first, *rest)), 'none', in_cell=False)}")
    if first in there:
        raise BadOption(
            f"{first} is a function, and the line does not say what to do with it: %lambda invoke {first} calls it,"
            f" %lambda logs {first} shows what it wrote, %lambda config {first} its settings, %lambda versions {first}"
            f" its versions; %lambda delete {first} deletes it. A cell that begins with %%lambda {first} changes it."
        )
    way_out = meant.by_sub_command(first, rest)
    guess = f" {way_out}" if way_out else did_you_mean(first, (*SUBCOMMANDS, *there))
    name = "NAME" if way_out or nearest(first, SUBCOMMANDS, _NO_NAME) else first
    raise BadOption(
        f"%lambda has no sub-command {first!r}.{guess}"
        f" It has: {', '.join((DEPLOY.name, *SUBCOMMANDS))}. To deploy a function, begin a cell with %%lambda {name}."
    )


def _parse_subcommand(command: Command, rest: list[str], in_cell: bool, *, blank: bool) -> Request:
    if in_cell and not blank and command.body == "none":
        raise BadOption(
            f"%lambda {command.name} takes no cell body, and a cell cannot deploy a function named {command.name}:"
            f" that is a sub-command. Write %lambda {command.name} on one line, or give the function another name."
        )
    return _parse_words(command, rest, in_cell=in_cell)


def _parse_words(command: Command, given: list[str], *, in_cell: bool = False) -> Request:
    if "-h" in given or "--help" in given:
        return Request(command, help=True)
    if comment := meant.comment(command, given):
        raise BadOption(f"{command.words}: {meant.without_comment(comment, command.body, in_cell=in_cell)}")
    if joined := meant.spaced_equals(command, given):
        raise BadOption(f"{command.words}: no spaces around the equals sign: {joined}.")
    # The arguments are no positionals of argparse's: optional ones before options would be taken as missing.
    found, others = _parser(command.name).parse_known_args(given)
    flags = [word for word in others if word.startswith("-")]
    given_words = [word for word in others if not word.startswith("-")]
    extra = given_words[len(command.arguments) :]
    if flags:
        _refuse_flag(command, flags[0].partition("=")[0], given, given_words)
    if extra:
        _refuse_words(command, extra, given, vars(found))
    return Request(command, _arguments(command, given_words), vars(found))


def _arguments(command: Command, given: list[str]) -> tuple[str, ...]:
    missing = [argument for argument in command.arguments[len(given) :] if not argument.optional]
    if missing:
        usage = " ".join((command.words, *(argument.placeholder for argument in command.arguments)))
        raise BadOption(f"{command.words} needs {_and(missing)}: {usage}")
    return tuple(argument.convert(word) for argument, word in zip(command.arguments, given, strict=False))


def _and(missing: list[Argument]) -> str:
    return " and ".join(argument.what for argument in missing)


def _refuse_words(command: Command, extra: Sequence[str], line: Sequence[str], options: dict[str, Any]) -> NoReturn:
    if extra[0].startswith("{") and command.name == "invoke":
        raise BadOption(
            f"{command.words} takes the event on its line behind an option: --event {extra[0]}. Set single values with"
            " --set name=Ada, or begin a cell with %%lambda invoke NAME and write the JSON below."
        )
    way_out = (
        meant.in_pieces(command, line) or meant.by_words(command, extra, options) or meant.spaced_name(command, line)
    )
    raise BadOption(
        " ".join(
            filter(None, (f"{command.words} does not take {extra[0]!r} here.", way_out, f"Usage: {command.usage}"))
        )
    )


def _refuse_flag(command: Command, flag: str, line: Sequence[str], given: Sequence[str]) -> NoReturn:
    known = [spelling for option in command.options for spelling in option.flags]
    if not known:
        raise BadOption(f"{command.words} takes no options; {flag} is not one.")
    way_out = meant.by_others_flag(command, flag, line)
    if command is DEPLOY:
        way_out = way_out or meant.by_flag(flag, given, COMMANDS["config"])
    else:
        way_out = way_out or meant.by_place(command, flag, line, given)
        if command.name == "config":
            way_out = way_out or meant.by_cells_flag(flag, given, DEPLOY)
    raise BadOption(
        f"{command.words} has no option {flag}. {way_out or did_you_mean(flag, known).strip()}".rstrip()
        + f" It has: {', '.join(known)}."
    )


_NO_VALUE = re.compile(r"argument (?P<flags>\S+): expected (?:one|\d+) arguments?")
"""What argparse says of an option at the line's end, or before another option."""


class _Parser(argparse.ArgumentParser):
    """argparse for one sub-command, with its errors raised as ours."""

    command: Command

    def error(self, message: str) -> NoReturn:
        if missing := _NO_VALUE.fullmatch(message):
            flag = missing["flags"].partition("/")[0]
            option = next(one for one in self.command.options if flag in one.flags)
            raise BadOption(f"{self.prog}: {flag} is incomplete; write {flag} {option.placeholder}: {option.help}.")
        raise BadOption(f"{self.prog}: {message}. See: {self.prog} --help")


@cache
def _parser(name: str) -> _Parser:
    command = COMMANDS[name]
    parser = _Parser(prog=command.words, add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.command = command
    for option in command.options:
        _add(parser, option)
    return parser


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    if option.placeholder is None:
        parser.add_argument(*option.flags, action="store_true", dest=option.dest)
        return
    parser.add_argument(
        *option.flags,
        action="append" if option.repeat else "store",
        nargs=option.words if option.words > 1 else None,
        type=option.convert,
        dest=option.dest,
        metavar=tuple(option.placeholder.split()) if option.words > 1 else option.placeholder,
    )
