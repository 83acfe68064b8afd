"""What a C# source says of itself: its types, and which method can be a handler. Nothing is run.

It is read with regular expressions on a text whose comments and literals are blanked. That is no parser: what it does
not see can be named with --handler, and the compiler and the runtime judge the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lambdalab.client.building.base import no_such_handler
from lambdalab.errors import HandlerNotInCell

_BLANKED = re.compile(
    r'"""(?:.|\n)*?"""|\$?@\$?"(?:""|[^"])*"|\$?"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*(?:.|\n)*?\*/'
)
_TOKEN = re.compile(
    r"\bnamespace\s+(?P<namespace>[\w.]+)\s*(?P<ends>[;{])"
    r"|\b(?:class|struct|record(?:\s+class|\s+struct)?)\s+(?P<type>\w+)(?P<generic>\s*<)?[^{;=]*\{"
    r"|\bpublic\s+(?:(?:static|async|virtual|override|sealed|new|unsafe)\s+)*(?P<returns>[\w.<>\[\], ?]+?)\s+"
    r"(?P<method>\w+)\s*\((?P<parameters>[^)]*)\)\s*(?=\{|=>)"
    r"|(?P<brace>[{}])"
)
_USUAL = ("FunctionHandler", "FunctionHandlerAsync", "Handler", "Handle", "HandleAsync")


@dataclass(frozen=True, slots=True)
class Method:
    """A public method: its type by its name in the assembly (`Shop.Orders+Inner`), its own name, its parameters."""

    type: str
    name: str
    parameters: int

    @property
    def handler(self) -> str:
        """`Shop.Orders::Handle`."""
        return f"{self.type}::{self.name}"


def methods(text: str) -> list[Method]:
    """The public methods of all types that are not generic, in the source's order."""
    return list(_methods(_BLANKED.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)))


def find_handler(text: str, wanted: str | None, label: str) -> str:
    """`Type::Method` of the handler. Raises `HandlerNotInCell`, naming the methods it saw."""
    return choose(methods(text), wanted, label)


def choose(found: Sequence[Method], wanted: str | None, label: str) -> str:
    """`Type::Method` of the handler among the methods of one source or several; raises as `find_handler` does."""
    seen = ", ".join(one.handler for one in found) or "no public method of a class"
    if wanted is not None:
        named = [one for one in found if wanted in _ways_to_name(one)]
        if not named:
            raise no_such_handler(f"{label} defines {seen}", wanted, [one.handler for one in found])
        return named[0].handler
    for usual in _USUAL:
        if mine := [one for one in found if one.name == usual]:
            return mine[0].handler
    likely = [one for one in found if one.parameters <= 2]
    if len(likely) == 1:
        return likely[0].handler
    why = f"several could be it: {seen}" if likely else f"{label} defines {seen}"
    raise HandlerNotInCell(
        f"no handler found: {why}. Define a class with `public string FunctionHandler(string input, ILambdaContext "
        "context)`, or name one with --handler NAME."
    )


def _ways_to_name(one: Method) -> set[str]:
    short = re.split(r"[.+]", one.type)[-1]
    return {one.name, one.handler, f"{short}::{one.name}", one.type, short}


def _methods(plain: str) -> Iterator[Method]:
    namespace = ""
    open_: list[tuple[str, str]] = []  # what each brace opened: ("namespace" | "type" | "generic" | "", its name)
    for found in _TOKEN.finditer(plain):
        if found["namespace"]:
            if found["ends"] == ";":
                namespace = f"{found['namespace']}."
            else:
                open_.append(("namespace", found["namespace"]))
        elif found["type"]:
            open_.append(("generic" if found["generic"] else "type", found["type"]))
        elif found["brace"] == "{":
            open_.append(("", ""))
        elif found["brace"] == "}":
            open_[-1:] = []
        elif open_ and open_[-1][0] == "type" and "generic" not in {kind for kind, _ in open_}:
            spaces = "".join(f"{name}." for kind, name in open_ if kind == "namespace")
            type_ = "+".join(name for kind, name in open_ if kind == "type")
            parameters = found["parameters"].strip()
            yield Method(f"{namespace}{spaces}{type_}", found["method"], _count(parameters))


def _count(parameters: str) -> int:
    flat = parameters
    while (less := re.sub(r"<[^<>]*>", "", flat)) != flat:
        flat = less
    return flat.count(",") + 1 if flat else 0
