"""One line of a log as what the person said, apart from what the language's runtime put round it.

A runtime writes the time, the request's id and a level before (or, as JSON, beside) each message. The card tells the
id and the times, and the raw log has all of it, so that a narrow pane may begin with the message.
Sources: the bootstraps of `runtimes/bootstraps/`, and awslambdaric's formatters.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from lambdalab.lines import lines_of

_TIME = r"\d{4}-\d\d-\d\dT[\d:.]+"
_LEVELS = "TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL"
_FORMS = (
    re.compile(rf"\[(?P<level>{_LEVELS})\]\t{_TIME}Z\t\S*\t(?P<words>.*)"),  # Python's logging
    re.compile(  # Node.js's console, and .NET's with its own names of levels
        rf"{_TIME}Z\t[\w-]*\t(?:(?P<level>{_LEVELS}|trce|dbug|info|warn|fail|crit)\t)?(?P<words>.*)"
    ),
    re.compile(rf"[A-Z], \[{_TIME} #\d+\] +(?P<level>[A-Z]+) +(?:[\w-]+ +)?-- (?:: )?(?P<words>.*)"),  # Ruby's Logger
)
_IN_BRACKETS = re.compile(rf"\[(?P<level>{_LEVELS})\] (?P<words>.*)")
"""Java's logger; and Python's report of an error, and what people write like that themselves."""
_AROUND = frozenset({"timestamp", "level", "message", "requestId", "AWSRequestId", "traceId", "stackTrace"})
_OF_DOTNET = {"trce": "TRACE", "dbug": "DEBUG", "info": "INFO", "warn": "WARN", "fail": "ERROR", "crit": "FATAL"}
_OF_DOTNET |= {"Trace": "TRACE", "Debug": "DEBUG", "Information": "INFO"}
_OF_DOTNET |= {"Warning": "WARN", "Error": "ERROR", "Critical": "FATAL"}
"""AWS's words for .NET's levels, which would take half of a pane."""
_LONGEST = 8
"""Letters of a level: a document that somebody printed may have anything there."""
_WEIGHTY = frozenset({"WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"})


@dataclass(frozen=True, slots=True)
class Message:
    """What was said, in one line or more, and its level, empty without one."""

    lines: tuple[str, ...]
    level: str = ""
    said: bool = False
    """Whether the level may be the person's own word, which is always shown."""

    @property
    def needs_level(self) -> bool:
        """Whether the message reads otherwise without its level."""
        return bool(self.level) and (self.said or self.level != "INFO")

    @property
    def weighty(self) -> bool:
        """Whether it is a warning or worse."""
        return self.level in _WEIGHTY


def read(line: str) -> Message:
    """The message of a line; one in no runtime's form is the person's own as it stands."""
    for form in _FORMS:
        if found := form.fullmatch(line):
            return Message((found["words"],), _level(found["level"] or ""))
    if found := _IN_BRACKETS.fullmatch(line):
        return Message((found["words"],), found["level"], said=True)
    return _document(line) or Message((line,))


def _document(line: str) -> Message | None:
    """A line of a JSON log: the message first, then the fields that the person added to it, then a stack trace."""
    if not (line.startswith("{") and '"timestamp"' in line and '"message"' in line):  # most lines: no need to parse
        return None
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):  # what the person printed, or a line that the log's last 4 KB cut
        return None
    if not isinstance(entry.get("level"), str) or "message" not in entry:
        return None
    first, *rest = lines_of(_written(entry["message"])) or [""]
    if entry.get("logger") == "root":  # Python's, where the person named none
        del entry["logger"]
    added = (f"{name}={_written(value)}" for name, value in entry.items() if name not in _AROUND)
    return Message(("  ".join([first, *added]), *rest, *_frames(entry.get("stackTrace"))), _level(entry["level"]))


def _level(word: str) -> str:
    return "" if word == "UNDEFINED" else _OF_DOTNET.get(word, word)[:_LONGEST]  # Java's word for none


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _frames(trace: Any) -> list[str]:
    if not isinstance(trace, list):
        return []
    return [line for frame in trace for line in lines_of(_written(frame))]
