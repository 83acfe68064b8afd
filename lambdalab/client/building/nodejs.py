"""JavaScript for Node.js: the cell is `index.mjs`, or `index.js` when it is CommonJS. Node checks it, if it is here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lambdalab.client.building import cache
from lambdalab.client.building.base import Builder, Built, CellSyntaxError, Source
from lambdalab.errors import HandlerNotInCell

_MODULE = "index"
"""AWS's console gives new functions the same name."""
_USUAL = ("handler", "lambdaHandler", "main")
_NAME = r"(?P<name>[A-Za-z_$][\w$]*)"
_EXPORTS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"^export\s+(?:async\s+)?function\s*\*?\s*{_NAME}",
        rf"^export\s+(?:const|let|var|class)\s+{_NAME}",
        rf"^(?:module\.)?exports\.{_NAME}\s*=[^=]",
    )
)
_LISTS = (
    re.compile(r"^export\s*\{(?P<names>[^}]*)\}", re.MULTILINE),
    re.compile(r"^module\.exports\s*=\s*\{(?P<names>[^}]*)\}", re.MULTILINE),
)
_ES_MODULE = re.compile(r"^(?:export\b|import\s*[\w{*'\"])", re.MULTILINE)
_COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
_PLACE = re.compile(r"^(?:file://)?/\S*?/index\.m?js:(?P<line>\d+)$", re.MULTILINE)
_SECONDS = 30


class NodeJs(Builder):
    """The text to the byte, as one module. `import` or `export` at the start of a line make it an ES module."""

    def build(self, source: Source) -> Built:
        """The module. `handler` may be the function's name alone."""
        wanted = source.handler and source.handler.removeprefix(f"{_MODULE}.")
        main = f"{_MODULE}.mjs" if _ES_MODULE.search(source.text) else f"{_MODULE}.js"
        _check(source, main)
        name = find_handler(source.text, wanted, source.cell.label)
        return Built({main: source.text.encode()}, f"{_MODULE}.{name}", main)


def find_handler(text: str, wanted: str | None = None, label: str = "the cell") -> str:
    """The name of the handler that a module exports.

    `wanted` must be there, or be inside of what is there; else `handler`, `lambdaHandler` or `main`; else the only
    export. Raises `HandlerNotInCell` naming the exports it saw.
    """
    names = exported(text)
    if wanted is not None:
        if wanted.partition(".")[0] not in names:
            raise HandlerNotInCell(f"--handler is {wanted!r}, but {label} exports {_listed(names)}.")
        return wanted
    usual = next((name for name in _USUAL if name in names), None)
    if usual is not None:
        return usual
    if len(names) == 1:
        return names[0]
    why = f"several could be it: {', '.join(names)}" if names else f"{label} exports nothing"
    raise HandlerNotInCell(
        f"no handler found: {why}. Write `export const handler = async (event, context) => {{ ... }};`, "
        "or name one with --handler NAME."
    )


def exported(text: str) -> list[str]:
    """The names that a module exports, as far as its text says so at the start of lines; in order."""
    # A comment's lines stay lines; what they say does not count.
    text = _COMMENTS.sub(lambda found: "\n" * found[0].count("\n"), text)
    found = [(match.start(), match["name"]) for pattern in _EXPORTS for match in pattern.finditer(text)]
    for pattern in _LISTS:
        for match in pattern.finditer(text):
            found += [(match.start(), name) for one in match["names"].split(",") if (name := _outside(one))]
    return list(dict.fromkeys(name for _, name in sorted(found, key=lambda one: one[0])))


def _outside(one: str) -> str:
    """The name under which `a`, `a as b` or `b: a` is seen from outside."""
    name = one.rpartition(" as ")[2].partition(":")[0].strip()
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name) else ""


def _check(source: Source, main: str) -> None:
    """Nothing, or Node's own words about the syntax. Without a Node that knows as much, the region says it."""
    found = _node(source)
    if found is None:
        return
    node, release = found

    def check(directory: Path) -> None:
        (directory / main).write_text(source.text)
        done = subprocess.run(
            [node, "--check", main], cwd=directory, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode != 0:
            raise _refusal(done.stderr, source)

    cache.made("nodejs", (source.text, main, release), check)


def _node(source: Source) -> tuple[str, str] | None:
    """A Node of the runtime's release or a newer one, and its version."""
    runtime = source.runtime
    named = os.environ.get(f"LAMBDALAB_RUNTIME_{runtime.name.upper().replace('.', '_')}")
    for candidate in (named, shutil.which(f"node{runtime.version}"), shutil.which("node")):
        if candidate is None:
            continue
        try:
            said = subprocess.run(
                [candidate, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        version = said.stdout.strip().removeprefix("v")
        if version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= int(runtime.version):
            return candidate, version
    return None


def _refusal(said: str, source: Source) -> CellSyntaxError:
    """Node shows the file and line, the line's text, a caret below it, and then the error."""
    cell, lines = source.cell, said.splitlines()
    place = _PLACE.search(said)
    error = next((line for line in lines if re.match(r"\w*Error\b", line)), "SyntaxError")
    if place is None:
        return CellSyntaxError(f"{cell.label}: {error}")
    line = int(place["line"]) + cell.first_line - 1
    shown = said[place.end() :].lstrip("\n").splitlines()
    caret = shown[1].find("^") if len(shown) > 1 else -1
    text = f"\n    {shown[0].strip()}" if shown else ""
    message = error.removeprefix("SyntaxError: ")
    return CellSyntaxError(f"{cell.label}, line {line}: {message}{text}", line, caret + 1 if caret >= 0 else 1)


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "nothing"
