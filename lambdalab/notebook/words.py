"""The words of a magic's line: split as a shell would, but JSON written after `=` keeps its quotes."""

from __future__ import annotations

import re

from lambdalab.errors import BadOption

_QUOTES = "\"'"
_CLOSING = {"{": "}", "[": "]"}


def split(line: str) -> list[str]:
    """The words of `line`. Raises `BadOption` when a quote or a JSON bracket stays open.

    Quotes group and are dropped, as in a shell: `--env "GREETING=hello world"`, `--env GREETING='hello world'`.
    Where the value after `=` (or a whole word) begins with `{` or `[`, it is JSON: it is taken as it stands up
    to its closing bracket, quotes and spaces included, because a shell's rules would take the quotes away.
    """
    words: list[str] = []
    at = 0
    while True:
        at = _skip_space(line, at)
        if at == len(line):
            return words
        word, at = _word(line, at)
        words.append(word)


def _skip_space(line: str, at: int) -> int:
    while at < len(line) and line[at].isspace():
        at += 1
    return at


def _word(line: str, at: int) -> tuple[str, int]:
    out = ""
    while at < len(line) and not line[at].isspace():
        char = line[at]
        if char in _QUOTES:
            piece, at = _quoted(line, at)
        elif char in _CLOSING and (not out or out.endswith("=")):
            piece, at = _bracketed(line, at)
        elif char == "\\" and line[at + 1 : at + 2] in tuple("\\ \"'"):
            piece, at = line[at + 1], at + 2
        else:
            piece, at = char, at + 1
        out += piece
    return out, at


def _quoted(line: str, start: int) -> tuple[str, int]:
    """What stands between the quote at `start` and its partner, and the position after it."""
    quote, out, at = line[start], "", start + 1
    while at < len(line):
        if line[at] == quote:
            return out, at + 1
        escaped = quote == '"' and line[at] == "\\" and line[at + 1 : at + 2] in ('"', "\\")
        at += escaped
        out += line[at]
        at += 1
    way_out = f"Add a {quote} at its end."
    if re.search(r"(?:^|\s)#", line[:start]):
        way_out = "If it stands in a comment: that does not go behind a magic's line."
    raise BadOption(f"the quote before {line[start + 1 :]!r} is not closed. {way_out}")


def _bracketed(line: str, start: int) -> tuple[str, int]:
    """The JSON object or array at `start`, as it stands, and the position after it."""
    open_brackets: list[str] = []
    at, in_string = start, False
    while at < len(line):
        char = line[at]
        if in_string:
            at += char == "\\"
            in_string = char != '"'
        elif char == '"':
            in_string = True
        elif char in _CLOSING:
            open_brackets.append(_CLOSING[char])
        elif open_brackets and char == open_brackets[-1]:
            open_brackets.pop()
        at += 1
        if not open_brackets:
            return line[start:at], at
    raise BadOption(f"the JSON that begins {line[start : start + 30]!r} has no closing {open_brackets[-1]!r}.")
