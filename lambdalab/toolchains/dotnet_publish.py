"""`dotnet publish` for Lambda: Release, without the framework, which the runtime brings, for Linux on its processor.

The project may fetch packages meanwhile; where from, NuGet's own configuration says. What it says of a failure is read
in the form that all tools of MSBuild write: `file(line,column): error CODE: words [project]`.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lambdalab.toolchains.csharp import Diagnostic
from lambdalab.toolchains.dotnet import Sdk, quiet

MACHINES = {"x86_64": "linux-x64", "arm64": "linux-arm64"}
"""Lambda's architectures by .NET's names of their machines."""
_SECONDS = 900
_DIAGNOSTIC = re.compile(
    r"^\s*(?:(?P<file>.*?\S)(?:\((?P<line>\d+)(?:,(?P<column>\d+))?[\d,-]*\))?\s*: )?(?P<kind>error|warning)"
    r"(?: (?P<code>[A-Za-z]+\d+))?\s*: (?P<what>.*?)(?: \[[^\[\]]+(?:proj|\.slnx?)(?:::[^\[\]]*)?\])?\s*$"
)
_TOLD = 20
"""Lines of output that are told when none of them has the form of an error."""


class NotRun(Exception):
    """The program did not start, or did not end in time. The message says which."""


@dataclass(frozen=True, slots=True)
class Job:
    """A project, by its file, for a release of .NET ("8") and Lambda's name of an architecture."""

    project: Path
    release: str
    architecture: str

    @property
    def framework(self) -> str:
        """What the project must be for: `net8.0`."""
        return f"net{self.release}.0"


def publish(sdk: Sdk, job: Job, output: Path) -> list[Diagnostic]:
    """Publish into the directory `output`; it is complete when no error comes back. Raises `NotRun`."""
    command = [
        sdk.program, "publish", str(job.project), "--configuration", "Release", "--framework", job.framework,
        "--runtime", MACHINES[job.architecture], "--self-contained", "false", "--output", str(output),
        "-p:GenerateRuntimeConfigurationFiles=true", "-p:UseSharedCompilation=false",
    ]  # fmt: skip
    # A build server that stays would hold the output open, so that the end of it never came.
    environment = {**quiet(), "MSBUILDDISABLENODEREUSE": "1", "MSBUILDTERMINALLOGGER": "off"}
    try:
        done = subprocess.run(
            command, cwd=job.project.parent, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as late:
        raise NotRun(f"dotnet publish was not done after {_SECONDS} s, and was ended.") from late
    except OSError as problem:
        raise NotRun(f"{sdk.program} did not run: {problem}.") from problem
    return [] if done.returncode == 0 else errors(done.stdout)


def errors(said: str) -> list[Diagnostic]:
    """The errors in the output of a build that failed, each once; the end of the output where there is none."""
    read = [_read(found) for found in map(_DIAGNOSTIC.match, said.splitlines()) if found and found["kind"] == "error"]
    if read:
        return list(dict.fromkeys(read))
    told = [line.rstrip() for line in said.splitlines() if line.strip()][-_TOLD:]
    return [Diagnostic("\n".join(told) or "dotnet publish failed without a word", True)]


def _read(found: re.Match[str]) -> Diagnostic:
    text = f"{found['code']}: {found['what']}" if found["code"] else found["what"].strip()
    return Diagnostic(text, True, found["file"] or "", int(found["line"] or 0), int(found["column"] or 0))
