"""Python requirements as a package: what the kernel's pip installs for a runtime on Lambda's own Linux.

Only wheels, because Lambda's machines are not this one: what would have to be built here would be built for here.
Where packages come from is the person's own pip configuration; nothing is named here. A package that was installed
once is kept in the home under what was asked for, so that the same line gives the same bytes, network or not.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdalab.client.package import Package, names_in, package_of_folder
from lambdalab.errors import BadOption, LabError

_GLIBC = {"python3.9": 26, "python3.10": 26, "python3.11": 26}
"""The minor version of glibc 2 that a runtime's machine has: Amazon Linux 2 up to 3.11, later Amazon Linux 2023."""
_GLIBC_NOW = 34
_MACHINES = {"x86_64": ("x86_64", 5), "arm64": ("aarch64", 17)}
"""Per architecture: the name that wheels have for it, and the first glibc with a manylinux tag."""
_OLD_TAGS = {"x86_64": ("manylinux2014", "manylinux2010", "manylinux1"), "arm64": ("manylinux2014",)}
_NO_NETWORK = re.compile(
    r"Failed to establish a new connection|NameResolutionError|Name or service not known|ProxyError"
    r"|Network is unreachable|ConnectTimeoutError|Read timed out|SSLError|Could not fetch URL"
)
_NO_MATCH = re.compile(r"No matching distribution found for (?P<what>.+?)(?: \(from .+)?$", re.MULTILINE)
_BAD = re.compile(r"Invalid requirement: (?P<what>'.*?'|.+?)(?:: .+| \(from line .+)?$", re.MULTILINE)
_VERSIONS = re.compile(r"\(from versions: (?P<known>.+)\)")
_SPACE_BEFORE_NAME = re.compile(r"(?<![=<>!~,(])\s+(?=[A-Za-z])")
_DIST_INFO = re.compile(r"(?:.*/)?(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/METADATA")


