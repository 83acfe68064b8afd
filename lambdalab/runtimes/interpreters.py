"""Finding the interpreter of exactly the version that a runtime names. Never another one.

Looked at in this order: `$LAMBDALAB_RUNTIME_<NAME>`, for Python the one that runs the region (a cell's function is to
run on what the notebook beside it runs on), the search path, then the catalogue's places (version managers, conda
environments, interpreters that PyPI packages carry).
A candidate counts once it has started, in an empty environment, and told its version.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable
from lambdalab.model import runtime
from lambdalab.model.runtime import Runtime
from lambdalab.runtimes import catalogue

_TRIED_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What runs a runtime on this machine.

    `path` is its real path ("" where the function's package is the program), `version` such as "3.12.1";
    `prefix` is the directory that a sandbox must show beside the system's own; `library_path` what it needs to be
    told to find its own library, if anything.
    """

    path: str
    version: str
    prefix: str
    library_path: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The directories that it is made of, outside the system's own."""
        parent = str(Path(self.path).parent) if self.path else ""
        mine = (self.prefix, *((parent,) if parent and not parent.startswith(f"{self.prefix}/") else ()))
        return tuple(dict.fromkeys(path for path in mine if path and not path.startswith("/usr")))


class Interpreters:
    """Finds interpreters and remembers what it found."""

    def __init__(self) -> None:
        self._found: dict[str, Interpreter] = {}

    async def find(self, name: str) -> Interpreter:
        """The interpreter of a runtime ("python3.12"). Raises `RuntimeUnavailable`, saying what was looked for."""
        wanted = runtime.known().get(name)
        if wanted is None:
            raise RuntimeUnavailable(f"{name} is no runtime that this version of LambdaLab knows.")
        if catalogue.family(wanted).brings_its_own:
            return Interpreter("", f"{wanted.version or wanted.name} (this machine's system)", "")
        known = self._found.get(name)
        if known is not None and Path(known.path).exists():
            return known
        looked: list[str] = []
        for candidate in candidates(name):
            if str(candidate) in looked:  # a directory may be on the search path twice, and be a catalogue's place
                continue
            looked.append(str(candidate))
            if candidate.exists() and (found := await _try(candidate, wanted)) is not None:
                self._found[name] = found
                return found
        raise RuntimeUnavailable(_missing(name, looked, self._others(wanted)))

    def _others(self, wanted: Runtime) -> list[str]:
        """Runtimes of the same language that were found here, the newest first; for Python the region's own too."""
        others = {name for name in self._found if runtime.known()[name].family == wanted.family}
        own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        if wanted.family == "python" and own in runtime.known():
            others.add(own)
        return sorted(others, key=_number, reverse=True)


def candidates(name: str) -> Iterator[Path]:
    """Where an interpreter of a runtime may be, best first."""
    wanted = runtime.known()[name]
    facts = catalogue.family(wanted)
    named = os.environ.get(catalogue.variable(name))
    if named:
        yield Path(named)
        return
    if wanted.family == "python" and f"{sys.version_info[0]}.{sys.version_info[1]}" == wanted.version:
        yield Path(sys.executable)
    executables = [catalogue.filled(one, wanted) for one in facts.executables]
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if "shims" not in directory:  # version managers' shims are scripts that choose by themselves
            yield from (Path(directory) / one for one in executables)
    for place in facts.places:
        for found in _directories(catalogue.filled(place, wanted)):
            yield from (found / one for one in executables)


_PLACES = {
    "{pyenv}": ("PYENV_ROOT", "~/.pyenv"),
    "{java_home}": ("JAVA_HOME", ""),
    "{dotnet_root}": ("DOTNET_ROOT", ""),
}


def _directories(pattern: str) -> Iterator[Path]:
    """The directories that a place of the catalogue names, the newest version first."""
    for name, (variable, default) in _PLACES.items():
        if pattern.startswith(name):
            value = os.environ.get(variable) or default
            if not value:
                return
            pattern = value + pattern[len(name) :]
    pattern = pattern.replace("{base}", sys.base_prefix).replace("{site}", sysconfig.get_path("purelib"))
    path = Path(pattern).expanduser()
    wild = next((at for at, part in enumerate(path.parts) if "*" in part), None)
    if wild is None:
        yield path
        return
    parent, rest = Path(*path.parts[:wild]), path.parts[wild + 1 :]
    if parent.is_dir():
        for found in sorted(parent.glob(path.parts[wild]), key=lambda one: _number(one.name), reverse=True):
            yield found.joinpath(*rest)


def _number(name: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", name))


async def _try(candidate: Path, wanted: Runtime) -> Interpreter | None:
    facts, real = catalogue.family(wanted), candidate.resolve()
    library = str(real.parent.parent / "lib")
    for library_path in ("", library):
        said = await _run([str(real), *facts.ask], {"LD_LIBRARY_PATH": library_path} if library_path else {})
        told = [] if said is None else [found.groupdict() for found in facts.answer.finditer(said)]
        mine = [one for one in told if one["version"] == wanted.version]
        if mine:
            path = str(Path(mine[-1].get("executable") or real).resolve())
            return Interpreter(path, mine[-1]["full"], mine[-1].get("prefix") or _prefix(Path(path)), library_path)
        if told:
            return None
    return None


def _prefix(path: Path) -> str:
    """What belongs to an executable: the directory above its `bin`, never a person's home or the whole machine."""
    above = path.parent.parent
    if path.parent.name != "bin" or above in {Path.home(), Path("/"), Path.home() / ".local"}:
        return str(path.parent)
    return str(above)


async def _run(command: Sequence[str], environment: dict[str, str]) -> str | None:
    """What the command says, to stdout or stderr; None when it does not run."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _TRIED_SECONDS)
    except TimeoutError:
        process.kill()
        return None
    return out.decode(errors="replace") if process.returncode == 0 else None


def _missing(name: str, looked: list[str], others: list[str]) -> str:
    here = f" {', '.join(others)} {'are' if len(others) > 1 else 'is'} here." if others else ""
    places = ", ".join(looked[:4]) + (f" and {len(looked) - 4} more places" if len(looked) > 4 else "")
    return (
        f"{name} is not on this machine.{here} Looked for {places}. {catalogue.how_to_get(name)} "
        f"Or name one: {catalogue.variable(name)}=/path/to/{catalogue.family(runtime.known()[name]).name}."
    )
