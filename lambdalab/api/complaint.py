"""What is wrong with a text that is not JSON, in the words of Jackson, Lambda's parser, where they are known.

Source of the words: refusals of Lambda's that people have published (aws-sdk-js #1876, module-ballerina-c2c #15,
aws-lambda-developer-guide #351, aws-tutorial-code #4), and jackson-core's own texts. What has no word of Jackson's here
keeps Python's. The place is the character complained of, as Jackson has counted it since 2.17; of a text that ends too
early it is its end.
"""

from __future__ import annotations

import json
import re

from lambdalab.brackets import STRING, opened

_SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
_VALUES = "JSON String, Number, Array, Object or token 'null', 'true' or 'false'"
_CONSTANT = re.compile(rf"{STRING}|(NaN|-?Infinity)", re.DOTALL)
_UNICODE = re.compile(r"\\u[0-9a-fA-F]{0,3}(?![0-9a-fA-F])")
"""An escape that has too few digits; the character complained of is the one behind it."""
_WORD = re.compile(r"\w+")
_SPACE = re.compile(r"[ \t\n\r]*")
_KINDS = {"{": "Object", "[": "Array"}
_END = "Unexpected end-of-input"


class NoNumber(ValueError):
    """NaN, Infinity or -Infinity, which Python's parser would take."""


def no_constant(name: str) -> None:
    """For `json`'s `parse_constant`: refuse it."""
    raise NoNumber(f"Non-standard token '{name}': enable `JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS` to allow")


def complaint(problem: Exception, payload: bytes) -> str:
    """The parser's words and the place, as Lambda gives them."""
    what, before = _told(problem, payload)
    line, column = _place(before)
    return f"{what}\n at {_SOURCE}; line: {line}, column: {column}]"


def _place(before: str) -> tuple[int, int]:
    """Line and column of the character after `before`."""
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _told(problem: Exception, payload: bytes) -> tuple[str, str]:
    """The words, and what stands before the place."""
    if isinstance(problem, UnicodeDecodeError):
        start = problem.start
        return f"Invalid UTF-8 start byte 0x{payload[start]:02x}", payload[:start].decode("latin-1")
    text = payload.decode(errors="replace").removeprefix("\ufeff")
    if isinstance(problem, json.JSONDecodeError):
        if problem.msg.startswith("Invalid \\"):
            return _escaped(problem, text)
        problem = _as_of_3_12(problem, text)
        ended = _ended(problem, text)
        return (ended, text) if ended else (_translated(problem, text), text[: problem.pos])
    if isinstance(problem, NoNumber):
        # The parser stops at the first one, and what stands before it is JSON.
        return str(problem), text[: next((found.start(1) for found in _CONSTANT.finditer(text) if found[1]), 0)]
    return str(problem), ""


def _escaped(problem: json.JSONDecodeError, text: str) -> tuple[str, str]:
    """The words for an escape that JSON does not have, and what stands before the place."""
    begins = text.rfind("\\", 0, problem.pos + 1)
    short = _UNICODE.match(text, begins)
    at = short.end() if short else begins + 1
    if at >= len(text):
        return f"{_END} in character escape sequence", text
    what = _described(text[at])
    if short:
        return f"Unexpected character ({what}): expected a hex-digit for character escape sequence", text[:at]
    return f"Unrecognized character escape {what}", text[:at]


def _as_of_3_12(problem: json.JSONDecodeError, text: str) -> json.JSONDecodeError:
    """Python 3.13 complains of the comma that is one too many; before, and Jackson, of what comes instead of more."""
    if not problem.msg.startswith("Illegal trailing comma"):
        return problem
    instead = _SPACE.match(text, problem.pos + 1)
    kind = "Expecting value" if problem.msg.endswith("array") else "Expecting property name enclosed in double quotes"
    return json.JSONDecodeError(kind, text, instead.end() if instead else problem.pos)


def _ended(problem: json.JSONDecodeError, text: str) -> str | None:
    """The words for a text that ends before its value does; None for one that does not."""
    kind, in_string = problem.msg, problem.msg.startswith("Unterminated string")
    if not in_string and (not kind.startswith("Expecting") or text[problem.pos :].strip()):
        return None
    read, brackets = text[: problem.pos].rstrip(), opened(text, problem.pos)
    inside = _KINDS[brackets[-1][0]] if brackets else ""
    if in_string:
        return f"{_END} in {'field name' if inside == 'Object' and read[-1:] in {'{', ','} else 'VALUE_STRING'}"
    if not inside:
        return None if read else "No content to map due to end-of-input"
    if read[-1:] in {":", ","} or kind == "Expecting ':' delimiter":
        return f"{_END} within/between {inside} entries"
    line, column = _place(text[: brackets[-1][1]])
    return f"{_END}: expected close marker for {inside} (start marker at {_SOURCE}; line: {line}, column: {column}])"


def _translated(problem: json.JSONDecodeError, text: str) -> str:
    at, kind = problem.pos, problem.msg
    if at >= len(text):
        return kind
    word = _WORD.match(text, at)
    if kind == "Expecting value" and word and not word[0][0].isdigit():
        return f"Unrecognized token '{word[0]}': was expecting ({_VALUES})"
    if kind == "Invalid control character at":
        return (
            f"Illegal unquoted character ({_described(text[at])}): has to be escaped using backslash to be included in "
            "string value"
        )
    expected = _expected(kind, text, at)
    return f"Unexpected character ({_described(text[at])}): {expected}" if expected else kind


def _expected(kind: str, text: str, at: int) -> str | None:
    if kind == "Expecting value":
        return f"expected a valid value ({_VALUES})"
    if kind == "Expecting property name enclosed in double quotes":
        return "was expecting double-quote to start field name"
    if kind == "Expecting ':' delimiter":
        return "was expecting a colon to separate field name and value"
    if kind == "Expecting ',' delimiter":
        return f"was expecting comma to separate {_around(text, at)} entries"
    if kind == "Extra data" and text[at - 1].isdigit():
        return "Expected space separating root-level values"
    return None


def _around(text: str, at: int) -> str:
    """What the place is in: an Object or an Array."""
    brackets = opened(text, at)
    return _KINDS[brackets[-1][0]] if brackets else "Object"


def _described(character: str) -> str:
    """A character as Jackson names it."""
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"(CTRL-CHAR, code {code})"
    return f"'{character}' (code {code}{f' / 0x{code:x}' if code > 0xFF else ''})"
