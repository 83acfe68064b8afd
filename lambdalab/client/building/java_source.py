"""What a Java source says of itself: its package, its classes, and which method can be a handler. Nothing is run.

It is read with regular expressions on a text whose comments and literals are blanked. That is no parser: what it does
not see (a handler that is inherited, say) can be named with --handler, and javac judges the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambdalab.client.building.base import no_such_handler
from lambdalab.errors import HandlerNotInCell

_BLANKED = re.compile(r'"""(?:\\.|[^\\])*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_KIND = re.compile(r"(?P<modifiers>(?:\b(?:public|static|final|abstract|sealed|private|protected)\s+)*)"
                   r"\b(?P<kind>class|record|enum|interface)\s+(?P<name>\w+)(?P<head>[^{;]*)\{")  # fmt: skip
_METHOD = re.compile(
    r"\bpublic\s+(?:(?:static|final|synchronized)\s+)*(?:<[^>]*>\s*)?(?P<type>[\w.<>\[\], ?]+?)\s+(?P<name>\w+)\s*"
    r"\((?P<parameters>[^)]*)\)\s*(?:throws\s+[\w., ]+)?\{"
)
_INTERFACE = re.compile(r"\bimplements\b.*\bRequest(?:Stream)?Handler\b", re.DOTALL)
_USUAL = ("handleRequest", "handler", "handle")


@dataclass(frozen=True, slots=True)
class JavaClass:
    """A class by its binary name in its file (`Outer$Inner`), and the names of its public methods, in order."""

    name: str
    is_public: bool
    is_handler: bool
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JavaSource:
    """One source file: its package ("" for none) and its classes, the outer ones before those in them."""

    package: str
    classes: tuple[JavaClass, ...]

    @classmethod
    def read(cls, text: str) -> JavaSource:
        """What the text declares."""
        plain = _BLANKED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
        package = _PACKAGE.search(plain)
        return cls(package[1] if package else "", tuple(_classes(plain)))

    @property
    def path(self) -> str:
        """Where the file belongs: its package's directories, and the name of its public class, else of the first."""
        outer = [one for one in self.classes if "$" not in one.name]
        first = next((one for one in outer if one.is_public), outer[0] if outer else None)
        return "/".join([*self.package.split("."), f"{first.name if first else 'Main'}.java"]).lstrip("/")

    def handler(self, wanted: str | None, label: str) -> str:
        """The handler's string, `package.Class::method`. Raises `HandlerNotInCell`, naming what it saw."""
        if wanted is not None:
            return self._named(wanted, label)
        implementing = [one for one in self.classes if one.is_handler]
        if len(implementing) == 1:
            return f"{self._full(implementing[0])}::handleRequest"
        if implementing:
            raise HandlerNotInCell(f"several classes of {label} could be it: {_names(implementing)}. {_REMEDY}")
        for usual in _USUAL:
            having = [one for one in self.classes if usual in one.methods]
            if len(having) == 1:
                return f"{self._full(having[0])}::{usual}"
        only = [(one, name) for one in self.classes if one.is_public for name in one.methods]
        if len(only) == 1:
            return f"{self._full(only[0][0])}::{only[0][1]}"
        saw = f"{label} defines {_names(self.classes)}" if self.classes else f"{label} defines no class"
        raise HandlerNotInCell(f"no handler found: {saw}. {_REMEDY}")

    def _named(self, wanted: str, label: str) -> str:
        """`Class`, `Class::method` or `method`, the class with or without its package."""
        name, _, method = wanted.partition("::")
        for one in self.classes:
            if name in {one.name, self._full(one), one.name.replace("$", ".")}:
                return f"{self._full(one)}::{method}" if method else self._full(one)
        having = [one for one in self.classes if not method and wanted in one.methods]
        if len(having) == 1:
            return f"{self._full(having[0])}::{wanted}"
        if "." in name:  # a class of a jar, or of another file
            return wanted
        names = [f"{one.name}::{method}" for one in self.classes for method in one.methods]
        raise no_such_handler(f"{label} defines {_names(self.classes) or 'no class'}", wanted, names)

    def _full(self, one: JavaClass) -> str:
        return f"{self.package}.{one.name}" if self.package else one.name


_REMEDY = (
    "Write a class that implements RequestHandler<In, Out>, or a public method `handleRequest(In event, Context "
    "context)`, or name one with --handler CLASS::METHOD."
)


def _names(classes: tuple[JavaClass, ...] | list[JavaClass]) -> str:
    return ", ".join(f"{one.name} ({', '.join(one.methods)})" if one.methods else one.name for one in classes)


def _classes(plain: str) -> list[JavaClass]:
    found: list[JavaClass] = []
    open_until: list[tuple[int, str]] = []
    for match in _KIND.finditer(plain):
        start, end = match.end(), _closing(plain, match.end())
        open_until = [(until, name) for until, name in open_until if until > match.start()]
        name = f"{open_until[-1][1]}${match['name']}" if open_until else match["name"]
        open_until.append((end, name))
        if match["kind"] == "interface":
            continue
        methods = dict.fromkeys(one["name"] for one in _METHOD.finditer(_own(plain[start:end])))
        is_handler = "abstract" not in match["modifiers"] and _INTERFACE.search(match["head"]) is not None
        found.append(JavaClass(name, "public" in match["modifiers"], is_handler, tuple(methods)))
    return found


def _closing(plain: str, start: int) -> int:
    """Where the block that opened before `start` closes."""
    depth = 1
    for at in range(start, len(plain)):
        depth += {"{": 1, "}": -1}.get(plain[at], 0)
        if depth == 0:
            return at
    return len(plain)


def _own(body: str) -> str:
    """A class's body without what stands in its methods and inner classes, whose braces stay."""
    kept, depth = [], 0
    for char in body:
        depth -= char == "}"
        kept.append(char if depth == 0 else " ")
        depth += char == "{"
    return "".join(kept)
