"""Finding the interpreter of exactly the version that a runtime names. Never another one.

Looked at in this order: `$LAMBDALAB_RUNTIME_<NAME>`, the search path, pyenv, conda environments, uv, and the
interpreter that runs the region. A candidate counts once it has started, in an empty environment, and told
its version.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable

_TELL = "import json,sys;print(json.dumps([list(sys.version_info[:3]),sys.base_prefix,sys._base_executable]))"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A working interpreter: its real path, version such as "3.12.1", prefix, and the library path it needs, if any."""

    path: str
    version: str
    prefix: str
    library_path: str = ""


class Interpreters:
    """Finds interpreters and remembers what it found."""

    def __init__(self) -> None:
        self._found: dict[str, Interpreter] = {}

    async def find(self, runtime: str) -> Interpreter:
        """The interpreter of `runtime` ("python3.12"). Raises `RuntimeUnavailable`, saying what was looked for."""
        known = self._found.get(runtime)
        if known is not None and Path(known.path).exists():
            return known
        looked: list[str] = []
        for candidate in candidates(runtime):
            looked.append(str(candidate))
            if candidate.exists() and (found := await _try(candidate, runtime)) is not None:
                self._found[runtime] = found
                return found
        raise RuntimeUnavailable(_missing(runtime, looked))


def candidates(runtime: str) -> Iterator[Path]:
    """Where an interpreter of `runtime` may be, best first."""
    version = runtime.removeprefix("python")
    named = os.environ.get(f"LAMBDALAB_RUNTIME_{runtime.upper().replace('.', '_')}")
    if named:
        yield Path(named)
        return
    home = Path.home()
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if "shims" not in directory:  # pyenv's shims are scripts that choose by themselves
            yield Path(directory) / runtime
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions"
    yield from _newest(pyenv, f"{version}.*", f"bin/{runtime}")
    for conda in ("miniconda3", "miniforge3", "mambaforge", "anaconda3", ".conda"):
        yield from _newest(home / conda / "envs", "*", f"bin/{runtime}")
    yield from _newest(home / ".local/share/uv/python", f"cpython-{version}.*", f"bin/{runtime}")
    if f"{sys.version_info[0]}.{sys.version_info[1]}" == version:
        yield Path(sys.base_prefix) / "bin" / runtime
        yield Path(sys.executable)


def _newest(directory: Path, pattern: str, inside: str) -> Iterator[Path]:
    def number(path: Path) -> tuple[int, ...]:
        return tuple(int(part) for part in path.name.replace("-", ".").split(".") if part.isdigit())

    if directory.is_dir():
        yield from (path / inside for path in sorted(directory.glob(pattern), key=number, reverse=True))


async def _try(candidate: Path, runtime: str) -> Interpreter | None:
    real = candidate.resolve()
    library = real.parent.parent / "lib"
    for library_path in ("", str(library)):
        told = await _run(str(real), {"LD_LIBRARY_PATH": library_path} if library_path else {})
        if told is None:
            continue
        version, prefix, executable = told
        if f"python{version[0]}.{version[1]}" != runtime:
            return None
        path = Path(executable).resolve() if executable else real
        return Interpreter(str(path), ".".join(map(str, version)), prefix, library_path)
    return None


async def _run(path: str, environment: dict[str, str]) -> tuple[list[int], str, str] | None:
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            "-I",
            "-S",
            "-c",
            _TELL,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 10)
        version, prefix, executable = json.loads(out)
    except (OSError, ValueError, TimeoutError):
        return None
    return version, prefix, executable


def _missing(runtime: str, looked: list[str]) -> str:
    version = runtime.removeprefix("python")
    places = ", ".join(looked[:4]) + (f" and {len(looked) - 4} more places" if len(looked) > 4 else "")
    return (
        f"{runtime} is not on this machine. Looked for {places}. {how_to_get(runtime)} "
        f"Or name one: LAMBDALAB_RUNTIME_PYTHON{version.replace('.', '_')}=/path/to/{runtime}."
    )


def how_to_get(runtime: str) -> str:
    """The commands that bring the interpreter."""
    version = runtime.removeprefix("python")
    return (
        f"Get it with `uv python install {version}`, `conda create -n py{version.replace('.', '')} python={version}`, "
        f"`pyenv install {version}` or `brew install python@{version}`."
    )
