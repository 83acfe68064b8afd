"""Java: the cell is one source file, compiled for the runtime's release; its classes are the package.

The interfaces of handlers are those of AWS's -core library, which Lambda brings. What a cell uses of
aws-lambda-java-events and of org.crac goes into the package, as on AWS; so do jars and further sources that are given
as files.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lambdalab.client.building import cache
from lambdalab.client.building.base import Builder, Built, CellSyntaxError, CompilerMissing, Source
from lambdalab.client.building.java_source import JavaSource
from lambdalab.toolchains import javac, maven
from lambdalab.toolchains.javac import Compiler
from lambdalab.toolchains.maven import Artifact, NoJars

_KNOWN = {
    "com.amazonaws.services.lambda.runtime.events": (
        Artifact("com.amazonaws", "aws-lambda-java-events", "3.16.1"),
        Artifact("joda-time", "joda-time", "2.10.8"),
    ),
    "org.crac": (Artifact("io.github.crac", "org-crac", "0.1.3"),),
}
"""The jars of packages that AWS's documentation has functions use and Lambda does not bring: its event classes, and the
hooks of SnapStart."""
_ERROR = re.compile(r"^(?P<file>\S[^:\n]*\.java):(?P<line>\d+): (?:error: )?(?P<what>.*)$")
_SHOWN = 40
"""Lines of complaints: more help nobody."""


class Java(Builder):
    """A text with a class that is, or has, a handler."""

    def build(self, source: Source) -> Built:
        """Its classes, the source itself where its package says, and the jars that it needs."""
        read = JavaSource.read(source.text)
        main = read.path
        release = int(source.runtime.version)
        compiler = javac.best(release)
        if compiler is None:
            raise CompilerMissing(
                f"{source.runtime.name} needs a Java compiler (javac), and none was found. {javac.GET}"
            )
        target = min(release, compiler.release)
        further = {name: data for name, data in source.files.items() if name.endswith((".java", ".jar"))}
        libraries = _libraries(source)
        parts = (main, source.text, compiler.version, str(target), *(part for one in further.items() for part in one))

        def compiled(directory: Path) -> None:
            _compile(
                compiler, target, source, {**further, main: source.text.encode()}, [*libraries.values()], directory
            )

        made = cache.made("java", (*parts, *libraries), compiled) / "classes"
        handler = read.handler(source.handler, source.cell.label)  # what does not compile hides it
        files = {path.relative_to(made).as_posix(): path.read_bytes() for path in sorted(made.rglob("*.class"))}
        files |= {f"lib/{name}": path.read_bytes() for name, path in libraries.items()}
        return Built({**files, main: source.text.encode()}, handler, main)


def _libraries(source: Source) -> dict[str, Path]:
    """The jars of those packages by name that the cell names."""
    used = [name for name in _KNOWN if name in source.text]
    wanted = [one for name in used for one in _KNOWN[name]]
    directory = cache.directory("jars")
    if not all((directory / one.file).is_file() for one in wanted):
        try:
            maven.jars(wanted, directory)
        except NoJars as why:
            raise CompilerMissing(
                f"{source.cell.label} uses {' and '.join(used)}, whose jars cannot be had: {why} "
                "Get Maven with `apt install maven`, `conda install -c conda-forge maven` or `brew install maven`, or "
                "give their jars with --file PATH=lib/NAME.jar and import them from there."
            ) from why
    return {one.file: directory / one.file for one in wanted}


def _compile(
    compiler: Compiler, release: int, source: Source, files: Mapping[str, bytes], libraries: Sequence[Path], into: Path
) -> None:
    """Put the files into `into/sources` and their classes into `into/classes`; the cell's own file is the last."""
    classes, sources = into / "classes", into / "sources"
    classes.mkdir()
    for name, data in files.items():
        path = sources / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    main = sources / [*files][-1]
    jars = [*libraries, *sorted(sources.rglob("*.jar"))]
    try:
        said = javac.compile_sources(compiler, release, sorted(sources.rglob("*.java")), classes, class_path=jars)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CompilerMissing(f"{compiler.path} did not run: {problem}") from problem
    if said:
        raise _refused(said, source, main, release)


def _refused(said: str, source: Source, main: Path, release: int) -> CellSyntaxError:
    """javac's complaints with their places in the cell's lines; its own lines of code and its arrows stay."""
    cell, words, line, column = source.cell, [], 0, 0
    for text in said.splitlines():
        found = _ERROR.match(text)
        if found is None:
            if not column and line and text.strip() == "^":
                column = text.index("^") + 1
            words.append(text)
        elif found["file"] == str(main):
            place = int(found["line"]) + cell.first_line - 1
            line = line or place
            words.append(f"{cell.label}, line {place}: {found['what']}")
        else:
            words.append(f"{Path(found['file']).name}, line {found['line']}: {found['what']}")
    if release < int(source.runtime.version):
        words.append(f"(Compiled as Java {release}: no compiler of Java {source.runtime.version} is here. {javac.GET})")
    return CellSyntaxError("\n".join(words[:_SHOWN]), line, column)
