"""NuGet's packages that a cell asks for, and the project that refers to them.

They are written as `dotnet package add` takes them, `Name` or `Name@Version`; pip's `Name==Version` says the same. A
version may be exact, such as `13.0.3`, float, such as `13.*`, or be a range of NuGet's, such as `[13.0,14)`. Without
one it is the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from lambdalab.errors import BadOption

_WORD = re.compile(r"(?P<name>[A-Za-z0-9_][\w.-]*)(?:(?:@|==)(?P<version>[\w.*+-]+|[\[(][\w.*+, -]*[\])]))?")
_SPACE_BEFORE_NAME = re.compile(r"\s+(?=[A-Za-z_])")
_FILES = (".csproj", ".fsproj", ".vbproj", ".props", ".config", ".json", ".txt")


@dataclass(frozen=True, slots=True)
class Reference:
    """A package by its name, and a version as NuGet reads it."""

    name: str
    version: str = "*"


USUAL = (Reference("Amazon.Lambda.Core", "2.8.0"), Reference("Amazon.Lambda.Serialization.SystemTextJson", "2.4.4"))
"""What every function of C# refers to; the versions of AWS's own template for .NET 8, which newer releases take too."""


def references(words: Sequence[str]) -> tuple[Reference, ...]:
    """The packages that `words` name, and the usual ones that they do not name.

    Each word is one, or several with spaces between. Raises `BadOption` for what is none.
    """
    named = [_reference(part) for word in words for part in _SPACE_BEFORE_NAME.split(word.strip()) if part]
    if not named:
        raise BadOption("--requirements names nothing to install; write for example --requirements Humanizer@2.14.1.")
    known = {one.name.lower() for one in named}  # NuGet tells no case
    return (*named, *(one for one in USUAL if one.name.lower() not in known))


def project(framework: str, packages: Iterable[Reference], libraries: Iterable[str]) -> str:
    """A project for the sources beside it, with packages, and assemblies by their paths.

    Its symbols are inside the assembly and name no place of this machine, as where a cell is compiled without one.
    """
    items = [
        f"<PackageReference Include={quoteattr(one.name)} Version={quoteattr(one.version)} />" for one in packages
    ] + [
        f"<Reference Include={quoteattr(Path(path).stem)}><HintPath>{escape(path)}</HintPath></Reference>"
        for path in libraries
    ]
    return f"""<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>{framework}</TargetFramework>
    <ImplicitUsings>enable</ImplicitUsings>
    <Nullable>enable</Nullable>
    <AWSProjectType>Lambda</AWSProjectType>
    <DebugType>embedded</DebugType>
    <PathMap>$(MSBuildProjectDirectory)=/var/task</PathMap>
  </PropertyGroup>
  <ItemGroup>
    {f"{chr(10)}    ".join(items)}
  </ItemGroup>
</Project>
"""


def _reference(word: str) -> Reference:
    if word.startswith("-"):
        raise BadOption(
            f"--requirements is {word!r}; it takes packages such as Humanizer@2.14.1, not options of dotnet. Those "
            "belong in a project: deploy its folder (--from)."
        )
    if word.endswith(_FILES):
        raise BadOption(
            f"--requirements {word}: for .NET a project lists its packages itself; deploy its folder (--from), "
            "or name packages, such as Humanizer@2.14.1."
        )
    found = _WORD.fullmatch(word)
    if found is None:
        raise BadOption(
            f"{word!r} names no package of NuGet. Write a name and, if need be, a version: Humanizer@2.14.1, "
            '"Newtonsoft.Json@[13.0,14)"; several with --requirements again.'
        )
    return Reference(found["name"], found["version"] or "*")
