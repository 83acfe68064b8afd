"""A sentence of advice for common failures: rules on the error's type and message, no guessing.

Each rule says what happened in plain words, and what usually mends it. An error without a rule gets no hint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """What happened, and what to do. Pieces in backquotes are code."""

    happened: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Rule:
    error_type: str
    message: re.Pattern[str]
    happened: str
    advice: str
    in_process: str
    """The advice in the process isolation, where it is another."""


def _rule(error_type: str, message: str, happened: str, advice: str, in_process: str = "") -> _Rule:
    return _Rule(error_type, re.compile(message, re.DOTALL), happened, advice, in_process or advice)


_OWN_DIRECTORY = (
    "Write below `tempfile.gettempdir()`: in the process isolation that is a directory of the function's own,"
    " `$TMPDIR`, and on AWS `/tmp`."
)


_RULES = (
    _rule(
        "KeyError",
        r"^'(?P<key>.+)'$",
        "A dictionary had no key `{key}`.",
        'Use `.get("{key}")`, or check the event you sent.',
    ),
    _rule(
        "TypeError",
        r"takes \d+ positional arguments? but 2 were given",
        "Lambda calls the handler with two arguments.",
        "Define it as `def handler(event, context):`.",
    ),
    _rule(
        "TypeError",
        r"'NoneType' object is not (subscriptable|iterable|callable)",
        "Something that should hold a value is `None`.",
        "Look at what stands before the bracket in the marked line.",
    ),
    _rule(
        "TypeError",
        r"(string indices must be integers|indices must be integers)",
        "The value is text or a list, not a dictionary.",
        'If it is JSON in a string, as `event["body"]` often is, read it with `json.loads` first.',
    ),
    _rule(
        "AttributeError",
        r"'NoneType' object has no attribute '(?P<name>\w+)'",
        "Something before `.{name}` is `None`.",
        "Check that the call before it found something.",
    ),
    _rule(
        "NameError",
        r"name '(?P<name>\w+)' is not defined",
        "`{name}` is not defined in this cell.",
        "The cell is the whole program: import or define everything in it, other cells do not count.",
    ),
    _rule(
        "IndexError",
        r"out of range",
        "A list has fewer items than the index asks for.",
        "Check its length, or the event you sent.",
    ),
    _rule(
        "NotImplementedError",
        r"",
        "The exercise is not written yet.",
        "Replace `raise NotImplementedError()` with your code.",
    ),
    _rule(
        "OSError",
        r"Read-only file system",
        "The function's file system is read-only, as on AWS.",
        "Write below `/tmp`.",
        _OWN_DIRECTORY,
    ),
    _rule(
        "PermissionError",
        r"",
        "The function may not touch that file.",
        "It may write below `/tmp` only, as on AWS.",
        _OWN_DIRECTORY,
    ),
    _rule(
        "MemoryError",
        r"",
        "The function asked for more memory than it has.",
        "Raise it with `--memory`, or work on smaller pieces.",
    ),
    _rule(
        "RecursionError",
        r"",
        "A function called itself too many times.",
        "Check that the recursion ends.",
    ),
    _rule(
        "JSONDecodeError",
        r"",
        "A text that should be JSON is not.",
        "Print it to see what came.",
    ),
    _rule(
        "Runtime.ImportModuleError",
        r"No module named '(?P<name>[^']+)'",
        "The function's package does not contain `{name}`.",
        "On AWS only the standard library, boto3 and what you pack are there; the notebook's packages are not.",
    ),
    _rule(
        "Runtime.ImportModuleError",
        r"Cannot find (?:module|package) '(?P<name>(?:@[\w.~-]+/)?[\w.~-]+)'",
        "The function's package does not contain `{name}`.",
        "`--requirements {name}` puts it there, installed by npm.",
    ),
    _rule(
        "Runtime.HandlerNotFound",
        r"Handler '(?P<name>[^']+)' missing",
        "The code has no function `{name}`.",
        "Define it, or name another with `--handler`.",
    ),
    _rule(
        "Runtime.MarshalError",
        r"Object of type (?P<name>\w+) is not JSON serializable",
        "The answer holds a `{name}`, which JSON does not have.",
        "Return dictionaries, lists, text, numbers, true, false and None; turn others into text with `str`.",
    ),
    _rule(
        "Runtime.UserCodeSyntaxError",
        r"",
        "Python cannot read the code.",
        "Mend the marked line and run the cell again.",
    ),
)


def hint(error_type: str, message: str, backend: str = "") -> Hint | None:
    """The advice for an error, or None when no rule fits. `backend` is the isolation it was raised in, if known."""
    kind = error_type.rpartition(".")[2] if not error_type.startswith("Runtime.") else error_type
    for rule in _RULES:
        found = rule.message.search(message) if rule.error_type == kind else None
        if found:
            parts = found.groupdict()
            advice = rule.in_process if backend == "process" else rule.advice
            return Hint(rule.happened.format(**parts), advice.format(**parts))
    return None
