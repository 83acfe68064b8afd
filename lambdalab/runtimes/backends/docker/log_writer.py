"""The write end of a log's pipe: what it has no room for waits here, in order, until its reader has made some."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Callable

_CHUNK = 1 << 16
_PIPE = 1 << 20


class LogWriter:
    """One pipe. `fd` is its read end, the region's to close; `moved` is called when what waited has gone on."""

    def __init__(self, moved: Callable[[], None]) -> None:
        self.fd, self._fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, _PIPE)
        self._moved = moved
        self._loop = asyncio.get_running_loop()
        self._unwritten = bytearray()
        self._watching = False
        self._over = False

    @property
    def waiting(self) -> int:
        """How many bytes have no room yet."""
        return len(self._unwritten)

    def add(self, content: bytes) -> None:
        """Keep it for the next `write`."""
        self._unwritten += content

    def write(self) -> None:
        """Write what there is room for; the rest follows by itself."""
        if self._fd < 0:
            self._unwritten.clear()
            return
        while self._unwritten:
            try:
                written = os.write(self._fd, self._unwritten[:_CHUNK])
            except BlockingIOError:
                break
            except OSError:
                self._unwritten.clear()
                break
            del self._unwritten[:written]
        self._watch(waiting=bool(self._unwritten))
        if self._over and not self._unwritten:
            self._close()

    def end(self) -> None:
        """Nothing is added any more: the pipe is closed once all is written. Harmless when done twice."""
        self._over = True
        self.write()

    def _write_more(self) -> None:
        self.write()
        self._moved()

    def _watch(self, *, waiting: bool) -> None:
        if waiting and not self._watching:
            self._loop.add_writer(self._fd, self._write_more)
        elif self._watching and not waiting:
            self._loop.remove_writer(self._fd)
        self._watching = waiting

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1
