"""Runtimes as people name them: by a language alone, in another spelling, or a release that Lambda does not have.

One rule for all languages: what names no runtime is refused with the one to take. That is the release that was meant,
where AWS creates it; else the newest of the language that AWS creates today and that runs here; else the newest.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambdalab.client.building.base import CellSyntaxError
from lambdalab.client.cell import CellSource
from lambdalab.client.session import Session
from lambdalab.errors import BadOption
from lambdalab.lines import lines_of
from lambdalab.model import runtime as runtimes
from lambdalab.model.runtime import Runtime

GO = "go"
"""What people write for Go source: a custom runtime, as on AWS today."""
_GO_RUNS_ON = "provided.al2023"


@dataclass(frozen=True, slots=True)
class Offer:
    """A runtime that AWS creates today; `runs`: this region's machine has what runs it."""

    name: str
    runs: bool


Offers = Callable[[str], Sequence[Offer]]
"""A family's offers, the newest first. Asked only when a name is refused: finding out what runs here takes time."""


@dataclass(frozen=True, slots=True)
class _Language:
    """`names` are how it is called, in small letters; `more` what a person who calls it so should know."""

    title: str
    family: str
    names: tuple[str, ...]
    more: str = ""


_LANGUAGES = (
    _Language("Python", "python", ("python", "py", "cpython")),
    _Language("Node.js", "nodejs", ("nodejs", "node", "node.js", "javascript", "js")),
    _Language("Node.js", "nodejs", ("typescript", "ts"), "A cell is JavaScript: compile TypeScript first."),
    _Language("Java", "java", ("java", "jdk", "openjdk")),
    _Language("Ruby", "ruby", ("ruby", "rb")),
    _Language(".NET", "dotnet", ("dotnet", ".net", "net", "dotnetcore", "c#", "csharp", "cs")),
    _Language("Go", GO, ("go", "golang")),
    _Language(
        "custom runtimes",
        "provided",
        ("provided", "provided.al", "custom", "bash", "shell", "sh", "script"),
        "There a cell is a script that begins with `#!`, or Go (--runtime go).",
    ),
)
_JAVASCRIPT = re.compile(
    r"""\s*(?:export\s+(?:default|const|let|var|async|function|class)\b|export\s*\{
    |import\s*[{*]|import\b[^'"]*\bfrom\s*['"]|import\s*['"]
    |(?:const|let|var)\s+[\w${\[][^=]*=|(?:async\s+)?function(?:\s+|\s*\*\s*)[\w$]+\s*\(
    |(?:module\.)?exports(?:\.[\w$]+)?\s*=\s*(?:async\b|function\b|\(.*=>)|module\.exports\s*=\s*\{)""",
    re.VERBOSE,
)
"""How lines begin that no Python has."""
_COMMENT = re.compile(r"\s*(?://|/\*)")
_SHAPE = re.compile(r"(?P<name>\D*?)[\s_.-]*v?(?P<release>\d.*)?")
_NEAR = 0.7


def offers_of(session: Session) -> Offers:
    """The offers of a region."""

    def ask(family: str) -> Sequence[Offer]:
        answer = session.call("GET", "/_lambdalab/runtimes", query={"family": family}, service="lambdalab")
        return [Offer(**one) for one in json.loads(answer.body)["runtimes"]]

    return ask


def runtime(name: str, offers: Offers) -> Runtime:
    """The runtime of that name; "go" is provided.al2023. Raises `BadOption` for what names none, with the one to take.

    One that AWS had and refuses by now is known too: the region tells its successor.
    """
    found = runtimes.known().get(_GO_RUNS_ON if name == GO else name)
    if found is not None and found.version and found.name != runtimes.GO:
        return found
    raise BadOption(f"the runtime is {name!r}{_way_on(name, offers)}")


def released(words: str) -> str:
    """The runtime that a language and its release name together, such as `python 3.12`; "" where there is none."""
    shape = _SHAPE.fullmatch(words.strip().lower())
    language = _language(shape["name"]) if shape else None
    if shape is None or language is None:
        return ""
    created = (one for one in runtimes.known().values() if one.family == language.family and not one.blocked)
    return _released(shape["release"], [Offer(one.name, runs=False) for one in created]) or ""


def another(error: CellSyntaxError, cell: CellSource, kind: Runtime, offers: Offers) -> str:
    """What to take instead where Python stumbled over a line that is JavaScript and nothing else; "" elsewhere."""
    lines = lines_of(cell.text)
    at = error.line - cell.first_line
    if kind.family != "python" or not 0 <= at < len(lines):
        return ""
    if not (_JAVASCRIPT.match(lines[at]) or (_COMMENT.match(lines[at]) and any(map(_JAVASCRIPT.match, lines)))):
        return ""
    take = _take(offers("nodejs"), "Node.js")
    return f"That is JavaScript, and a cell is Python unless --runtime says otherwise. {take}"


def _way_on(name: str, offers: Offers) -> str:
    if name == runtimes.GO:
        return f", which AWS ended. Write --runtime go: Go is compiled for {_GO_RUNS_ON}, as on AWS today."
    shape = _SHAPE.fullmatch(name.strip().lower())
    language = _language(shape["name"]) if shape else None
    if shape is None or language is None:
        return (
            ", which Lambda does not have. It has runtimes for Python, Node.js, Java, Ruby and .NET; Go (--runtime go)"
            f" and programs of other languages run on {_GO_RUNS_ON}."
        )
    if language.family == GO:
        return f", which Lambda does not have. Write --runtime go: Go is compiled for {_GO_RUNS_ON}."
    there = offers(language.family)
    meant = _released(shape["release"], there)
    if meant is not None:
        return f", which Lambda does not have. Did you mean {meant}?"
    why = ", which Lambda does not have" if shape["release"] else ", a name without a release"
    return " ".join(part for part in (f"{why}.", _take(there, language.title), language.more) if part)


def _language(name: str) -> _Language | None:
    """The language that is called so, or nearly so."""
    by_name = {known: language for language in _LANGUAGES for known in language.names}
    near = [name] if name in by_name else difflib.get_close_matches(name, by_name, n=1, cutoff=_NEAR)
    return by_name[near[0]] if near else None


def _released(release: str | None, there: Sequence[Offer]) -> str | None:
    """The offer of that release, whether it is written 3.12, 312 or, of 22, 22.11.0."""
    written = re.match(r"[\d.]*", release or "")
    digits = written[0].strip(".") if written else ""
    for one in there:
        version = runtimes.known()[one.name].version
        if (digits and digits in {version, version.replace(".", "")}) or digits.startswith(f"{version}."):
            return one.name
    return None


def _take(there: Sequence[Offer], title: str) -> str:
    runs = next((one.name for one in there if one.runs), None)
    if runs is not None:
        return f"Take {runs}, the newest of {title} that runs here."
    return (
        f"Take {there[0].name}, the newest of {title} that Lambda has. None of them runs here yet: `%lambda doctor` "
        "says how to get one."
    )
