"""Installations of .NET on this machine: where they are, and an SDK among them that builds for a release.

An SDK builds for its own release and for older ones. Which of an installation's SDKs is used, .NET itself says: the
newest, unless a global.json names another.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_CONDA = ("~/miniconda3", "~/miniforge3", "~/mambaforge", "~/anaconda3", "~/.conda")
_PLACES = (
    "~/.dotnet", "/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet",
    "/opt/homebrew/opt/dotnet/libexec", "/opt/homebrew/opt/dotnet@*/libexec",
    *(f"{conda}/lib/dotnet" for conda in _CONDA), *(f"{conda}/envs/*/lib/dotnet" for conda in _CONDA),
)  # fmt: skip
"""Where installers, package managers and conda's environments put it; patterns."""
_NAMED = "LAMBDALAB_DOTNET"
_LISTED = re.compile(r"^(?P<version>\d+\.\S+) \[.*\]$", re.MULTILINE)
_SECONDS = 60


class NoSdk(Exception):
    """There is no SDK that builds for the release. The message says what was asked, and how to get one."""


@dataclass(frozen=True, slots=True)
class Sdk:
    """The `dotnet` program of an installation, and the newest SDK that it has."""

    program: str
    version: str


def roots() -> Iterator[Path]:
    """Where installations of .NET are, those that the environment names first."""
    named = [value for name, value in sorted(os.environ.items()) if name.startswith("LAMBDALAB_RUNTIME_DOTNET")]
    on_path = shutil.which("dotnet")
    found = [Path(value).resolve().parent for value in (*named, *([on_path] if on_path else ()))]
    found += [Path(os.environ["DOTNET_ROOT"])] if os.environ.get("DOTNET_ROOT") else []
    seen: set[Path] = set()
    for root in (*found, *(one for place in _PLACES for one in _matching(place))):
        if root not in seen and (root / "dotnet").exists():
            seen.add(root)
            yield root


def sdk(release: str) -> Sdk:
    """The first installation with an SDK of a release ("8") or a newer one; only the named one, if one is named.

    Raises `NoSdk`, which lists what was asked and what it answered.
    """
    named = os.environ.get(_NAMED)
    asked: list[str] = []
    for program in [Path(named)] if named else [root / "dotnet" for root in roots()]:
        versions = _sdks(program)
        fit = [one for one in versions if int(one.partition(".")[0]) >= int(release)]
        if fit:
            return Sdk(str(program), fit[-1])
        asked.append(f"{program} lists {', '.join(versions) or 'none'}")
    raise NoSdk(_missing(release, asked, named=bool(named)))


def how_to_get(release: str) -> str:
    """The commands that bring an SDK; the same that the doctor tells for the runtime."""
    return (
        f"Get one with `apt install dotnet-sdk-{release}.0` (where your release has it), `conda create -n "
        f"dotnet{release} -c conda-forge dotnet-sdk={release}` or `brew install dotnet@{release}`"
    )


def quiet() -> Mapping[str, str]:
    """The environment in which `dotnet` says only what it was asked for, and nothing to its makers."""
    return {
        **os.environ,
        "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
        "DOTNET_NOLOGO": "1",
        "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1",
        "DOTNET_GENERATE_ASPNET_CERTIFICATE": "false",
    }


def _matching(place: str) -> list[Path]:
    pattern = Path(place).expanduser()
    if "*" not in place:
        return [pattern]
    return sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))), reverse=True)


def _sdks(program: Path) -> list[str]:
    """The versions that `dotnet --list-sdks` tells, as "8.0.408 [/usr/share/dotnet/sdk]", the newest last."""
    try:
        done = subprocess.run(
            [str(program), "--list-sdks"], env=quiet(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return _LISTED.findall(done.stdout)


def _missing(release: str, asked: list[str], *, named: bool) -> str:
    nowhere = [] if named or shutil.which("dotnet") else ["no dotnet is on the search path"]
    nowhere += [] if named or os.environ.get("DOTNET_ROOT") else ["DOTNET_ROOT is not set"]
    looked = f"{_NAMED} is set, and {asked[0]}" if named else "; ".join([*nowhere, *asked])
    return (
        f"this is built by an SDK of .NET {release} or newer, and none was found: {looked}. {how_to_get(release)}, or "
        f"name its program: {_NAMED}=/path/to/dotnet."
    )
