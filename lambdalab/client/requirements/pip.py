"""Python's requirements: what the kernel's pip installs.

Only wheels, because Lambda's machines are not this one: what would have to be built here would be built for here.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lambdalab.client.package import names_in
from lambdalab.client.requirements.base import Contents, Installer, Requirements, Target
from lambdalab.client.requirements.known import DISTRIBUTIONS, distribution, meant
from lambdalab.errors import BadOption, LabError, NotInstalled

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
_VERSIONS_SHOWN = 12
"""Of those that a package has, the newest."""
_NPM = " For npm's packages say --runtime nodejs22.x."
_VERSIONS = re.compile(r"\(from versions: (?P<known>.+)\)")
_SPACE_BEFORE_NAME = re.compile(r"(?<![=<>!~,(])\s+(?=[A-Za-z])")
_DIST_INFO = re.compile(r"(?:.*/)?(?P<name>[^/]+)-(?P<version>[^/-]+)\.dist-info/METADATA")


class Pip(Installer):
    """pip of the Python that runs this: the notebook's."""

    layer = "python/"

    def read(self, words: Sequence[str]) -> Requirements:
        """Requirements as pip reads them; a path ending in .txt is a file of them."""
        lines = tuple(line for word in words for line in _lines(word))
        if not lines:
            raise BadOption("--requirements names nothing to install; write for example --requirements requests.")
        # Options in a file, and local paths, may mean something else tomorrow.
        return Requirements(lines, elsewhere=any(line.startswith("-") or "/" in line for line in lines))

    def fill(self, folder: Path, wanted: Requirements, target: Target) -> None:
        """Modules and packages, without programs."""
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
            listed.write("".join(f"{line}\n" for line in wanted.lines))
            listed.flush()
            _run(listed.name, folder, target)
        # Programs' first lines name this machine's Python: they would run nowhere else.
        for program in (folder / "bin").glob("*"):
            program.unlink()

    def contents(self, data: bytes) -> Contents:
        """What the distributions' own directories say."""
        found = filter(None, map(_DIST_INFO.fullmatch, names_in(data)))
        return Contents(tuple(sorted((one["name"], one["version"]) for one in found)))


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


def _run(listed: str, folder: Path, target: Target) -> None:
    runtime, architecture = target.runtime, target.architecture
    platforms = [word for tag in platform_tags(runtime, architecture) for word in ("--platform", tag)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--requirement", listed, "--target", str(folder),
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


def platform_tags(runtime: str, architecture: str) -> list[str]:
    """The platforms whose wheels run on Lambda, the nearest first."""
    machine, first = _MACHINES[architecture]
    newest = _GLIBC.get(runtime, _GLIBC_NOW)
    numbered = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, first - 1, -1)]
    return [*numbered, *(f"{tag}_{machine}" for tag in _OLD_TAGS[architecture])]


def _explained(said: str, runtime: str, architecture: str) -> LabError:
    if bad := _BAD.search(said):
        return BadOption(
            f"{bad['what']} is no requirement of {runtime}. Write a name and, if need be, versions: requests==2.*, "
            f'"boto3>=1.40,<2"; several with --requirements again.{_NPM if "@" in bad["what"] else ""}'
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
        guess = _other_name(missing["what"])
        versions = "" if known is None or known["known"] == "none" else f" Versions it has: {_newest(known['known'])}."
        return NotInstalled(
            f"pip found no wheel of {missing['what']} for {runtime} on {architecture}.{versions}{guess} Check the name"
            " and the versions; a package that comes as source only must be built on Lambda's Linux, not here."
        )
    return NotInstalled(f"pip could not install the requirements: {_first_error(said)}")


def _newest(versions: str) -> str:
    """The last of pip's list of versions, which goes upwards; `…` for those left out."""
    known = versions.split(", ")
    left_out = "…, " if len(known) > _VERSIONS_SHOWN else ""
    return left_out + ", ".join(known[-_VERSIONS_SHOWN:])


def _other_name(requirement: str) -> str:
    """What pip calls the package whose module, or misspelt name, was asked for; nothing where that is not known."""
    named = re.match(r"[\w.-]+", requirement)
    module = named[0] if named is not None else ""
    if module in DISTRIBUTIONS:
        package = DISTRIBUTIONS[module]
        return f" {module} is a module's name; pip calls its package {package}: --requirements {package}."
    near = meant(module)
    return f" Did you mean {distribution(near)}?" if near else ""


def _first_error(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    warnings = [line.removeprefix("WARNING: ") for line in lines if line.startswith("WARNING: ")]
    return (errors or warnings or lines or ["it said nothing"])[0]
