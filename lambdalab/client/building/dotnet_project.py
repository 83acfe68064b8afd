"""A folder with a project of .NET as a package: what `dotnet publish` makes of it, kept by the folder's content.

It is built where it is, as projects refer to what is beside them; bin/ and obj/ are made in it, as they always are.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdalab.client.building import cache
from lambdalab.client.building.base import Built, CompilerMissing, NotBuilt
from lambdalab.client.building.csharp_errors import not_published
from lambdalab.client.building.csharp_source import choose, methods
from lambdalab.client.building.files import below
from lambdalab.errors import BadOption
from lambdalab.model.runtime import Runtime
from lambdalab.toolchains import dotnet, dotnet_publish
from lambdalab.toolchains.csharp import Diagnostic

KINDS = (".csproj", ".fsproj", ".vbproj")
"""What the names of project files end with."""
_MADE = frozenset({"bin", "obj", ".vs"})
"""Directories that builds and editors make, at any depth."""
_ABOVE = (
    "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props", "global.json", "NuGet.config",
    "NuGet.Config", "nuget.config",
)  # fmt: skip
"""Files that .NET looks for in the directories above a project, too."""
_BESIDE = re.compile(r"""["';]\s*\.\.[\\/]""")
"""In a project: a path that leads out of its folder."""
_TOOLS = "aws-lambda-tools-defaults.json"
"""What AWS's templates have: the defaults of `dotnet lambda deploy-function`, the handler among them."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project by its file, and the function that it is for."""

    file: Path
    runtime: Runtime
    architecture: str

    @property
    def folder(self) -> Path:
        """What is built."""
        return self.file.parent

    def property(self, name: str) -> str | None:
        """A property that the file sets plainly; what is computed is not seen."""
        found = re.search(rf"<{name}>\s*([^<$]*?)\s*</{name}>", self.file.read_text("utf-8-sig"))
        return found[1] if found else None


def file_of(path: Path) -> Path | None:
    """The project that a path names: itself, or the only one in the folder; None when there is none.

    Raises `BadOption` when there are several.
    """
    if path.suffix in KINDS:
        return path.resolve() if path.is_file() else None
    found = sorted(one for one in path.glob("*.*proj") if one.suffix in KINDS) if path.is_dir() else []
    if len(found) > 1:
        raise BadOption(
            f"--from {path}: several projects are there, {', '.join(one.name for one in found)}: name one's file, "
            f"--from {found[0]}."
        )
    return found[0].resolve() if found else None


def build(project: Project, handler: str | None) -> Built:
    """What `dotnet publish` puts out for the function's machine. `handler` may be a method's name alone.

    Raises `CompilerMissing` without an SDK, `CellSyntaxError` with the places in the project's files, `NotInstalled`
    for packages that cannot be had, `NotBuilt` for other failures, `HandlerNotInCell`.
    """
    sdk = sdk_for(project.runtime)
    content = _content(project.folder)
    job = dotnet_publish.Job(project.file, project.runtime.version, project.architecture)
    if any(_BESIDE.search(data.decode("utf-8", "replace")) for name, data in content.items() if _steers(name)):
        # What it takes from beside its folder may be another thing each time: MSBuild knows best what to make anew.
        with tempfile.TemporaryDirectory(prefix="lambdalab-dotnet-") as made:
            published(sdk, job, Path(made))
            return _built(Path(made), project, handler)
    parts = (project.file.name, sdk.version, job.framework, job.architecture)
    above = (part for one in _files_above(project.folder) for part in (str(one), one.read_bytes()))
    known = (*parts, *above, *(part for one in content.items() for part in one))
    return _built(cache.made("dotnet-project", known, lambda into: published(sdk, job, into)), project, handler)


def sdk_for(runtime: Runtime) -> dotnet.Sdk:
    """An SDK that builds for a runtime. Raises `CompilerMissing`."""
    try:
        return dotnet.sdk(runtime.version)
    except dotnet.NoSdk as why:
        raise CompilerMissing(f"{runtime.name}: {why}") from why


def published(sdk: dotnet.Sdk, job: dotnet_publish.Job, into: Path) -> None:
    """Publish a project of the person's; what goes wrong is told by its own files. Raises as `build` does."""
    if errors := run(sdk, job, into):
        raise not_published(errors, job.project.parent, job.framework)


def run(sdk: dotnet.Sdk, job: dotnet_publish.Job, into: Path) -> list[Diagnostic]:
    """Publish, and give the errors. Raises `NotBuilt` when the program does not run to its end."""
    try:
        return dotnet_publish.publish(sdk, job, into)
    except dotnet_publish.NotRun as why:
        raise NotBuilt(str(why)) from why


def _built(made: Path, project: Project, handler: str | None) -> Built:
    files = below(made)
    programs = frozenset(name for name in files if (made / name).stat().st_mode & 0o100)
    return Built(files, _handler(project, handler), "", programs)


def _handler(project: Project, wanted: str | None) -> str:
    """As it is given when that is whole; else what AWS's tools would take, the program, or the method that fits."""
    assembly = project.property("AssemblyName") or project.file.stem
    is_program = (project.property("OutputType") or "").lower() == "exe"
    if wanted is not None and (is_program or wanted.count("::") == 2):
        return wanted
    if wanted is None and (named := _tools_handler(project.folder)) is not None:
        return named
    if is_program:
        return assembly
    sources = [data for name, data in _content(project.folder).items() if name.endswith(".cs")]
    found = [one for data in sources for one in methods(data.decode("utf-8-sig", "replace"))]
    return f"{assembly}::{choose(found, wanted, str(project.file))}"


def _tools_handler(folder: Path) -> str | None:
    try:
        found = json.loads((folder / _TOOLS).read_text("utf-8-sig")).get("function-handler")
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) and found else None


def _content(folder: Path) -> Mapping[str, bytes]:
    """The files that the person made, by their paths."""
    return below(folder, without=_MADE)


def _steers(name: str) -> bool:
    return name.endswith((*KINDS, ".props", ".targets"))


def _files_above(folder: Path) -> Iterator[Path]:
    for directory in folder.parents:
        yield from (directory / name for name in _ABOVE if (directory / name).is_file())
