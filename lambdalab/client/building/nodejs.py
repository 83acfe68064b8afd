"""JavaScript for Node.js: the cell is `index.mjs`, or `index.js` when it is CommonJS. Node checks it, if it is here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from lambdalab.client.building import cache
from lambdalab.client.building.base import Builder, Built, CellSyntaxError, Source, no_such_handler, taken_for_handler
from lambdalab.client.building.javascript_source import Exports, exports
from lambdalab.errors import HandlerNotInCell

_MODULE = "index"
"""AWS's console gives new functions the same name."""
_USUAL = ("handler", "lambdaHandler", "main")
_PLACE = re.compile(r"^(?:file://)?/\S*?/index\.m?js:(?P<line>\d+)$", re.MULTILINE)
_SECONDS = 30


class NodeJs(Builder):
    """The text to the byte, as one module. `import` or `export` makes it an ES module."""

    def build(self, source: Source) -> Built:
        """The module. `handler` may be the function's name alone."""
        seen = exports(source.text)
        main = f"{_MODULE}.mjs" if seen.es_module else f"{_MODULE}.js"
        _check(source, main)
        name = find_handler(seen, source.handler, source.cell.label)
        notes = taken_for_handler(name, _USUAL, source)
        return Built({main: source.text.encode()}, f"{_MODULE}.{name}", main, notes=notes)


def find_handler(seen: Exports, wanted: str | None = None, label: str = "the cell") -> str:
    """The name of the handler that a module exports.

    `wanted`, with or without the module before it, or what it is inside of, must be there, unless there may be more
    than was seen: then the region says whether it is. Without it `handler`, `lambdaHandler` or `main`; else the only
    export. Raises `HandlerNotInCell` naming the exports that were seen.
    """
    names = seen.names
    if wanted is not None:
        name = wanted.removeprefix(f"{_MODULE}.")
        if names and seen.complete and name.partition(".")[0] not in names:
            raise no_such_handler(f"{label} exports {', '.join(names)}", wanted, names)
        return name
    usual = next((name for name in _USUAL if name in names), None)
    if usual is not None:
        return usual
    if len(names) == 1:
        return names[0]
    why = f"several could be it: {', '.join(names)}" if names else f"no export was seen in the text of {label}"
    raise HandlerNotInCell(
        f"no handler found: {why}. Write `export const handler = async (event, context) => {{ ... }};` "
        "(`exports.handler = ...` where `require` is used), or name one with --handler NAME."
    )


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
    release = int(runtime.version.partition(".")[0])  # the oldest runtimes' are two numbers: 8.10
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
        if version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= release:
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
