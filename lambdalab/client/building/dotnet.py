"""C#: the cell is `Function.cs`, compiled to `Function.dll` with the lists that AWS's runtime asks for.

As in an SDK's new project, the usual namespaces are at hand, and the serializer is System.Text.Json's where the cell
names no other. Lambda's interfaces are the region's stand-ins for NuGet's packages, which the region's runtime lends:
a package for a real account is made by `dotnet publish`, which brings NuGet's own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lambdalab.client.building import cache
from lambdalab.client.building.base import Builder, Built, CellSyntaxError, CompilerMissing, Source
from lambdalab.client.building.csharp_source import find_handler
from lambdalab.toolchains import csharp

_NAME = "Function"
_MAIN = f"{_NAME}.cs"
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
_SHOWN = 20


class DotNet(Builder):
    """A text with a class whose public method is the handler."""

    def build(self, source: Source) -> Built:
        """The assembly, its lists, and the source. `source.files` that end with .cs or .dll take part."""
        wanted = source.handler and source.handler.removeprefix(f"{_NAME}::")
        method = find_handler(source.text, wanted, source.cell.label)
        further = {name: data for name, data in source.files.items() if name.endswith((".cs", ".dll"))}
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


def _compile(source: Source, further: dict[str, bytes], lent: Path, directory: Path) -> None:
    """Put `Function.dll` into the directory; its symbols are inside it, so that stacks name the cell's lines."""
    texts = {name: data for name, data in further.items() if name.endswith(".cs")}
    texts |= {_MAIN: source.text.encode(), "obj/usings.cs": _USINGS.encode()}
    if "LambdaSerializer" not in source.text:
        texts["obj/serializer.cs"] = _SERIALIZER.encode()
    for name, data in (*texts.items(), *further.items()):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    job = csharp.Job(
        directory / f"{_NAME}.dll",
        [directory / name for name in texts],
        [*sorted(lent.glob("*.dll")), *(directory / name for name in further if name.endswith(".dll"))],
        ("-debug:embedded", f"-pathmap:{directory}=/var/task"),
    )
    errors = [one for one in csharp.compile(job, source.runtime.version) if one.is_error]
    if errors:
        raise _refused(source, errors)


def _refused(source: Source, errors: list[csharp.Diagnostic]) -> CellSyntaxError:
    cell = source.cell

    def placed(one: csharp.Diagnostic) -> str:
        name = Path(one.file).name
        if name == _MAIN:
            return f"{cell.label}, line {one.line + cell.first_line - 1}: {one.text}"
        return f"{name}, line {one.line}: {one.text}" if name else one.text

    mine = next((one for one in errors if Path(one.file).name == _MAIN), None)
    line = mine.line + cell.first_line - 1 if mine else 0
    return CellSyntaxError("\n".join(map(placed, errors[:_SHOWN])), line, mine.column if mine else 0)


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
