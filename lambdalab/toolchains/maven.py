"""Jars by their Maven coordinates: from the person's local repository, or fetched by Maven, which keeps them there.

LambdaLab speaks to no registry itself: mirrors, proxies and credentials are those of the person's own Maven.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from lambdalab.errors import LabError

_SECONDS = 300
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class NoJars(LabError):
    """Some jars are neither in the local repository nor to be fetched. The message says why, in Maven's words."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A jar's coordinates."""

    group: str
    name: str
    version: str

    @property
    def file(self) -> str:
        """The jar's name."""
        return f"{self.name}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version}"


def jars(artifacts: Sequence[Artifact], directory: Path, java_home: str | None = None) -> None:
    """Put the jars of exactly these artifacts into a directory, which is made. Raises `NoJars`.

    `java_home` is a Java for Maven to run on where the machine has none on its search path. The first fetch takes
    ten seconds; what the local repository has is taken from there without Maven.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lacking = [one for one in artifacts if not _from_repository(one, directory)]
    if lacking:
        _fetch(lacking, directory, java_home)
    if still := [str(one) for one in artifacts if not (directory / one.file).is_file()]:
        raise NoJars(f"Maven ran, but did not bring {', '.join(still)}.")


def repository() -> Path:
    """The person's local repository: where Maven keeps what it fetched, unless its settings say otherwise."""
    return Path.home() / ".m2" / "repository"


def _from_repository(one: Artifact, directory: Path) -> bool:
    found = repository().joinpath(*one.group.split("."), one.name, one.version, one.file)
    if not found.is_file():
        return False
    shutil.copyfile(found, directory / one.file)
    return True


def _fetch(artifacts: Sequence[Artifact], directory: Path, java_home: str | None) -> None:
    maven = os.environ.get("LAMBDALAB_MAVEN") or shutil.which("mvn")
    names = ", ".join(map(str, artifacts))
    if maven is None:
        raise NoJars(f"{names} is not in {repository()}, and Maven (mvn) is not on this machine's search path.")
    environment = dict(os.environ)
    if java_home and not environment.get("JAVA_HOME") and shutil.which("java") is None:
        environment["JAVA_HOME"] = java_home
    with tempfile.TemporaryDirectory() as work:
        (Path(work) / "pom.xml").write_text(_project(artifacts))
        goal = ["dependency:copy-dependencies", "-DexcludeTransitive=true", f"-DoutputDirectory={directory.absolute()}"]
        try:
            done = subprocess.run(
                [maven, "--batch-mode", "--quiet", *goal],
                cwd=work, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False,
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise NoJars(f"Maven could not fetch {names}: {problem}") from problem
    if done.returncode != 0:
        raise NoJars(f"Maven could not fetch {names}: {_reason(done.stdout + done.stderr)}")


def _project(artifacts: Sequence[Artifact]) -> str:
    wanted = "".join(
        f"<dependency><groupId>{escape(one.group)}</groupId><artifactId>{escape(one.name)}</artifactId>"
        f"<version>{escape(one.version)}</version></dependency>"
        for one in artifacts
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>lambdalab</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>"
        f"<dependencies>{wanted}</dependencies></project>"
    )


def _reason(said: str) -> str:
    """Maven's first error: the others tell how to debug it."""
    lines = [line.strip() for line in _COLOURS.sub("", said).splitlines()]
    errors = [line.removeprefix("[ERROR]").strip() for line in lines if line.startswith("[ERROR]")]
    return (errors or [line for line in lines if line] or ["it said nothing"])[0][:500]
