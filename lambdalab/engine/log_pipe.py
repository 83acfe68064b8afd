"""What a function writes to stdout and stderr: read from its pipe, cut into lines, kept within bounds."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable

TAIL_BYTES = 4096
"""How much of an invocation's log `LogType=Tail` returns (AWS: the last 4 KB)."""
KEPT_BYTES = 1 << 20
"""How much of one invocation's log is kept; the rest is counted, so that a runaway print loop costs no memory."""
_CHUNK = 1 << 16
_DRAIN_CHUNKS = 32


class EnvironmentLog:
    """The log of one environment: every line goes to `write`, the present invocation's end is kept as its tail.

    The platform's own lines come in by `add`, so that they stand in order with the function's.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._kept = 0
        self._dropped = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.told: Callable[[str, str], None] | None = None
        """Called with each line and what wrote it, "function" or "extension", where somebody wants to know."""

    def begin(self) -> None:
        """A new invocation: its tail and its allowance start afresh."""
        self._tail.clear()
        self._tail_size = self._kept = self._dropped = 0

    def add(self, *lines: str) -> None:
        """Lines of the platform's."""
        for line in lines:
            self._remember(line)
            self._write(line)

    def take(self, line: bytes, source: str = "function") -> None:
        """A line of the function's, or of an extension's."""
        text = line.decode("utf-8", "replace")
        if self.told is not None:
            self.told(source, text)
        self._remember(text)
        self._kept += len(line) + 1
        if self._kept <= KEPT_BYTES:
            self._write(text)
        else:
            self._dropped += len(line) + 1

    @property
    def full(self) -> bool:
        """Whether the present invocation has used up what is kept of it."""
        return self._kept >= KEPT_BYTES

    def drop(self, size: int) -> None:
        """Count bytes that are not kept."""
        self._dropped += size

    def settle(self) -> None:
        """Say how much was not kept, if anything."""
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            self.add(f"[lambdalab] {dropped} bytes of log not kept: one invocation keeps {KEPT_BYTES} bytes")

    def tail(self) -> str:
        """The last 4 KB of this invocation's log, platform lines included."""
        text = "".join(f"{line}\n" for line in self._tail)
        raw = text.encode()
        return text if len(raw) <= TAIL_BYTES else raw[-TAIL_BYTES:].decode("utf-8", "ignore")

    def _remember(self, line: str) -> None:
        self._tail.append(line)
        self._tail_size += len(line) + 1
        while self._tail_size - len(self._tail[0]) - 1 >= TAIL_BYTES:
            self._tail_size -= len(self._tail.popleft()) + 1


class LogPipe:
    """Reads an environment's pipe into its log while the loop runs; `drain` takes what is there at this moment."""

    def __init__(self, fd: int, log: EnvironmentLog, source: str = "function") -> None:
        self._fd = fd
        self._log = log
        self._source = source
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def drain(self) -> None:
        """Read what the function wrote up to now, and end a line it left open."""
        for _ in range(_DRAIN_CHUNKS):
            if not self._read():
                break
        if self._partial:
            line, self._partial = self._partial, b""
            self._log.take(line, self._source)
        self._log.settle()

    def close(self) -> None:
        """Read the rest and close the pipe; harmless when done twice."""
        if self._fd >= 0:
            self.drain()
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> bool:
        if self._fd < 0:
            return False
        try:
            data = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._feed(data)
        else:
            self._loop.remove_reader(self._fd)  # every writer is gone
        return bool(data)

    def _feed(self, data: bytes) -> None:
        if self._log.full:
            # Over the allowance only the end matters, for the tail: the rest is counted, not parsed.
            self._log.drop(max(0, len(data) - TAIL_BYTES))
            data = data[-TAIL_BYTES:]
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._log.take(line, self._source)
        if len(self._partial) > KEPT_BYTES:
            line, self._partial = self._partial, b""
            self._log.take(line, self._source)
