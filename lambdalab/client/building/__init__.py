"""From a cell to a deployment package: a builder for each language that a cell may be written in."""

from __future__ import annotations

from lambdalab.client.building.base import Builder, Built, Source
from lambdalab.client.building.dotnet import DotNet
from lambdalab.client.building.go import Go
from lambdalab.client.building.java import Java
from lambdalab.client.building.nodejs import NodeJs
from lambdalab.client.building.python import Python
from lambdalab.client.building.ruby import Ruby
from lambdalab.client.building.script import Script
from lambdalab.errors import BadOption

__all__ = ["Built", "Source", "build"]

_BUILDERS: dict[str, Builder] = {
    "python": Python(),
    "nodejs": NodeJs(),
    "java": Java(),
    "ruby": Ruby(),
    "dotnet": DotNet(),
}
"""By family of runtimes."""
_PROVIDED: tuple[Builder, ...] = (Script(), Go())
"""OS-only runtimes run what a package brings: the source itself says what it is."""


def build(source: Source) -> Built:
    """The package's files. Raises `BadOption` for a runtime that has no cells, and what the builder raises."""
    return _builder(source).build(source)


def _builder(source: Source) -> Builder:
    family = source.runtime.family
    if family == "provided":
        found = next((builder for builder in _PROVIDED if builder.recognises(source.text)), None)
        if found is not None:
            return found
        raise BadOption(
            f"{source.cell.label} is no program for {source.runtime.name}: begin it with `#!` and it is a script, "
            "or with `package main` and it is Go."
        )
    if family not in _BUILDERS:
        raise BadOption(
            f"the runtime is {source.runtime.name!r}; a cell cannot be in that language in this version of LambdaLab. "
            f"It may be {', '.join(sorted(_BUILDERS))}, or Go or a script for provided.al2023."
        )
    return _BUILDERS[family]
