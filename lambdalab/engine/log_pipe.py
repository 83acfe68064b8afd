"""What a function writes to stdout and stderr: read from its pipe, cut into lines, kept within bounds.

Of one invocation that writes very much the beginning is kept, and the end, where what went wrong stands.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections import deque
from collections.abc import Callable, Sequence

TAIL_BYTES = 4096
"""How much of an invocation's log `LogType=Tail` returns (AWS: the last 4 KB)."""
FIRST_BYTES = LAST_BYTES = 1 << 19
"""How much of one invocation's log is kept of its beginning and of its end; what comes between is counted, so that
a runaway print loop costs no memory."""
_LAST_LINES = 20_000
"""And of the end no more lines than that: they are taken all at once."""
_CHUNK = 1 << 16
_DRAIN_CHUNKS = 32


class EnvironmentLog:
    """The log of one environment: its lines go to `write` as they come, and the present invocation has a tail of them.

    The platform's own lines come in by `add`, so that they stand in order with the function's. `keeps` says which of
    the function's lines are for the log at all (`application_log.py`); without it all are.
    """

    def __init__(self, write: Callable[[Sequence[str]], None], keeps: Callable[[bytes], bool] | None = None) -> None:
        self._write = write
        self._keeps = keeps
        self._kept = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.told: Callable[[str, str], None] | None = None
        """Called with each line and what wrote it, "function" or "extension", where somebody wants to know."""

    def begin(self) -> None:
        """A new invocation: its tail and its allowance start afresh."""
        self._tail.clear()
        self._tail_size = self._kept = 0

    def go_on_in(self, write: Callable[[Sequence[str]], None]) -> None:
        """Write elsewhere from now on: a restored environment has a log stream of its own."""
        self._write = write
        self.begin()

    def add(self, *lines: str) -> None:
        """Lines of the platform's."""
        for line in lines:
            self._remember(line)
        self._write(lines)

    def take(self, line: bytes, source: str = "function") -> None:
        """A line of the function's, or of an extension's.

        One that is left out uses up the allowance like others: a runaway loop of them may not cost more either.
        """
        self._kept += len(line) + 1
        if self._keeps is not None and source == "function" and not self._keeps(line):
            return
        text = line.decode("utf-8", "replace")
        if self.told is not None:
            self.told(source, text)
        self._remember(text)
        self._write((text,))

    @property
    def full(self) -> bool:
        """Whether the present invocation has used up what is kept of its beginning."""
        return self._kept >= FIRST_BYTES

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


def with_paths(text: bytes, paths: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The text with each path of `paths` replaced by its second part."""
    for real, said in paths:
        text = text.replace(real, said)
    return text


class LogPipe:
    """Reads an environment's pipe into its log while the loop runs; `drain` takes what is there at this moment.

    `paths` are those that its processes see, each with the one that the log says for it.
    """

    def __init__(
        self, fd: int, log: EnvironmentLog, source: str = "function", paths: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        self._fd = fd
        self._log = log
        self._source = source
        self._paths = paths
        self._partial = b""
        self._held: deque[bytes] = deque()
        self._held_size = self._dropped = 0
        self._ready = select.poll()
        self._ready.register(fd, select.POLLIN)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def drain(self) -> None:
        """Read what the function wrote up to now, and end a line it left open."""
        for _ in range(_DRAIN_CHUNKS):
            if not self._read():
                break
        self._let_out()
        if self._partial:
            line, self._partial = self._partial, b""
            self._take(line)

    def close(self) -> None:
        """Read the rest and close the pipe; harmless when done twice."""
        if self._fd >= 0:
            self.drain()
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> bool:
        # Each call looks twice, and mostly there is nothing: to ask costs less than the exception of a read in vain.
        if self._fd < 0 or not self._ready.poll(0):
            return False
        data = os.read(self._fd, _CHUNK)
        if data:
            self._feed(data)
        else:
            self._loop.remove_reader(self._fd)  # every writer is gone
        return bool(data)

    def _feed(self, data: bytes) -> None:
        if self._log.full or self._held:
            self._hold(data)
            return
        self._cut(data)
        if len(self._partial) > FIRST_BYTES:
            line, self._partial = self._partial, b""
            self._take(line)

    def _cut(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        self._log.take(with_paths(line, self._paths), self._source)

    def _hold(self, data: bytes) -> None:
        """Over the allowance only the end matters: it is kept back as it came, the rest is counted, not parsed."""
        data, self._partial = self._partial + data, b""
        self._held.append(data)
        self._held_size += len(data)
        while self._held_size - len(self._held[0]) >= LAST_BYTES:
            gone = len(self._held.popleft())
            self._held_size -= gone
            self._dropped += gone

    def _let_out(self) -> None:
        """Into the log with what was kept back; a line that lost its beginning goes with what was not kept."""
        if not self._held:
            return
        data, dropped = b"".join(self._held), self._dropped
        self._held.clear()
        self._held_size = self._dropped = 0
        cut = data.find(b"\n") + 1 if dropped else 0
        before, *ends = data.rsplit(b"\n", _LAST_LINES)
        if len(ends) == _LAST_LINES:
            cut = len(before) + 1
        if cut:
            data, dropped = data[cut:], dropped + cut
            what = f"{dropped} bytes of log not kept here"
            self._log.add(
                f"[lambdalab] {what}: of one invocation the first {FIRST_BYTES} and the last {LAST_BYTES} are"
            )
        self._cut(data)
