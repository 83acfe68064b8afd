"""What a runtime itself wrote into a function's log of an error: the card tells the error, so its lines need not.

Each language's runtime has its own form. A failed init runs a second time within the call, as on AWS, and writes all
that it wrote once more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from lambdalab.lines import lines_of
from lambdalab.notebook.views.shapes import CallError

_FIRST_INIT = re.compile(r"^INIT_REPORT .*\tPhase: init\tStatus: error\b.*\n?", re.MULTILINE)
_GOES_ON = re.compile(r"Traceback \(most recent call last\):|[\s{}\]]|$")
"""How the lines below a report's first one begin. What caused the error is told nowhere else, so that it stays."""


def last_run(log: str) -> str:
    """The log without the first of two runs of init."""
    *_, last = _FIRST_INIT.split(log)
    return last


def without_report(lines: Sequence[str], error: CallError) -> list[str]:
    """The lines without those in which the runtime reported this error, the last that it reported."""
    reports = list(_report(error).finditer("\n".join(lines)))
    if not reports:
        return list(lines)
    first = "\n".join(lines)[: reports[-1].start()].count("\n")
    own = [reports[-1]["own"]] if reports[-1]["own"] else []
    again = {*lines_of(error.message), *_first_lines(error)}
    end = first + 1
    while end < len(lines) and (_GOES_ON.match(lines[end]) or lines[end] in again):
        end += 1
    return [*lines[:first], *own, *lines[end:]]


def _first_lines(error: CallError) -> tuple[str, ...]:
    """How Python's report goes on after its warning, and Java's after its message."""
    first, *_ = lines_of(error.message) or [""]
    last = (lines_of(error.message) or [""])[-1]
    return f"[ERROR] {error.type}: {first}", f"{last}: {error.type}", error.type, f"{error.type}: {first}"


def _report(error: CallError) -> re.Pattern[str]:
    """The beginning of a report of this error, in the form of any language."""
    kind, said = re.escape(error.type), re.escape(error.message)
    coded = "|".join({re.escape(json.dumps(error.message, ensure_ascii=ascii_)[1:-1]) for ascii_ in (True, False)})
    forms = (
        rf"(?:\[WARNING\]\t[^\n]*\tLAMBDA_WARNING: Unhandled exception\.[^\n]*\n)?\[ERROR\] {kind}: {said}$",
        rf"\S+Z\t\S*\tERROR\t(?:Invoke Error|Uncaught Exception) \t[^\n]*\"errorMessage\":\"(?:{coded})\"",
        rf"(?:Error raised from handler method|Init error when loading handler [^\n]*)\n\{{\n[^\n]*\"(?:{coded})\",$",
        rf"{said}: {kind}$",
        rf"\S+Z\t\S*\tfail\t(?:[\w.]+\.)?{kind}: {said}$",
        rf"\{{[^\n]*\"errorMessage\": ?\"(?:{coded})\"",
    )
    behind = rf"(?P<own>[^\n]+?)\[ERROR\] {kind}: {said}$"  # a line that the handler had not ended
    return re.compile("|".join(rf"^(?:{form})" for form in (*forms, behind)), re.MULTILINE)
