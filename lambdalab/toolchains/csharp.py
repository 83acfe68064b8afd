"""The C# compiler of this machine: an SDK's, or the one that `$LAMBDALAB_CSC` names. Called without a project.

The region compiles its .NET client with it, and the builder of cells their classes. Neither needs a registry.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lambdalab.toolchains.dotnet import how_to_get, quiet, roots

_SECONDS = 120
_DIAGNOSTIC = re.compile(r"^(?P<file>.+?)\((?P<line>\d+),(?P<column>\d+)\): (?P<kind>\w+) (?P<code>\w+): (?P<what>.*)$")
_STAND_INS = Path(__file__).parents[1] / "runtimes" / "bootstraps" / "dotnet"
CORE = "Amazon.Lambda.Core.dll"
JSON = "Amazon.Lambda.Serialization.SystemTextJson.dll"


class NoCompiler(Exception):
    """There is no C# compiler, or no framework to compile against. The message says how to get one."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One of the compiler's messages. `file`, `line` and `column` (from 1) are "" and 0 where it names none."""

    text: str
    is_error: bool
    file: str = ""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Job:
    """One assembly: its sources, what it refers to beside the framework, whether it is a program."""

    output: Path
    sources: Sequence[Path]
    references: Sequence[Path] = ()
    options: Sequence[str] = ("-debug-",)
    program: bool = False


def compile(job: Job, release: str, dotnet: Path | None = None) -> list[Diagnostic]:
    """Compile against the framework of a release ("8"); the output is there when no diagnostic is an error.

    `dotnet` is the runtime that it is meant for, None: any of this machine's. Raises `NoCompiler`.
    """
    framework = references(release, dotnet)
    words = [
        "-nologo", "-nostdlib+", "-optimize+", "-deterministic+", "-nullable:enable", "-utf8output",
        f"-target:{'exe' if job.program else 'library'}", f'-out:"{job.output}"', *job.options,
        *(f'-r:"{path}"' for path in (*framework, *job.references)),
        *(f'"{source}"' for source in job.sources),
    ]  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".rsp", encoding="utf-8") as arguments:
        arguments.write("\n".join(words))
        arguments.flush()
        done = _run([*compiler(dotnet, release), f"@{arguments.name}"], job.output.parent)
    found = [_diagnostic(line) for line in done.stdout.splitlines() if line.strip()]
    if done.returncode != 0 and not any(one.is_error for one in found):
        found.append(Diagnostic((done.stderr or done.stdout).strip() or "the C# compiler failed without a word", True))
    return found


def stand_ins(directory: Path, release: str, dotnet: Path | None = None) -> list[Diagnostic]:
    """Compile what stands in for NuGet's Amazon.Lambda packages into `directory`; the errors, if any."""
    core, json = directory / CORE, directory / JSON
    wrong = compile(Job(core, sorted((_STAND_INS / "core").glob("*.cs"))), release, dotnet)
    wrong += compile(Job(json, sorted((_STAND_INS / "json").glob("*.cs")), (core,)), release, dotnet)
    return [one for one in wrong if one.is_error]


@cache
def stand_ins_digest() -> str:
    """What the stand-ins' sources are, for those who keep what was compiled of them, or against them."""
    digest = hashlib.sha256()
    for part in ("core", "json"):
        for source in sorted((_STAND_INS / part).glob("*.cs")):
            digest.update(source.read_bytes())
    return digest.hexdigest()


def compiler(dotnet: Path | None = None, release: str = "8") -> tuple[str, ...]:
    """The command of `csc`: the named one, that beside `dotnet`, or any of this machine's.

    Raises `NoCompiler`, which tells how to get an SDK of that release.
    """
    named = os.environ.get("LAMBDALAB_CSC")
    if named:
        return tuple(shlex.split(named))
    for root in (*((dotnet.resolve().parent,) if dotnet else ()), *roots()):
        for found in sorted(root.glob("sdk/*/Roslyn/bincore/csc.dll"), key=_order, reverse=True):
            return (str(root / "dotnet"), str(found))
    raise NoCompiler(
        f"C# is compiled by an SDK of .NET, and none is on this machine. {how_to_get(release)}, or name a compiler: "
        "LAMBDALAB_CSC='/path/to/dotnet /path/to/csc.dll'."
    )


def references(release: str, dotnet: Path | None = None) -> list[Path]:
    """The assemblies of a release's framework: an SDK's own for the purpose, else those of the runtime."""
    for root in [dotnet.resolve().parent] if dotnet else roots():
        for pattern in (
            f"packs/Microsoft.NETCore.App.Ref/{release}.*/ref/net{release}.0",
            f"shared/Microsoft.NETCore.App/{release}.*",
        ):
            for directory in sorted(root.glob(pattern), key=_order, reverse=True):
                managed = [path for path in directory.glob("*.dll") if not path.name.startswith("lib")]
                return sorted(managed)
    raise NoCompiler(f"No .NET {release} is on this machine to compile against.")


def _order(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(path))]


def _run(command: Sequence[str], directory: Path) -> subprocess.CompletedProcess[str]:
    # The compiler needs no library of languages, which a runtime without an SDK may lack.
    environment = {**quiet(), "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}
    try:
        return subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, encoding="utf-8", errors="replace",
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoCompiler(f"{shlex.join(command)} did not run: {problem}") from problem


def _diagnostic(line: str) -> Diagnostic:
    found = _DIAGNOSTIC.match(line)
    if found is None:
        return Diagnostic(line.strip(), "error " in line)
    text = f"{found['code']}: {found['what']}"
    return Diagnostic(text, found["kind"] == "error", found["file"], int(found["line"]), int(found["column"]))
