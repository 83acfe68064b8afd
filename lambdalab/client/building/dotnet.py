"""C#: the cell is `Function.cs`, compiled to `Function.dll` with the lists that AWS's runtime asks for.

As in an SDK's new project, the usual namespaces are at hand, and the serializer is System.Text.Json's where the cell
names no other. Lambda's interfaces are the region's stand-ins for NuGet's packages, which the region's runtime lends:
a package for a real account is made by `dotnet publish`, which brings NuGet's own. So is that of a cell which requires
packages: it becomes a project that refers to them and to Lambda's.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lambdalab.client.building import cache, dotnet_project, nuget
from lambdalab.client.building.base import Builder, Built, CompilerMissing, Source
from lambdalab.client.building.csharp_errors import not_published, refused
from lambdalab.client.building.csharp_source import find_handler
from lambdalab.client.building.files import below
from lambdalab.toolchains import csharp
from lambdalab.toolchains.dotnet_publish import Job

_NAME = "Function"
_MAIN = f"{_NAME}.cs"
_OURS = "lambdalab"
"""The directory of sources that are not the person's."""
_USINGS = "".join(
    f"global using global::{name};\n"
    for name in (
        "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading",
        "System.Threading.Tasks",
    )
)  # fmt: skip
_SERIALIZER = (
    "[assembly: Amazon.Lambda.Core.LambdaSerializer("
    "typeof(Amazon.Lambda.Serialization.SystemTextJson.DefaultLambdaJsonSerializer))]\n"
)


class DotNet(Builder):
    """A text with a class whose public method is the handler."""

    fetches = True

    def build(self, source: Source) -> Built:
        """The assembly, its lists, and the source. `source.files` that end with .cs or .dll take part."""
        wanted = source.handler and source.handler.removeprefix(f"{_NAME}::")
        method = find_handler(source.text, wanted, source.cell.label)
        further = {name: data for name, data in source.files.items() if name.endswith((".cs", ".dll"))}
        if source.requirements:
            files = _published(source, further)
            return Built({**files, _MAIN: source.text.encode()}, f"{_NAME}::{method}", _MAIN)
        release = source.runtime.version
        try:
            compiled_by = (release, " ".join(csharp.compiler()), csharp.stand_ins_digest())
            lent = cache.made("amazon-lambda", compiled_by, lambda directory: _lend(directory, release))
            parts = (source.text, *compiled_by, *(part for one in further.items() for part in one))
            made = cache.made("dotnet", parts, lambda directory: _compile(source, further, lent, directory))
        except csharp.NoCompiler as why:
            raise CompilerMissing(f"{source.runtime.name}: {why}") from why
        files = {
            f"{_NAME}.dll": (made / f"{_NAME}.dll").read_bytes(),
            f"{_NAME}.deps.json": _deps(release, [name for name in further if name.endswith(".dll")]),
            f"{_NAME}.runtimeconfig.json": _runtimeconfig(release),
            _MAIN: source.text.encode(),
        }
        return Built(files, f"{_NAME}::{method}", _MAIN)


def _lend(directory: Path, release: str) -> None:
    wrong = csharp.stand_ins(directory, release)
    if wrong:
        raise CompilerMissing(f"dotnet{release}: Lambda's interfaces did not compile: {wrong[0].text}")


def _published(source: Source, further: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that `dotnet publish` puts out for the cell as a project of its own."""
    sdk, packages = dotnet_project.sdk_for(source.runtime), nuget.references(source.requirements)
    framework = f"net{source.runtime.version}.0"
    libraries = [name for name in further if name.endswith(".dll")]
    project = nuget.project(framework, packages, libraries)

    def publish(into: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="lambdalab-dotnet-") as made:
            work = Path(made).resolve()
            _write(work, {**further, **_texts(source), f"{_NAME}.csproj": project.encode()})
            job = Job(work / f"{_NAME}.csproj", source.runtime.version, source.architecture)
            if errors := dotnet_project.run(sdk, job, into):
                raise not_published(errors, work, framework, source.cell, _MAIN)

    parts = (source.text, project, source.architecture, sdk.version)
    return below(cache.made("dotnet-cell", (*parts, *(part for one in further.items() for part in one)), publish))


def _texts(source: Source) -> dict[str, bytes]:
    """The cell's own file, and the serializer's where the cell names none."""
    named = {} if "LambdaSerializer" in source.text else {f"{_OURS}/serializer.cs": _SERIALIZER.encode()}
    return {_MAIN: source.text.encode(), **named}


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _compile(source: Source, further: dict[str, bytes], lent: Path, directory: Path) -> None:
    """Put `Function.dll` into the directory; its symbols are inside it, so that stacks name the cell's lines."""
    texts = {name: data for name, data in further.items() if name.endswith(".cs")}
    texts |= {**_texts(source), f"{_OURS}/usings.cs": _USINGS.encode()}
    _write(directory, {**texts, **further})
    job = csharp.Job(
        directory / f"{_NAME}.dll",
        [directory / name for name in texts],
        [*sorted(lent.glob("*.dll")), *(directory / name for name in further if name.endswith(".dll"))],
        ("-debug:embedded", f"-pathmap:{directory}=/var/task"),
    )
    errors = [one for one in csharp.compile(job, source.runtime.version) if one.is_error]
    if errors:
        raise refused(errors, directory, source.cell, _MAIN)


def _deps(release: str, libraries: list[str]) -> bytes:
    target, mine = f".NETCoreApp,Version=v{release}.0", f"{_NAME}/1.0.0"
    own: dict[str, Any] = {mine: {"runtime": {f"{_NAME}.dll": {}}}}
    more: dict[str, Any] = {f"{Path(name).stem}/1.0.0": {"runtime": {name: {}}} for name in libraries}
    document = {
        "runtimeTarget": {"name": target, "signature": ""},
        "targets": {target: {**own, **more}},
        "libraries": {name: {"type": "project", "serviceable": False, "sha512": ""} for name in (*own, *more)},
    }
    return json.dumps(document, indent=2).encode()


def _runtimeconfig(release: str) -> bytes:
    framework = {"name": "Microsoft.NETCore.App", "version": f"{release}.0.0"}
    return json.dumps({"runtimeOptions": {"tfm": f"net{release}.0", "framework": framework}}, indent=2).encode()
