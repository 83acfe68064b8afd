"""External extensions: found in the layers, started by a small shell launcher before the runtime, waited for.

The launcher (`bootstraps/extensions/launch.sh`) is the sandbox's first process where a function has extensions,
and nowhere else. It starts them, waits for a word before it starts the runtime, reports who ended, and stays, for
extensions outlive the runtime at the end. `Line` is the region's end of its conversation: here a socket that is
the launcher's standard input and its descriptor 3. A backend whose sandboxes inherit no descriptors (Docker) runs
the same script, writes the words to the standard input that it attached, and has the reports come as it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lambdalab.runtimes.backends.base import CannotStart, Exit
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
_REPORT = 4096
Ended = Callable[[str | None, Exit], None]
"""What is told of a program's end: the extension's name, None for the runtime."""


class CannotLaunch(CannotStart):
    """An extension that cannot be started: its name and AWS's word for why."""

    def __init__(self, name: str, kind: str, message: str) -> None:
        super().__init__("Extension.LaunchError", message)
        self.name = name
        self.kind = kind


def find(layers: Iterable[Path]) -> tuple[str, ...]:
    """The names of the extensions in the layers' /opt/extensions, in order. Raises `CannotLaunch`.

    AWS starts every file there, and fails the init where one cannot be; texts and kinds are those of the Runtime
    Interface Emulator.
    """
    files: dict[str, Path] = {}
    for layer in layers:
        with contextlib.suppress(OSError):
            files |= {file.name: file for file in (layer / DIRECTORY).iterdir() if file.is_file()}
    for name in sorted(files):
        _check(name, files[name])
    if len(files) > LIMIT:
        raise CannotLaunch(sorted(files)[LIMIT], "TooManyExtensions", "ErrTooManyExtensions")
    return tuple(sorted(files))


def _check(name: str, file: Path) -> None:
    """A shell would take a text without `#!` for a script of its own; the kernel, and AWS with it, does not."""
    if not os.access(file, os.X_OK):
        raise CannotLaunch(name, "PermissionDenied", f"fork/exec /opt/{DIRECTORY}/{name}: permission denied")
    with file.open("rb") as content:
        start = content.read(4)
    if start[:2] != b"#!" and start != b"\x7fELF":
        raise CannotLaunch(name, "UnknownError", f"fork/exec /opt/{DIRECTORY}/{name}: exec format error")


def launcher(opt: str, hidden: Sequence[str], command: Sequence[str]) -> list[str]:
    """The command that starts the extensions in `opt`, then the runtime's `command`.

    `hidden` are the runtime's own variables beside AWS's, which extensions do not see.
    """
    text = (BOOTSTRAPS / "extensions" / "launch.sh").read_text()
    script = "\n".join(line for line in text.splitlines() if line and not line.lstrip().startswith("#"))
    return ["/bin/sh", "-c", script, "launch", f"{opt}/{DIRECTORY}", " ".join((*HIDDEN, *hidden)), *command]


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
            data = self._line.recv(_REPORT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        self._partial = self._partial[:_REPORT]
        for line in lines:
            kind, _, rest = line.decode("utf-8", "replace").partition(" ")
            status, _, name = rest.partition(" ")
            if kind in {"extension", "runtime"} and status.isdecimal():
                self._ended(name if kind == "extension" else None, read_shell_status(int(status)))


def read_shell_status(status: int) -> Exit:
    """A shell says 128+n for a signal n, which exit(128+n) cannot be told from.

    But for 129: AWS's Node.js runtime exits with it, and nobody hangs up on a function.
    """
    if 129 < status <= 128 + 31:
        return Exit("signal", signal=status - 128)
    return Exit("exited", status=status)
