"""A container's extensions: the launcher as its first program, the words said to it, the reports that come back.

The launcher is the sandboxes' own script (`programs`). A container inherits no descriptors, so its words come by the
standard input, over a connection of their own; its reports come marked on stderr, among the extensions' output, while
all of the runtime's output is on stdout. No further call of the engine is needed, and the processes are one tree.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import ssl
from collections.abc import Sequence
from typing import Any

from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.programs import Ended

_OPT = "/opt"
_DESCRIPTORS = "exec 3>&2 4>&2 2>&1"
"""Reports and the extensions' output on stderr, the runtime's stdout and stderr on stdout."""


class Reports:
    """Takes a launcher's reports out of what comes with them. `tell` passes them on, to `ended`."""

    def __init__(self) -> None:
        self.mark = f"\x1elambdalab-{secrets.token_hex(12)} "
        """Before each report. What runs in the container may read it, and lie about its own end."""
        self.ended: Ended = _nobody
        self._held = b""
        self._found: list[bytes] = []

    def sift(self, content: bytes) -> bytes:
        """The content without reports. The beginning of one at the end is held until the rest has come."""
        mark, kept, content = self.mark.encode(), b"", self._held + content
        self._held = b""
        while content:
            before, found, after = content.partition(mark)
            if not found:
                at = _begins(content, mark)
                self._held = content[at:]
                return kept + content[:at]
            kept += before
            report, end, rest = after.partition(b"\n")
            if not end and len(report) <= programs.REPORT:
                self._held = found + after
                return kept
            self._found.append(report)
            content = rest
        return kept

    def tell(self) -> None:
        """Pass on what was found."""
        found, self._found = self._found, []
        for report in found:
            programs.tell_end(report, self.ended)


def _begins(content: bytes, mark: bytes) -> int:
    """Where at the end of the content a mark may begin; its length where none does."""
    at = content.rfind(mark[:1], 1 - len(mark))
    return at if at >= 0 and mark.startswith(content[at:]) else len(content)


def _nobody(name: str | None, end: Exit) -> None:
    """Who has not yet said that it wants to know."""


class Launcher:
    """One container's launcher. `attach` before the container is started, `close` at its end."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.reports = Reports()
        self._attached: Any = None
        self._words: socket.socket | None = None

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What the container starts so that it becomes the runtime's command `argv` in the end."""
        return tuple(programs.launcher(_OPT, (), argv, mark=self.reports.mark, descriptors=_DESCRIPTORS))

    async def attach(self, engine: Engine, container: str) -> None:
        """Connect to its standard input."""
        parameters = {"stdin": 1, "stream": 1}
        self._attached = await engine.call(engine.api.attach_socket, container, parameters)
        if hasattr(self._attached, "fileno") and not isinstance(self._attached, ssl.SSLSocket):
            # A descriptor of our own: the SDK's response closes its own when nobody holds it any more.
            self._words = socket.socket(fileno=os.dup(self._attached.fileno()))

    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`: a few bytes, which the connection always has room for."""
        to = self._words or self._attached
        if to is not None:
            with contextlib.suppress(OSError):
                to.send(f"{word}\n".encode())

    def close(self) -> None:
        """Hang up; harmless when done twice."""
        for one in (self._words, self._attached):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.close()
        self._words = self._attached = None
