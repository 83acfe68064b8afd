"""What the C# compiler, MSBuild and NuGet say of a failure, as one error at the cell's lines or the project's files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from lambdalab.client.building.base import CellSyntaxError, NotBuilt
from lambdalab.client.cell import CellSource
from lambdalab.errors import LabError, NotInstalled
from lambdalab.toolchains.csharp import Diagnostic

_OF_COMPILERS = re.compile(r"(?:CS|FS|BC)\d+: ")
"""How the errors of the compilers of C#, F# and Visual Basic begin."""
_SHOWN = 20
_UNREACHABLE = re.compile(r"NU1301\b|Unable to load the service index|NU1900\b")


def refused(
    errors: Sequence[Diagnostic], root: Path, cell: CellSource | None = None, main: str = ""
) -> CellSyntaxError:
    """The compiler's complaints of files below `root`; `main` is the one that the cell became."""
    words, line, column = [], 0, 0
    for one in errors:
        name = _name(one, root)
        if cell is not None and name == main:
            place = one.line + cell.first_line - 1
            line, column = (line, column) if line else (place, one.column)
            words.append(f"{cell.label}, line {place}: {one.text}")
        elif name:
            words.append(f"{name}, line {one.line}: {one.text}" if one.line else f"{name}: {one.text}")
        else:
            words.append(one.text)
    return CellSyntaxError("\n".join(words[:_SHOWN]), line, column)


def not_published(
    errors: Sequence[Diagnostic], root: Path, framework: str, cell: CellSource | None = None, main: str = ""
) -> LabError:
    """Why `dotnet publish` failed: the compiler's complaints, or without any NuGet's or MSBuild's, and what helps."""
    of_sources = [one for one in errors if _OF_COMPILERS.match(one.text)]
    if of_sources:
        return refused(of_sources, root, cell, main)
    words = "\n".join(dict.fromkeys(one.text for one in errors[:_SHOWN]))
    if _UNREACHABLE.search(words):
        return NotInstalled(
            f"NuGet could not reach the place it gets packages from: {words}\nWhere that is, NuGet's own configuration "
            "says (`!dotnet nuget list source`). A package whose version is given exactly, such as Humanizer@2.14.1, "
            "needs no network once NuGet's cache has it (`!dotnet nuget locals global-packages --list`)."
        )
    code = words.partition(":")[0]
    if code.startswith("NU"):
        return NotInstalled(f"NuGet could not get the packages. {words}\n{_ADVICE.get(code, _LOOK)}")
    advice = f"\n{_FRAMEWORK.format(framework=framework)}" if code in _OTHER_FRAMEWORK else ""
    return NotBuilt(f"dotnet publish failed. {words}{advice}")


def _name(one: Diagnostic, root: Path) -> str:
    """The file's path below the root, or its name where it is elsewhere; nothing for a tool, such as CSC."""
    path = Path(one.file)
    if not path.suffix:
        return ""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


_LOOK = "Where NuGet looks, its own configuration says: `!dotnet nuget list source`."
_ADVICE = {
    "NU1101": f"Check the name. {_LOOK}",
    "NU1102": "Check the version; `!dotnet package search NAME --exact-match` lists those there are.",
    "NU1103": "Only versions before a release are there: name one, such as NAME@1.0.0-beta.1.",
    "NU1605": "Name that package too, with the higher version.",
    "NU1202": "Take a version of the package that is for this .NET.",
}
_OTHER_FRAMEWORK = ("NETSDK1005", "NETSDK1013", "NETSDK1045", "NETSDK1047")
_FRAMEWORK = (
    "The runtime runs {framework}: the project's TargetFramework has to be that, and its global.json, if it has one, "
    "has to allow an SDK for it."
)
