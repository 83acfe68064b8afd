"""Node.js's requirements: what npm installs into `node_modules`, without development dependencies.

For the function's machine, not for this one: of optional packages with native parts npm takes those for Linux, glibc
and the function's architecture. Install scripts are never run. They would be other people's programs, run as the
person who deploys, and what they build or fetch would be for this machine. Where a package has some, the deployment
says so: most do without, as those whose native parts come as optional packages; what has to be compiled does not.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from lambdalab.client.requirements import npm_words
from lambdalab.client.requirements.base import Contents, Installer, Requirements, Target
from lambdalab.errors import BadOption, NotInstalled

_MANIFEST, _LOCKS, _SETTINGS = "package.json", ("npm-shrinkwrap.json", "package-lock.json"), ".npmrc"
_PRODUCTION = ("dependencies", "optionalDependencies", "peerDependencies")
_CPUS = {"x86_64": "x64", "arm64": "arm64"}
_MACHINES = {"x86_64": {"x86_64", "amd64"}, "arm64": {"arm64", "aarch64"}}
_ANY_MACHINE = (10, 4)
"""The first npm that chooses packages by another machine's system, processor and C library than its own."""
_OPTIONS = (
    "--ignore-scripts", "--omit=dev", "--no-bin-links", "--install-links", "--install-strategy=hoisted",
    "--location=project", "--no-audit", "--no-fund", "--no-update-notifier", "--no-progress", "--no-color",
    "--loglevel=error", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
)  # fmt: skip
_SECONDS = 600
_NODES = (
    "~/.nvm/versions/node/*/bin", "~/.local/share/fnm/node-versions/*/installation/bin", "~/.volta/bin",
    "/opt/homebrew/bin",
)  # fmt: skip
_SPACE_BEFORE_NAME = re.compile(r"(?<![=<>|~^-])\s+(?=[@A-Za-z])")
_PACKAGE = re.compile(r"(?P<folder>(?:.*/)?node_modules/(?:@[^/]+/)?[^/@.][^/]*)/package\.json")
_BY_NAME = re.compile(r"(?:@[\w.~-]+/)?[\w.~-]+(?:@(?:npm:(?:@[\w.~-]+/)?[\w.~-]+(?:@[^/:]*)?|[^/:]*))?")
"""A package by its name, perhaps with a version or another name; what is none is a path or an address."""
_SCRIPTS = ("preinstall", "install", "postinstall")


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a command: its exit status, and all that it wrote."""

    status: int
    said: str


Run = Callable[[Sequence[str], Path, Mapping[str, str]], Ran]
"""Runs a command in a directory with these variables. Raises `OSError` or `subprocess.TimeoutExpired`."""


def run(command: Sequence[str], directory: Path, variables: Mapping[str, str]) -> Ran:
    """Run a command to its end."""
    done = subprocess.run(
        command, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", timeout=_SECONDS, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout)


class Npm(Installer):
    """npm of this machine: the one that `LAMBDALAB_NPM` names, or the first that is found."""

    layer = "nodejs/"

    def __init__(self, run: Run = run) -> None:
        self._run = run

    def read(self, words: Sequence[str]) -> Requirements:
        """Names with versions as npm reads them, or the path of a package.json; a lock file beside it counts."""
        manifests = [word for word in words if word.endswith(".json")]
        if manifests and len(words) > 1:
            raise BadOption(f"--requirements takes one {_MANIFEST}, or names of packages, not both: {', '.join(words)}")
        if manifests:
            return _project(Path(manifests[0]).expanduser())
        lines = tuple(line for word in words for line in _lines(word))
        if not lines:
            raise BadOption("--requirements names nothing to install; write for example --requirements left-pad@1.3.0.")
        settings = _read_if_there(Path.cwd() / _SETTINGS)
        return Requirements(lines, settings, _elsewhere(lines))

    def fill(self, folder: Path, wanted: Requirements, target: Target) -> None:
        """`node_modules`, without npm's own notes in it: they name where packages came from."""
        npm = find(target.runtime)
        variables = {**os.environ, "PATH": os.pathsep.join((str(Path(npm).parent), os.environ.get("PATH", "")))}
        with tempfile.TemporaryDirectory(prefix="lambdalab-npm-") as made:
            work = Path(made)
            # Without a manifest of its own npm would look for one in the directories above.
            for name, data in {_MANIFEST: b'{"private": true}', **wanted.files}.items():
                (work / name).write_bytes(data)
            self._check(npm, work, variables, target)
            done = self._called(_command(npm, wanted, target), work, variables)
            if done.status != 0:
                raise npm_words.explained(done.said, target)
            (work / "node_modules" / ".package-lock.json").unlink(missing_ok=True)
            if not (work / "node_modules").is_dir():
                raise NotInstalled(f"npm installed nothing for {target.runtime} on {target.architecture}.")
            shutil.move(work / "node_modules", folder)

    def contents(self, data: bytes) -> Contents:
        """What the packages' own manifests say."""
        found: set[tuple[str, str]] = set()
        unscripted: set[str] = set()
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            for match in filter(None, map(_PACKAGE.fullmatch, names)):
                manifest = _document(archive.read(match[0]))
                name = str(manifest.get("name") or match["folder"].rpartition("node_modules/")[2])
                found.add((name, str(manifest.get("version", ""))))
                if _scripted(manifest) or f"{match['folder']}/binding.gyp" in names:
                    unscripted.add(name)
        return Contents(tuple(sorted(found)), tuple(sorted(unscripted)))

    def _check(self, npm: str, work: Path, variables: Mapping[str, str], target: Target) -> None:
        """Raise `NotInstalled` when npm would choose by this machine, and the function's is another."""
        if _runs_here(target):
            return
        said = self._called([npm, "--version"], work, variables).said
        version = tuple(map(int, re.findall(r"\d+", said)[:2]))
        if version < _ANY_MACHINE:
            raise NotInstalled(
                f"npm {said.strip()} ({npm}) installs for its own machine only, and the function's is Linux on "
                f"{target.architecture}. npm 10.4 and newer can do it: `npm install -g npm@latest`."
            )

    def _called(self, command: Sequence[str], work: Path, variables: Mapping[str, str]) -> Ran:
        try:
            return self._run(command, work, variables)
        except subprocess.TimeoutExpired as late:
            raise NotInstalled(f"npm was not done after {_SECONDS} s, and was ended.") from late
        except OSError as problem:
            raise NotInstalled(f"npm did not run: {problem}.") from problem


