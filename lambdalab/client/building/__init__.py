"""From a cell or a folder to a deployment package: a builder for each language that a cell may be written in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lambdalab.client.building import dotnet_project, files
from lambdalab.client.building.base import Builder, Built, Source
from lambdalab.client.building.dotnet import DotNet
from lambdalab.client.building.go import Go
from lambdalab.client.building.java import Java
from lambdalab.client.building.nodejs import NodeJs
from lambdalab.client.building.python import Python
from lambdalab.client.building.ruby import Ruby
from lambdalab.client.building.script import Script
from lambdalab.errors import BadOption
from lambdalab.model.runtime import Runtime

__all__ = ["Built", "Source", "build", "build_folder", "fetches", "is_folder"]

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


def fetches(runtime: Runtime) -> bool:
    """Whether the packages that a cell requires come with its build, as `Source.requirements`."""
    return runtime.family in _BUILDERS and _BUILDERS[runtime.family].fetches


def is_folder(path: Path) -> bool:
    """Whether a path stands for a whole folder: it is one, or it is the file of a project in it."""
    return path.is_dir() or path.suffix in dotnet_project.KINDS


def build_folder(
    path: Path, runtime: Runtime, architecture: str, handler: str | None, requirements: Sequence[str] = ()
) -> Built:
    """A whole folder as a package: a project of .NET as it is published, everything else as it stands.

    Raises `BadOption` when the handler is not named and cannot be found, and for `requirements` of a runtime whose
    projects name their packages themselves; what `dotnet_project.build` raises.
    """
    project = dotnet_project.file_of(path) if runtime.family == "dotnet" else None
    if fetches(runtime) and requirements:
        name = project.name if project else "its project"
        raise BadOption(
            f"--from {path} is built with the packages that {name} lists: add {', '.join(requirements)} there, with "
            "`dotnet add package`, instead of --requirements."
        )
    if project is not None:
        return dotnet_project.build(dotnet_project.Project(project, runtime, architecture), handler)
    if not path.exists():
        raise BadOption(f"--from {path}: it is not there.")
    if not path.is_dir():
        raise BadOption(f"--from {path}: a project of .NET is for a runtime such as dotnet8, not {runtime.name}.")
    return files.package_of(path, runtime.family, handler)


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
