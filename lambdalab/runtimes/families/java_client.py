"""The directory that Java functions see at /var/runtime: AWS's runtime interface client, or the one of ours.

AWS's comes from the person's Maven. It polls through a native library, which exists for Linux only. Ours
(`bootstraps/java`) is plain Java and needs a compiler once; it keeps the same contract: the same handlers, the same
error documents. It is used where AWS's cannot be had, and says so in `about.txt`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable
from lambdalab.runtimes.families.base import BOOTSTRAPS
from lambdalab.runtimes.interpreters import Interpreter
from lambdalab.toolchains import javac, maven
from lambdalab.toolchains.javac import Compiler
from lambdalab.toolchains.maven import Artifact, NoJars
from lambdalab.trees import making

ARTIFACTS = (
    Artifact("com.amazonaws", "aws-lambda-java-core", "1.4.0"),
    Artifact("com.amazonaws", "aws-lambda-java-runtime-interface-client", "2.10.1"),
    Artifact("com.amazonaws", "aws-lambda-java-serialization", "1.4.1"),
    Artifact("software.amazon.awssdk", "utils-lite", "2.34.0"),
    Artifact("software.amazon.awssdk", "annotations", "2.34.0"),
)
"""AWS's client with all it needs, in the order of the class path (AWS's: core, client, serialization)."""
_MAIN = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
_NATIVE = "com.amazonaws.services.lambda.runtime.api.client.runtimeapi.NativeClient.JNI"
_OWN = BOOTSTRAPS / "java"
_OWN_MAIN = "lambdalab.Bootstrap"
_OWN_RELEASE = 8
_VARIABLE = "LAMBDALAB_JAVA_CLIENT"
"""`own` uses our client though AWS's could be had; a directory is where AWS's jars lie."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client's directory, its jars by their paths in it, and its main class. `native` is its native library."""

    directory: Path
    jars: tuple[str, ...]
    main: str
    native: str = ""

    def properties(self, runtime: str) -> tuple[str, ...]:
        """Options that tell the client where its parts are, seen below the path `runtime`."""
        native = (f"-D{_NATIVE}={runtime}/{self.native}",) if self.native else ()
        return ("-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac", *native)


async def make(clients: Path, found: Interpreter) -> Client:
    """The client's directory, made on first use. Raises `RuntimeUnavailable`."""
    return await asyncio.to_thread(_make, clients, found)


def _make(clients: Path, found: Interpreter) -> Client:
    wanted = os.environ.get(_VARIABLE, "")
    native = _native_library()
    why = f"{_VARIABLE} is 'own'" if wanted == "own" else "AWS's client has no native library for this system"
    if native and wanted != "own":
        try:
            return _awss(clients, found, native, Path(wanted) if wanted else None)
        except NoJars as missing:
            if wanted:
                raise RuntimeUnavailable(str(missing)) from missing
            why = str(missing)
    return _own(clients, why)


# -- AWS's


def _awss(clients: Path, found: Interpreter, native: str, given: Path | None) -> Client:
    text = "\n".join(map(str, (*ARTIFACTS, native)))
    directory = clients / f"java-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    if not directory.exists():
        with making(directory) as aside:
            lib = aside / "lib"
            if given is None:
                maven.jars(ARTIFACTS, lib, found.prefix)
            else:
                _given(given, lib)
            with zipfile.ZipFile(lib / ARTIFACTS[1].file) as jar:
                (lib / "jni").mkdir()
                (lib / "jni" / native).write_bytes(jar.read(f"jni/{native}"))
    return Client(directory, tuple(f"lib/{one.file}" for one in ARTIFACTS), _MAIN, f"lib/jni/{native}")


def _given(source: Path, lib: Path) -> None:
    lib.mkdir(parents=True)
    for one in ARTIFACTS:
        if not (source / one.file).is_file():
            raise NoJars(f"{_VARIABLE} is {str(source)!r}, but {one.file} is not in it.")
        shutil.copyfile(source / one.file, lib / one.file)


def _native_library() -> str:
    """The name of AWS's native library for this machine; empty when there is none."""
    machine = {"x86_64": "x86_64", "aarch64": "aarch_64", "arm64": "aarch_64"}.get(platform.machine(), "")
    if sys.platform != "linux" or not machine:
        return ""
    musl = any(Path("/lib").glob("ld-musl-*"))
    return f"libaws-lambda-jni.linux{'_musl' if musl else ''}-{machine}.so"


# -- ours


def _own(clients: Path, why: str) -> Client:
    sources = sorted(_OWN.rglob("*.java"))
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    directory = clients / f"java-own-{digest.hexdigest()[:16]}"
    if not directory.exists():
        compiler = javac.best(_OWN_RELEASE)
        if compiler is None:
            raise RuntimeUnavailable(
                f"Java functions need AWS's client for Java, or a compiler for LambdaLab's own: {why} And no javac "
                "was found. Get Maven (`apt install maven`, `conda install -c conda-forge maven`, `brew install "
                "maven`) and let it reach its repository once, or a JDK (`apt install default-jdk-headless`, `conda "
                f"install -c conda-forge openjdk`); or name a directory of AWS's jars: {_VARIABLE}=/path/to/jars "
                f"({', '.join(one.file for one in ARTIFACTS)})."
            )
        with making(directory) as aside:
            _compile(compiler, sources, aside, why)
    return Client(directory, ("lib/lambdalab-runtime.jar",), _OWN_MAIN)


def _compile(compiler: Compiler, sources: list[Path], aside: Path, why: str) -> None:
    classes = aside / "classes"
    classes.mkdir(parents=True)
    try:
        problem = javac.compile_sources(compiler, _OWN_RELEASE, sources, classes)
    except (OSError, subprocess.TimeoutExpired) as failed:
        problem = str(failed)
    if problem:
        raise RuntimeUnavailable(f"{compiler.path} did not compile LambdaLab's client for Java: {problem[:1000]}")
    (aside / "lib").mkdir()
    with zipfile.ZipFile(aside / "lib" / "lambdalab-runtime.jar", "w") as jar:
        for file in sorted(classes.rglob("*.class")):
            jar.write(file, str(file.relative_to(classes)))
    shutil.rmtree(classes)
    (aside / "about.txt").write_text(f"LambdaLab's own client for Java: {why}\n")
