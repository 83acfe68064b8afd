"""What runs each family of runtimes on a machine: `catalogue.json`, read.

A new release of a language is a line in `model/runtimes.json`; a new place to find it, or a new way to get it,
is a word in this catalogue. Neither is code.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lambdalab.model import runtime
from lambdalab.model.runtime import Runtime

_FILE = Path(__file__).with_name("catalogue.json")


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """How a family's interpreters are called, found, asked for their version, and got.

    `{version}` stands for the runtime's ("3.12"), `{digits}` for its digits alone, `{python}` in `get` for the Python
    whose packages are looked through; `places` are patterns of directories. `answer` is searched for in what the
    executable says when started with `ask`: its group `version` is compared, `full`, `prefix` and `executable` are
    kept. `image` is the name below the registry's prefix.
    """

    name: str
    executables: tuple[str, ...]
    places: tuple[str, ...]
    ask: tuple[str, ...]
    answer: re.Pattern[str]
    get: tuple[Way, ...]
    image: str

    @property
    def brings_its_own(self) -> bool:
        """Whether the function's package holds the program: no interpreter is needed."""
        return not self.executables


@dataclass(frozen=True, slots=True)
class Way:
    """A command that brings an interpreter, of every version `but` those: their source has none, or no longer."""

    command: str
    but: tuple[str, ...] = ()

    def __str__(self) -> str:
        # A release of Debian or Ubuntu has one or two versions of a language, and apt takes half a second to ask.
        return f"`{self.command}`{' (where your release has it)' if self.command.startswith('apt ') else ''}"


@cache
def families() -> dict[str, FamilyFacts]:
    """All families, by name."""
    return {
        name: FamilyFacts(
            name,
            tuple(facts["executables"]),
            tuple(facts["places"]),
            tuple(facts["ask"]),
            re.compile(facts["answer"]),
            tuple(_way(one) for one in facts["get"]),
            facts["image"],
        )
        for name, facts in json.loads(_FILE.read_text()).items()
    }


def _way(one: str | Mapping[str, Any]) -> Way:
    return Way(one) if isinstance(one, str) else Way(one["command"], tuple(one["but"]))


def family(found: Runtime) -> FamilyFacts:
    """The family of a runtime."""
    return families()[found.family]


def filled(pattern: str, found: Runtime) -> str:
    """A pattern of the catalogue with the runtime's version in it; `release` is what its name has of that: 8.al2."""
    release = re.sub(r"^[a-z]+\.?", "", found.name).removesuffix(".x")
    digits = re.sub(r"\D", "", found.version)
    return pattern.replace("{version}", found.version).replace("{release}", release).replace("{digits}", digits)


def how_to_get(name: str) -> str:
    """The commands that bring a runtime's interpreter, in a sentence."""
    found = runtime.known()[name]
    python = shlex.quote(sys.executable or "python")
    ways = (way for way in family(found).get if found.version not in way.but)
    commands = [str(Way(filled(way.command.replace("{python}", python), found))) for way in ways]
    if not commands:
        return "It needs no interpreter."
    return f"Get it with {', '.join(commands[:-1])}{' or ' if len(commands) > 1 else ''}{commands[-1]}."


def image(name: str, prefix: str) -> str:
    """The image of a runtime below a registry's prefix, such as `public.ecr.aws/lambda`."""
    found = runtime.known()[name]
    return (
        f"{prefix.rstrip('/')}/{filled(family(found).image, found)}" if prefix else filled(family(found).image, found)
    )


def variable(name: str) -> str:
    """The environment variable that names a runtime's interpreter: `LAMBDALAB_RUNTIME_NODEJS20_X`."""
    return f"LAMBDALAB_RUNTIME_{name.upper().replace('.', '_')}"