def find(runtime: str) -> str:
    """The path of npm. Raises `NotInstalled` saying where it was looked for, and how to get it."""
    if named := os.environ.get("LAMBDALAB_NPM"):
        return named
    beside = os.environ.get(f"LAMBDALAB_RUNTIME_{runtime.upper().replace('.', '_')}")
    near = [str(Path(beside).parent)] if beside else []
    newest = [sorted(_folders(pattern), key=_numbers, reverse=True) for pattern in _NODES]
    for place in (*near, None, *(str(one) for found in newest for one in found)):
        if found := shutil.which("npm", path=place):
            return found
    raise NotInstalled(
        "npm, which installs packages for Node.js, is not on this machine: not on the search path, not beside the "
        "runtime's Node.js, not in nvm, fnm, volta or Homebrew. It comes with Node.js: `conda install -c conda-forge "
        "nodejs`, `nvm install 22`, `brew install node` or `apt install npm`; or name one: LAMBDALAB_NPM=/path/to/npm."
    )


def missing_modules(folder: Path) -> bool:
    """Whether a folder's manifest names production dependencies, and nothing of them is in the folder."""
    manifest = _document((folder / _MANIFEST).read_bytes()) if (folder / _MANIFEST).is_file() else {}
    return bool(manifest.get("dependencies")) and not (folder / "node_modules").is_dir()


def _command(npm: str, wanted: Requirements, target: Target) -> list[str]:
    machine = ("--os=linux", f"--cpu={_CPUS[target.architecture]}", "--libc=glibc")
    if any(name in wanted.files for name in _LOCKS):
        return [npm, "ci", *_OPTIONS, *machine]
    names = () if _MANIFEST in wanted.files else wanted.lines
    return [npm, "install", "--no-package-lock", *_OPTIONS, *machine, "--", *names]


def _lines(word: str) -> list[str]:
    if word.lstrip().startswith("-"):
        raise BadOption(
            f"--requirements is {word!r}; it takes packages such as left-pad@1.3.0, not options of npm."
            f" Those belong in npm's configuration, or in a {_SETTINGS} file."
        )
    if word.endswith(".txt"):
        raise BadOption(f"--requirements {word}: for Node.js a file of requirements is a {_MANIFEST}.")
    return [_absolute(part) for part in _SPACE_BEFORE_NAME.split(word.strip()) if part]


def _absolute(part: str) -> str:
    """A path as seen from here: npm runs in a directory of its own."""
    path = part.removeprefix("file:")
    return str(Path.cwd() / path) if path.startswith(("./", "../")) else part


def _project(path: Path) -> Requirements:
    if path.name != _MANIFEST:
        raise BadOption(f"--requirements {path}: for Node.js a file of requirements is a {_MANIFEST}.")
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise BadOption(f"--requirements {path}: the file cannot be read: {problem.strerror}.") from problem
    manifest = _document(data)
    asked = {name: str(spec) for kind in _PRODUCTION for name, spec in (manifest.get(kind) or {}).items()}
    if not asked:
        raise BadOption(f"--requirements {path} names no dependencies; or it is no {_MANIFEST} at all.")
    near = [name for name, spec in asked.items() if re.match(r"(file|link|workspace):(?!/)|\.\.?/", spec)]
    if near or manifest.get("workspaces"):
        raise BadOption(
            f"--requirements {path}: {', '.join(near) or 'workspaces'} would come from folders beside it, and it is "
            "installed in a place of its own. Run `npm install --install-links` there, and deploy the folder (--from)."
        )
    beside: dict[str, bytes] = {}
    for name in (*_LOCKS, _SETTINGS):
        beside |= _read_if_there(path.parent / name)
    lines = tuple(f"{name}@{spec}" for name, spec in asked.items())
    return Requirements(lines, {_MANIFEST: data, **beside}, _elsewhere(lines))


def _elsewhere(lines: Sequence[str]) -> bool:
    return not all(map(_BY_NAME.fullmatch, lines))


def _read_if_there(path: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes()}
    except OSError:
        return {}


def _document(data: bytes) -> dict[str, Any]:
    """A manifest; empty when it is none, as packages may carry anything by that name among their test data."""
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _scripted(manifest: Mapping[str, Any]) -> bool:
    scripts = manifest.get("scripts")
    return isinstance(scripts, dict) and any(scripts.get(name) for name in _SCRIPTS)


def _runs_here(target: Target) -> bool:
    glibc = platform.libc_ver()[0] == "glibc"
    return sys.platform == "linux" and glibc and platform.machine().lower() in _MACHINES[target.architecture]


def _folders(pattern: str) -> list[Path]:
    home = Path(pattern).expanduser()
    return list(Path(home.anchor).glob(str(home.relative_to(home.anchor))))


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]
