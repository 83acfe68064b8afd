""".NET functions: a client of our own (`bootstraps/dotnet`), compiled on first use; AWS's is had from NuGet only.

A handler "Assembly::Type::Method" is loaded by that client, with the function's own deps.json and
runtimeconfig.json. A handler without colons is a program that brings AWS's RuntimeSupport itself.
"""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.families.base import BOOTSTRAPS, Family, Start
from lambdalab.runtimes.families.copying import fingerprint
from lambdalab.runtimes.interpreters import Interpreter
from lambdalab.toolchains import csharp
from lambdalab.trees import making

_BOOTSTRAP = BOOTSTRAPS / "dotnet"
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu")


class DotNet(Family):
    """One directory for each release."""

    name = "dotnet"

    async def client(self, found: Interpreter) -> Path:
        """Our client, compiled for the release: some seconds, once. Raises `RuntimeUnavailable` without a compiler."""
        release = found.version.split(".")[0]
        directory = self.clients / f"dotnet{release}-{fingerprint(_BOOTSTRAP)}"
        if not directory.exists():
            await asyncio.to_thread(_build, directory, release, Path(found.path))
        return directory

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """The command that AWS's bootstrap script makes, or its words and status where the package lacks something."""
        variables = {"DOTNET_ROOT": f"{Path(found.path).parent}/"}
        if not _has_icu(Path(found.path)):
            variables["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
        return Start((*_command(found, spec),), variables)


def _command(found: Interpreter, spec: SandboxSpec) -> list[str]:
    if ":" not in spec.handler:
        return _program(found, spec)
    main = spec.environment.get("LAMBDA_DOTNET_MAIN_ASSEMBLY") or spec.handler.partition(":")[0]
    lists = {kind: _list(spec.code, main.removesuffix(".dll"), kind) for kind in ("deps", "runtimeconfig")}
    for status, kind in ((105, "deps"), (106, "runtimeconfig")):
        if lists[kind] is None:
            return _refuse(
                "Error: .NET binaries for Lambda function are not correctly installed in the {task} directory of the "
                "image when the image was built. The {task} directory is missing the required "
                f".{kind}.json file.",
                status,
            )
    return [
        found.path, "exec", "--depsfile", f"{{task}}/{lists['deps']}", "--runtimeconfig",
        f"{{task}}/{lists['runtimeconfig']}", "{runtime}/bootstrap.dll", spec.handler,
    ]  # fmt: skip


def _program(found: Interpreter, spec: SandboxSpec) -> list[str]:
    assembly = spec.handler if spec.handler.endswith(".dll") else f"{spec.handler}.dll"
    if (spec.code / assembly).is_file():
        return [found.path, "exec", f"{{task}}/{assembly}"]
    if (spec.code / spec.handler).is_file():
        return [f"{{task}}/{spec.handler}"]
    words = f"Error: executable assembly {{task}}/{assembly} or binary {{task}}/{spec.handler} not found."
    return _refuse(words, 104)


def _refuse(words: str, status: int) -> list[str]:
    return ["/bin/sh", "-c", 'echo "$0" >&2; exit "$1"', words, str(status)]


def _list(code: Path, assembly: str, kind: str) -> str | None:
    """The file of the assembly's name, else the only one of its kind."""
    if (code / f"{assembly}.{kind}.json").is_file():
        return f"{assembly}.{kind}.json"
    all_of_them = sorted(path.name for path in code.glob(f"*.{kind}.json"))
    return all_of_them[0] if len(all_of_them) == 1 else None


@cache
def _has_icu(dotnet: Path) -> bool:
    """Whether there is a library of languages and regions; .NET does not start without it unless it is told."""
    places = [*map(Path, _LIBRARIES), dotnet.parent, dotnet.parent.parent, dotnet.parent.parent / "lib"]
    return any(next(place.glob("libicuuc.so*"), None) is not None for place in places if place.is_dir())


def _build(directory: Path, release: str, dotnet: Path) -> None:
    with making(directory) as aside:
        core = aside / "lib" / csharp.CORE
        core.parent.mkdir()
        job = csharp.Job(aside / "bootstrap.dll", sorted((_BOOTSTRAP / "runtime").glob("*.cs")), (core,), program=True)
        try:
            wrong = csharp.stand_ins(core.parent, release, dotnet)
            wrong += [one for one in csharp.compile(job, release, dotnet) if one.is_error]
        except csharp.NoCompiler as why:
            raise RuntimeUnavailable(f"dotnet{release} is here, but its client must be compiled first. {why}") from why
        if wrong:
            raise RuntimeUnavailable(f"dotnet{release}: its client did not compile: {wrong[0].file} {wrong[0].text}")