class NotInstalled(LabError):
    """pip could not install the requirements. The message says which, why, and what helps."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """What was asked for: requirements as pip reads them, or lines of a requirements file."""

    lines: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Installed:
    """The package, and what is in it: (name, version) of each distribution. `kept`: it was there from before."""

    package: Package
    distributions: tuple[tuple[str, str], ...]
    kept: bool


def read(words: Sequence[str]) -> Requirements:
    """The requirements in `words`: each is one, or several with spaces between, or a file's path ending in .txt.

    Raises `BadOption` for an option of pip's and for a file that cannot be read.
    """
    lines = [line for word in words for line in _lines(word)]
    if not lines:
        raise BadOption("--requirements names nothing to install; write for example --requirements requests.")
    return Requirements(tuple(lines))


def _lines(word: str) -> list[str]:
    if word.endswith(".txt"):
        try:
            text = Path(word).expanduser().read_text("utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise BadOption(f"--requirements {word}: the file cannot be read: {problem}.") from problem
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
        return [line for line in lines if line]
    if word.lstrip().startswith("-"):
        raise BadOption(
            f"--requirements is {word!r}; it takes requirements such as requests==2.*, not options of pip."
            " Those belong in pip's configuration, or in a file ending in .txt."
        )
    parts = [word] if ";" in word or "@" in word else _SPACE_BEFORE_NAME.split(word.strip())
    return [part.strip() for part in parts if part.strip()]


def install(
    wanted: Requirements, *, runtime: str, architecture: str, prefix: str, cache: Path, refresh: bool = False
) -> Installed:
    """The package with `wanted` under `prefix`, for a runtime such as `python3.12` and `x86_64` or `arm64`.

    Kept in the directory `cache`; `refresh` asks pip again. Raises `BadOption` for a runtime that is not Python
    and for what is no requirement, and `NotInstalled` for everything else.
    """
    if not re.fullmatch(r"python3\.\d+", runtime):
        raise BadOption(f"requirements are installed by pip, for Python; the runtime is {runtime!r}. Try python3.12.")
    place = cache / f"{_key(wanted, runtime, architecture, prefix)}.zip"
    if place.is_file() and not refresh and not _refers_elsewhere(wanted):
        return _installed(Package(place.read_bytes()), kept=True)
    with tempfile.TemporaryDirectory(prefix="lambdalab-pip-") as folder:
        target = Path(folder) / "target"
        _run_pip(wanted, runtime, architecture, target, Path(folder) / "requirements.txt")
        made = package_of_folder(target, prefix)
    _keep(place, made)
    return _installed(made, kept=False)


def _key(wanted: Requirements, runtime: str, architecture: str, prefix: str) -> str:
    asked = json.dumps([sorted(wanted.lines), runtime, architecture, prefix])
    return hashlib.sha256(asked.encode()).hexdigest()


def _refers_elsewhere(wanted: Requirements) -> bool:
    """Options in a file, and local paths, may mean something else tomorrow."""
    return any(line.startswith("-") or "/" in line for line in wanted.lines)


def _installed(package: Package, *, kept: bool) -> Installed:
    found = filter(None, map(_DIST_INFO.fullmatch, names_in(package.data)))
    return Installed(package, tuple(sorted((one["name"], one["version"]) for one in found)), kept)


def _keep(place: Path, made: Package) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
        file.write(made.data)
    Path(file.name).replace(place)


def _run_pip(wanted: Requirements, runtime: str, architecture: str, target: Path, listed: Path) -> None:
    listed.write_text("".join(f"{line}\n" for line in wanted.lines), "utf-8")
    platforms = [word for tag in platform_tags(runtime, architecture) for word in ("--platform", tag)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--requirement", str(listed), "--target", str(target),
         "--only-binary=:all:", "--implementation", "cp", "--python-version", runtime.removeprefix("python"),
         *platforms, "--no-compile", "--no-input", "--progress-bar=off", "--no-color", "--disable-pip-version-check",
         "--retries=2"],
        # What a person's configuration may say of their own environment does not go with --target.
        env={**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise _explained(f"{done.stdout}\n{done.stderr}", runtime, architecture)
    # Programs' first lines name this machine's Python: they would run nowhere else.
    for program in (target / "bin").glob("*"):
        program.unlink()


def platform_tags(runtime: str, architecture: str) -> list[str]:
    """The platforms whose wheels run on Lambda, the nearest first."""
    machine, first = _MACHINES[architecture]
    newest = _GLIBC.get(runtime, _GLIBC_NOW)
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, first - 1, -1)]
    return [*numbered, *(f"{tag}_{machine}" for tag in _OLD_TAGS[architecture])]


def _explained(said: str, runtime: str, architecture: str) -> LabError:
    if bad := _BAD.search(said):
        return BadOption(
            f"{bad['what']} is no requirement. Write a name and, if need be, versions: requests==2.*, "
            '"boto3>=1.40,<2"; several with --requirements again.'
        )
    if "No module named pip" in said:
        return NotInstalled(
            f"The notebook's Python ({sys.executable}) has no pip, which installs requirements."
            " Run `python -m ensurepip` with it, and try again."
        )
    if _NO_NETWORK.search(said):
        return NotInstalled(
            f"pip could not reach the place it gets packages from: {_first_error(said)}\nWhere that is, pip's own"
            " configuration says (`!pip config list`). What was installed before is kept and needs no network."
        )
    if missing := _NO_MATCH.search(said):
        known = _VERSIONS.search(said)
        versions = "" if known is None or known["known"] == "none" else f" Versions it has: {known['known'][-120:]}."
        return NotInstalled(
            f"pip found no wheel of {missing['what']} for {runtime} on {architecture}.{versions} Check the name"
            " and the versions; a package that comes as source only must be built on Lambda's Linux, not here."
        )
    return NotInstalled(f"pip could not install the requirements: {_first_error(said)}")


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    warnings = [line.removeprefix("WARNING: ") for line in lines if line.startswith("WARNING: ")]
    return (errors or warnings or lines or ["it said nothing"])[0]
