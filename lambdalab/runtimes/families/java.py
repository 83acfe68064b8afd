"""Java functions: AWS's own runtime interface client from Maven Central; where it cannot be had, a client of ours.

The command line is AWS's, as its runtimes show it to a wrapper script: heap of 85 % of the memory size, the serial
collector, a class-data archive (`java_archive.py`), the client's jars on the class path. The client itself puts
/var/task, /var/task/lib/*.jar and /opt/java/lib/*.jar on the function's.
"""

from __future__ import annotations

import ctypes
import locale
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lambdalab.model.invocation import ON_DEMAND
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.families import java_archive, java_client
from lambdalab.runtimes.families.base import Family, Start
from lambdalab.runtimes.families.java_client import Client
from lambdalab.runtimes.interpreters import Interpreter

_HEAP_SHARE = 0.85
"""Of the memory size: AWS gives 445,645k of 512 MB. The rest is for what the JVM holds beside the heap."""


class Java(Family):
    """One directory of jars serves every JVM; beside them lies an archive of their classes for each."""

    name = "java"

    def __init__(self, clients: Path) -> None:
        super().__init__(clients)
        self._made: dict[str, Client] = {}

    async def client(self, found: Interpreter) -> Path:
        """AWS's client, else ours. The first call of a home takes ten seconds, the first of a JVM three.

        Raises `RuntimeUnavailable` when neither can be had, saying what is missing.
        """
        client = self._made.get(found.path)
        if client is None or not client.directory.exists():
            client = await java_client.make(self.clients, found)
            await java_archive.make(client, found)
            self._made[found.path] = client
        return client.directory

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """java with AWS's flags. Where /opt is not the layers' own, their jars come onto the client's class path."""
        client = self._made[found.path]
        flags = (*_flags(found, spec), *_archive(client, found, mapped=True), *client.properties("{runtime}"))
        elsewhere = (*_flags(found, spec), *_archive(client, found, mapped=False), *client.properties("{runtime}"))
        path = ":".join(f"{{runtime}}/{jar}" for jar in client.jars)
        return Start(
            (found.path, *flags, "-classpath", path, client.main, spec.handler),
            _locale(),
            unmapped=(
                found.path, *elsewhere, "-Djava.io.tmpdir={tmp}", "-classpath", f"{path}:{{opt}}/java/lib/*",
                client.main, spec.handler,
            ),
        )  # fmt: skip


@cache
def _locale() -> Mapping[str, str]:
    """The characters of AWS's LANG, where the machine lacks that locale: without them Java has ASCII for everything
    that is not in its own hands, names of files and values of variables among it, and for all texts before Java 18."""
    if sys.platform != "linux":
        return {}
    c_library = ctypes.CDLL(None)
    c_library.newlocale.restype = ctypes.c_void_p
    found = c_library.newlocale(1 << locale.LC_CTYPE, b"en_US.UTF-8", None)
    if not found:
        return {"LC_ALL": "C.UTF-8"}  # LC_CTYPE alone does not help: one unknown locale makes all of them "C"
    c_library.freelocale(ctypes.c_void_p(found))
    return {}


def _flags(found: Interpreter, spec: SandboxSpec) -> tuple[str, ...]:
    """AWS's, and two that the sandbox needs: no file for `jps` in /tmp, no failure for another vendor's flag."""
    number = java_archive.release(found)
    warm = spec.environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", ON_DEMAND) != ON_DEMAND
    # From Java 25 on AWS compiles on where there was time for it ahead; Java 11 and 8 always did.
    quick = (
        ("-XX:+TieredCompilation", "-XX:TieredStopAtLevel=1") if number >= 17 and not (number >= 25 and warm) else ()
    )
    return (
        "-XX:+IgnoreUnrecognizedVMOptions",
        "-XX:-UsePerfData",
        f"-XX:MaxHeapSize={round(spec.memory_mb * 1024 * _HEAP_SHARE)}k",
        "-XX:+UseSerialGC",
        *quick,
        *java_archive.module_flags(found),
        "-Djava.net.preferIPv4Stack=true",
        "-XX:+ErrorFileToStderr",
    )


def _archive(client: Client, found: Interpreter, *, mapped: bool) -> tuple[str, ...]:
    file = java_archive.file(client, found, mapped=mapped)
    if not file.exists():
        return ()
    # A function's own JAVA_TOOL_OPTIONS may make the archive unusable; new releases would say so in its log.
    quiet = ("-Xlog:cds=off", "-Xlog:aot=off") if java_archive.release(found) >= 24 else ()
    return *quiet, "-Xshare:auto", f"-XX:SharedArchiveFile={{runtime}}/{file.relative_to(client.directory)}"
