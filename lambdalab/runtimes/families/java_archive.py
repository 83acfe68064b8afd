"""Class-data archives: what halves a JVM's start, made once for each JVM and client (AppCDS).

AWS's runtimes bring such an archive of their own classes. Here a trial run against a Runtime API of our own writes
down which classes the client loads, and the JVM dumps them. An archive holds for the class path that it was made
with, so there are two: one as the sandbox sees the client, at /var/runtime, and one for where paths cannot be mapped.
Without an archive functions start all the same, more slowly, so nothing here fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lambdalab.runtimes.families.java_client import Client
from lambdalab.runtimes.interpreters import Interpreter
from lambdalab.runtimes.runtime_api import RuntimeApi
from lambdalab.runtimes.runtime_connection import Connection, Source, Stream
from lambdalab.runtimes.runtime_event import Event
from lambdalab.trees import making

_SECONDS = 60
_TRIALS = (
    (
        "java.util.HashMap::putAll",
        b'{"text": "\\u00e9", "numbers": [1, 2.5, -3e10], "nested": {"yes": true, "no": null}}',
    ),
    ("java.lang.Object::equals", b'"a word"'),
    ("java.text.DecimalFormat::setDecimalFormatSymbols", b'{"infinity": "endless"}'),
)
"""Handlers that every Java has, and an event for each: a map, any value, and a class with setters are read as for a
function's own types."""
_FAULTY = b"[1"
"""An event whose error has to be reported."""
_SINCE = 11
"""Archives of an application's own classes came with this release."""
_MAPPED, _REAL = "mapped.jsa", "real.jsa"


def file(client: Client, found: Interpreter, *, mapped: bool) -> Path:
    """Where the archive is, or would be: for a client seen at /var/runtime, or seen where it lies."""
    return _directory(client, found) / (_MAPPED if mapped else _REAL)


async def make(client: Client, found: Interpreter) -> None:
    """Make both archives, if they were not yet tried. Takes three seconds; no part of any function's init."""
    directory = _directory(client, found)
    if directory.exists():
        return
    with making(directory) as aside:
        with contextlib.suppress(OSError, TimeoutError):
            if release(found) >= _SINCE:
                lists = await asyncio.gather(*(_list(client, found, aside, *trial) for trial in _TRIALS))
                (aside / "classes").write_text("\n".join(dict.fromkeys(line for one in lists for line in one)))
                await asyncio.gather(_dump(client, found, aside), _dump_mapped(client, found, aside))
        for archive in aside.glob("*.jsa"):
            archive.chmod(0o644)


def _directory(client: Client, found: Interpreter) -> Path:
    name = hashlib.sha256(found.path.encode()).hexdigest()[:8]
    return client.directory / "archives" / f"{found.version}-{name}"


def release(found: Interpreter) -> int:
    """Java's release: 8 for "1.8.0_402", 17 for "17.0.9"."""
    return int(re.findall(r"\d+", found.version.removeprefix("1."))[0])


def module_flags(found: Interpreter) -> tuple[str, ...]:
    """What is opened to the client beyond what Java opens: an archive holds for the flags that it was made with."""
    opened = ("--add-opens=java.base/java.io=ALL-UNNAMED",) if release(found) >= 9 else ()
    native = ("--enable-native-access=ALL-UNNAMED",) if release(found) >= 24 else ()
    return (*opened, *native)


def _class_path(client: Client, root: str) -> str:
    return ":".join(f"{root}/{jar}" for jar in client.jars)


class _Trial:
    """The Runtime API of the trial run: hands out the events, then says that it is over."""

    def __init__(self, event: bytes) -> None:
        self._left = [event, _FAULTY]
        self.over = asyncio.Event()

    def polled(self, connection: Connection) -> None:
        """The next event, if there is one."""
        if self._left:
            arn = "arn:aws:lambda:us-east-1:123456789012:function:trial"
            connection.send_event(Event("trial", self._left.pop(0), arn, "Root=1-0-0"), 4_000_000_000_000)
        else:
            self.over.set()

    def responded(self, request_id: str, body: bytes, *, too_large: bool) -> bool:  # noqa: ARG002 - Listener's
        """Whatever it answers."""
        return True

    def streams(self, request_id: str, content_type: str, source: Source) -> Stream | None:  # noqa: ARG002
        """Java's client answers whole."""
        return None

    def failed(self, request_id: str, body: bytes, error_type: str) -> bool:  # noqa: ARG002
        """Whatever it reports."""
        return True

    def asks_to_be_restored(self, connection: Connection) -> bool:  # noqa: ARG002
        """It is not told of SnapStart."""
        return False

    def is_answered(self, request_id: str) -> bool:  # noqa: ARG002
        """It is asked once."""
        return False

    def restore_failed(self, body: bytes | None, error_type: str) -> None:
        """Nor of a restore."""

    def init_failed(self, body: bytes | None, error_type: str) -> None:  # noqa: ARG002
        """Nothing more is to come."""
        self.over.set()


