"""External extensions: found in the layers, started by a small shell launcher before the runtime, waited for.

The launcher (`bootstraps/extensions/launch.sh`) is the sandbox's first process where a function has extensions,
and nowhere else. It starts them, waits for a word before it starts the runtime, reports who ended, and stays, for
extensions outlive the runtime at the end. `Line` is the region's end of its conversation: here a socket that is
the launcher's standard input and its descriptor 3. A backend whose sandboxes inherit no descriptors (Docker) runs
the same script, writes the words to the standard input that it attached, and has the reports come marked among the
extensions' output.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdalab.runtimes import executable
from lambdalab.runtimes.backends.base import CannotStart, Exit
from lambdalab.runtimes.executable import Where
from lambdalab.runtimes.families.base import BOOTSTRAPS

DIRECTORY = "extensions"
"""Below /opt."""
LIMIT = 10
"""How many extensions a function may have."""
HIDDEN = (
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "_HANDLER",
)  # fmt: skip
"""Variables that are the runtime's alone (AWS's page "Augment Lambda functions using Lambda extensions")."""
REPORT = 4096
"""More bytes than a report has."""
Ended = Callable[[str | None, Exit], None]
"""What is told of a program's end: the extension's name, None for the runtime."""


class CannotLaunch(CannotStart):
    """An extension that cannot be started: its name and AWS's word for why."""

    def __init__(self, name: str, kind: str, message: str) -> None:
        super().__init__("Extension.LaunchError", message)
        self.name = name
        self.kind = kind


@dataclass(frozen=True, slots=True)
class File:
    """A file in /opt/extensions: whether a function may execute it, and its first `executable.START` bytes.

    None of them where nobody could look; that it cannot be executed is then its own end, as a crash.
    """

    executable: bool
    start: bytes | None


def find(layers: Iterable[Path], where: Where, architecture: str) -> tuple[str, ...]:
    """The names of the extensions in the layers' /opt/extensions, in order. `architecture` is the function's.

    Raises `CannotLaunch`, and `RuntimeUnavailable` for a program that AWS would start.
    """
    files: dict[str, Path] = {}
    for layer in layers:
        with contextlib.suppress(OSError):
            files |= {file.name: file for file in (layer / DIRECTORY).iterdir() if file.is_file()}
    return launchable({name: _look(file) for name, file in files.items()}, where, architecture)


def launchable(files: Mapping[str, File], where: Where, architecture: str) -> tuple[str, ...]:
    """The names of the extensions among the files of /opt/extensions, in order. Raises as `find` does.

    AWS starts every file there, and fails the init where one cannot be; texts and kinds are those of the Runtime
    Interface Emulator.
    """
    for name, file in sorted(files.items()):
        _check(name, file, where, architecture)
    if len(files) > LIMIT:
        raise CannotLaunch(sorted(files)[LIMIT], "TooManyExtensions", "ErrTooManyExtensions")
    return tuple(sorted(files))


def _look(file: Path) -> File:
    if not os.access(file, os.X_OK):
        return File(executable=False, start=b"")
    with file.open("rb") as content:
        return File(executable=True, start=content.read(executable.START))


def _check(name: str, file: File, where: Where, architecture: str) -> None:
    if not file.executable:
        raise CannotLaunch(name, "PermissionDenied", f"fork/exec /opt/{DIRECTORY}/{name}: permission denied")
    if file.start is not None and (why := executable.refusal(file.start, where, architecture)):
        raise CannotLaunch(name, "UnknownError", f"fork/exec /opt/{DIRECTORY}/{name}: {why}")


def launcher(
    opt: str, hidden: Sequence[str], command: Sequence[str], *, mark: str = "", descriptors: str = ""
) -> list[str]:
    """The command that starts the extensions in `opt`, then the runtime's `command`.

    `hidden` are the runtime's own variables beside AWS's, which extensions do not see. `mark` comes before each
    report; `descriptors` is a line of shell that makes those that the script wants, where it does not inherit them.
    """
    text = (BOOTSTRAPS / "extensions" / "launch.sh").read_text()
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    script = "\n".join([descriptors, *lines] if descriptors else lines)
    hides = " ".join((*HIDDEN, *hidden))
    return ["/bin/sh", "-c", script, "launch", f"{opt}/{DIRECTORY}", hides, mark, *command]


class Talk(Protocol):
    """The region's end of the conversation with one launcher."""

    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`; nothing once the launcher has gone."""

    def close(self) -> None:
        """Hang up; harmless when done twice."""


class Line:
    """The conversation with one launcher. `close` it at the sandbox's end."""

    def __init__(self, line: socket.socket, ended: Ended) -> None:
        self._line = line
        self._ended = ended
        self._partial = b""
        line.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(line, self._heard)

    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`; nothing once the launcher has gone."""
        with contextlib.suppress(OSError):
            self._line.send(f"{word}\n".encode())

    def close(self) -> None:
        """Hang up; harmless when done twice."""
        if self._line.fileno() >= 0:
            self._loop.remove_reader(self._line)
            self._line.close()

    def _heard(self) -> None:
        try:
            data = self._line.recv(REPORT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._partial = self._partial[:REPORT]
        for line in lines:
            tell_end(line, self._ended)


def tell_end(report: bytes, ended: Ended) -> None:
    """Tell what a launcher's report says; nothing where it is none."""
    kind, _, rest = report.decode("utf-8", "replace").partition(" ")
    status, _, name = rest.partition(" ")
    if kind in {"extension", "runtime"} and status.isdecimal():
        ended(name if kind == "extension" else None, read_shell_status(int(status)))


def read_shell_status(status: int) -> Exit:
    """A shell says 128+n for a signal n, which exit(128+n) cannot be told from.

    But for 129: AWS's Node.js runtime exits with it, and nobody hangs up on a function.
    """
    if 129 < status <= 128 + 31:
        return Exit("signal", signal=status - 128)
    return Exit("exited", status=status)
