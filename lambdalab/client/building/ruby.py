"""Ruby: the cell is `lambda_function.rb`. The handler is found by reading the source, never by running it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from lambdalab.client.building.base import Builder, Built, CellSyntaxError, Source, no_such_handler
from lambdalab.errors import HandlerNotInCell
from lambdalab.lines import lines_of

_FILE = "lambda_function"
"""The file that a cell becomes: AWS's console gives new functions the same name."""
_USUAL = ("handler", "lambda_handler", "main")
_OPENS = re.compile(r"^(?P<indent>\s*)(?:class|module)\s+(?P<name>[A-Z][\w:]*)")
_METHOD = re.compile(r"^(?P<indent>\s*)def\s+(?P<self>self\.)?(?P<name>\w+[?!]?)(?P<rest>.*)$")
_KEYWORDS = re.compile(r"\bevent:|\*\*")
_COMPLAINT = re.compile(r"^-:(?P<line>\d+): (?P<what>.*)$", re.MULTILINE)
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class _Method:
    """A method that a handler can name: `method`, or `Module::Class.method`."""

    name: str
    takes_event: bool


class Ruby(Builder):
    """The text to the byte, as one file."""

    def build(self, source: Source) -> Built:
        """The file. `handler` may be the method's name alone. Ruby itself checks the syntax where it is at hand."""
        _check(source)
        name = _find(source.text, source.handler, source.cell.label)
        main = f"{_FILE}.rb"
        return Built({main: source.text.encode()}, f"{_FILE}.{name}", main)


def _find(text: str, wanted: str | None, label: str) -> str:
    methods = list(_methods(text))
    names = [one.name for one in methods]
    seen = ", ".join(names) if names else "no method"
    if wanted is not None:
        name = wanted.removeprefix(f"{_FILE}.")
        if name not in names:
            raise no_such_handler(f"{label} defines {seen}", wanted, names)
        return name
    for usual in _USUAL:
        if usual in names:
            return usual
    likely = [one.name for one in methods if one.takes_event]
    if len(likely) == 1:
        return likely[0]
    why = f"several could be it: {', '.join(likely)}" if likely else f"{label} defines {seen}"
    raise HandlerNotInCell(
        f"no handler found: {why}. Define `def handler(event:, context:)`, or name one with --handler NAME."
    )


def _methods(text: str) -> Iterator[_Method]:
    """Methods of the top level, and those of modules and classes themselves. Where they end is told by indentation."""
    open_: list[tuple[int, str]] = []
    for line in _code(text):
        if found := _OPENS.match(line):
            indent = len(found["indent"])
            open_ = [one for one in open_ if one[0] < indent]
            open_.append((indent, found["name"]))
        elif found := _METHOD.match(line):
            indent = len(found["indent"])
            open_ = [one for one in open_ if one[0] < indent]
            inside = "::".join(name for _, name in open_)
            if bool(inside) == bool(found["self"]):
                name = f"{inside}.{found['name']}" if inside else found["name"]
                yield _Method(name, _KEYWORDS.search(found["rest"]) is not None)


def _code(text: str) -> Iterator[str]:
    """The lines that are no block comment and no data."""
    comment = False
    for line in lines_of(text):
        if line == "__END__":
            return
        comment = line.startswith("=begin") or (comment and not line.startswith("=end"))
        if not comment:
            yield line


def _check(source: Source) -> None:
    """Raise Ruby's own complaint at the cell's lines, where a Ruby of the runtime's release is on this machine."""
    ruby = _ruby(source.runtime.version)
    if ruby is None:
        return
    done = _run([ruby, "-c", "-"], source.text)
    if done is None or done.returncode == 0:
        return
    first = _COMPLAINT.search(done.stderr)
    line = int(first["line"]) + source.cell.first_line - 1 if first else 0
    words = first["what"] if first else done.stderr.strip()
    raise CellSyntaxError(f"{source.cell.label}, line {line}: {words}", line)


def _ruby(version: str) -> str | None:
    named = os.environ.get(f"LAMBDALAB_RUNTIME_RUBY{version.replace('.', '_')}") or shutil.which(f"ruby{version}")
    if named:
        return named
    plain = shutil.which("ruby")
    said = _run([plain, "--version"], "") if plain else None
    return plain if said is not None and said.stdout.startswith(f"ruby {version}.") else None


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