async def _list(client: Client, found: Interpreter, directory: Path, handler: str, event: bytes) -> list[str]:
    """The lines of the JVM's list of the classes that a trial run loads, without their numbers in that run."""
    trial = _Trial(event)
    api = RuntimeApi(trial, trial)
    await api.start()
    api.let_in(lambda _peer, _local: True)
    root, listed = str(client.directory), directory / f"classes-{handler}"
    command = [
        found.path, "-Xshare:off", *_flags(found), "-XX:+UseSerialGC", f"-XX:DumpLoadedClassList={listed}",
        *client.properties(root), "-classpath", _class_path(client, root), client.main, handler,
    ]  # fmt: skip
    variables = {
        "AWS_LAMBDA_RUNTIME_API": api.address, "AWS_LAMBDA_FUNCTION_NAME": "trial", "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "_HANDLER": handler,
        "AWS_LAMBDA_LOG_GROUP_NAME": "trial", "AWS_LAMBDA_LOG_STREAM_NAME": "trial", "LAMBDA_TASK_ROOT": str(directory),
    }  # fmt: skip
    process = await _start(command, variables, directory)
    try:
        await _until_over(process, trial)
    finally:
        api.close()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    lines = listed.read_text().splitlines()
    listed.unlink()
    return [re.sub(r" id: \d+$", "", line) for line in lines if not line.startswith("#")]


async def _until_over(process: asyncio.subprocess.Process, trial: _Trial) -> None:
    ended, over = asyncio.ensure_future(process.wait()), asyncio.ensure_future(trial.over.wait())
    await asyncio.wait({ended, over}, timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    over.cancel()
    with contextlib.suppress(ProcessLookupError):
        process.terminate()  # an orderly end: the list is written to its last line
    await asyncio.wait_for(ended, _SECONDS)


async def _dump(client: Client, found: Interpreter, directory: Path) -> None:
    command = _dump_command(client, found, directory, str(client.directory), _REAL)
    await _run(command, directory)


async def _dump_mapped(client: Client, found: Interpreter, directory: Path) -> None:
    """The same with the client at /var/runtime; not to be had where no namespace is, and not needed there."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return
    # The machine as it is, but for /var, with the archive's directory where it is on the outside.
    inside = [
        bwrap, "--unshare-user", "--die-with-parent", "--dev-bind", "/", "/", "--tmpfs", "/var",
        "--ro-bind", str(client.directory), "/var/runtime", "--bind", str(directory), str(directory), "--",
    ]  # fmt: skip
    await _run([*inside, *_dump_command(client, found, directory, "/var/runtime", _MAPPED)], directory)


def _dump_command(client: Client, found: Interpreter, directory: Path, root: str, name: str) -> list[str]:
    # Since Java 24 classes can be stored linked, as AWS's ahead-of-time caches have them.
    linked = ["-XX:+AOTClassLinking"] if release(found) >= 24 else ["-XX:+UseSerialGC"]
    return [
        found.path, "-Xshare:dump", *_flags(found), *linked, f"-XX:SharedClassListFile={directory}/classes",
        f"-XX:SharedArchiveFile={directory}/{name}", "-classpath", _class_path(client, root),
    ]  # fmt: skip


def _flags(found: Interpreter) -> tuple[str, ...]:
    return ("-XX:-UsePerfData", *module_flags(found))


async def _run(command: Sequence[str], directory: Path) -> None:
    process = await _start(command, {}, directory)
    try:
        await asyncio.wait_for(process.wait(), _SECONDS)
    except TimeoutError:
        process.kill()
        raise


async def _start(command: Sequence[str], variables: Mapping[str, str], directory: Path) -> asyncio.subprocess.Process:
    quiet = asyncio.subprocess.DEVNULL
    environment = {"PATH": os.defpath, "LANG": "en_US.UTF-8", "TMPDIR": str(directory), **variables}
    return await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=directory, stdin=quiet, stdout=quiet, stderr=quiet
    )
