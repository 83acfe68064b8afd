"""Java compilers of this machine, and compiling a few sources with one."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

INTERFACES = Path(__file__).parents[1] / "runtimes" / "bootstraps" / "java" / "interfaces"
"""What handlers implement and are given, as sources: a function is compiled against them without a download."""
LEAST = 9
"""The first release whose compiler makes classes for another one, checked against that one's library."""
GET = (
    "Get one with `apt install default-jdk-headless`, `conda install -c conda-forge openjdk` or `brew install "
    "openjdk`, or name one: LAMBDALAB_JAVAC=/path/to/javac."
)
_SECONDS = 120
_PLACES = (
    ("/usr/lib/jvm", "*/bin"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home/bin"),
    ("/opt/homebrew/opt", "openjdk*/bin"),
    ("~/.sdkman/candidates/java", "*/bin"),
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """A javac: its path, its release (17), and what it says of itself ("javac 17.0.15")."""

    path: str
    release: int
    version: str


def best(release: int) -> Compiler | None:
    """A compiler of that release or a later one; else the latest there is; None when there is none."""
    found: Compiler | None = None
    for one in compilers():
        if one.release >= release:
            return one
        if found is None or one.release > found.release:
            found = one
    return found


def compilers() -> Iterator[Compiler]:
    """Those that can compile for other releases: the named one alone, or the search path's first."""
    named = os.environ.get("LAMBDALAB_JAVAC")
    tried: set[Path] = set()
    for candidate in [Path(named)] if named else _candidates():
        path = candidate.resolve()
        if path in tried or not path.is_file():
            continue
        tried.add(path)
        found = _ask(str(path), path.stat().st_mtime_ns)
        if found is not None and found.release >= LEAST:
            yield found


def compile_sources(
    compiler: Compiler, release: int, sources: Sequence[Path], classes: Path, *, class_path: Sequence[Path] = ()
) -> str:
    """Compile for a release, with line numbers; what javac complains of, empty when it is content.

    Classes of `INTERFACES` are known and not made, unless they are among the sources. Raises `OSError` or
    `subprocess.TimeoutExpired` when it does not run.
    """
    path = ["-cp", os.pathsep.join(map(str, class_path or [classes]))]
    if not any(one.is_relative_to(INTERFACES) for one in sources):
        path += ["-sourcepath", str(INTERFACES), "-implicit:none"]
    done = subprocess.run(
        [
            compiler.path, "--release", str(release), *path, "-proc:none", "-nowarn", "-Xlint:none", "-g",
            "-encoding", "UTF-8", "-J-Duser.language=en", "-d", str(classes), *map(str, sources),
        ],
        capture_output=True, text=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stderr or done.stdout or "javac failed without a word"


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "javac")
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(directory, "javac")
    for root, pattern in _PLACES:
        yield from (found / "javac" for found in sorted(Path(root).expanduser().glob(pattern), reverse=True))


@cache
def _ask(path: str, _changed: int) -> Compiler | None:
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = (said.stdout + said.stderr).strip()
    found = re.match(r"javac (?:1\.)?(\d+)", version)
    return Compiler(path, int(found[1]), version) if found else None
