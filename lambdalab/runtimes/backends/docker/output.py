"""A container's stdout and stderr: from the engine's attached socket into the pipes that the region reads.

The engine sends frames: a byte for the stream, three of zeros, a length, then the bytes. On their way through the
engine they may come later than what the function said over the network, so `flush` finds out that all is here: where
the processes are this machine's own, by a mark written into the container's own pipes, which comes out behind
everything before it; elsewhere by silence.

Both are the function's log. With extensions (`launching`) stdout is the runtime's, all of it, and stderr is the
extensions': it goes into a pipe of its own, and the launcher's reports are taken out of it on the way. Where each has a
connection of its own (`executing`), both streams of each go where they belong.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
import struct
from collections.abc import Callable
from typing import Any

from lambdalab.runtimes.backends.docker import refusal
from lambdalab.runtimes.backends.docker.attached import Reader
from lambdalab.runtimes.backends.docker.log_writer import LogWriter
from lambdalab.runtimes.backends.docker.reports import Reports

_HEADER = struct.Struct(">BxxxI")
_MOST_UNWRITTEN = 4 << 20
_LONGEST_LINE = 1 << 16
_STREAMS = _OUT, _ERR = (1, 2)
MARK_SECONDS = 0.25
"""How long a mark may take, on a machine that has other things to do."""
NEAR_SECONDS, FAR_SECONDS = 0.005, 0.02
"""How long nothing must come where marks cannot be written: of an engine on this machine, and of one elsewhere."""
_SILENCES_AT_MOST = 10


class Output:
    """The output of one container. `attach` before it is started; `mark_through` once it is, where that works.

    `extensions` says that there are some; `reports` are those of the container's launcher, if it has one. `refusal` is
    why its program could not be executed, where it could not: no part of the log.
    """

    def __init__(
        self,
        ended: Callable[[], None],
        *,
        silence: float = FAR_SECONDS,
        extensions: bool = False,
        reports: Reports | None = None,
    ) -> None:
        self._silence = silence
        self._log = LogWriter(self._moved)
        self._extensions_log = LogWriter(self._moved) if extensions else None
        self._reports = reports
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._readers: list[Reader] = []
        self._frames = Frames()
        self._lines = dict.fromkeys((0, *_STREAMS), b"")
        self._writers: dict[int, LogWriter] = {}
        if reports is not None and self._extensions_log is not None:
            self._writers[_ERR] = self._extensions_log
        self.refusal: str | None = None
        self._begun = False
        self._over = False
        self._last = 0.0
        self._pid = 0
        self._pipes: dict[int, int] = {}
        self._flushing: _Flush | None = None

    @property
    def log_fd(self) -> int:
        """The read end of the log's pipe."""
        return self._log.fd

    @property
    def extensions_log_fd(self) -> int:
        """The read end of the extensions' pipe; -1 without any."""
        return self._extensions_log.fd if self._extensions_log is not None else -1

    def attach(self, attached: Any) -> None:
        """Read from what the SDK's `attach_socket` returned."""
        self._readers.append(Reader(attached, self._take))

    def attach_program(self, attached: Any, ended: Callable[[], None], *, extension: bool) -> None:
        """Read what a program beside the container's own writes, until `ended` hears that it writes no more."""
        first = max(self._lines) + 1
        to = self._extensions_log if extension and self._extensions_log is not None else self._log
        self._lines |= dict.fromkeys((first + stream for stream in (0, *_STREAMS)), b"")
        self._writers |= dict.fromkeys((first + stream for stream in (0, *_STREAMS)), to)
        frames = Frames()

        def take(data: bytes) -> None:
            self._last = self._loop.time()
            for stream, content in frames.feed(data):
                self._keep(first + stream, content)
            self._write()
            if not data:
                ended()

        self._readers.append(Reader(attached, take))

    def mark_through(self, pid: int) -> None:
        """The container's first process is this machine's `pid`: marks go through its stdout and stderr."""
        try:
            found = {stream: os.stat(f"/proc/{pid}/fd/{stream}") for stream in _STREAMS}  # noqa: PTH116
        except OSError:
            return
        if all(stat.S_ISFIFO(one.st_mode) for one in found.values()):
            self._pid, self._pipes = pid, {stream: one.st_ino for stream, one in found.items()}

    # -- reading

    def _take(self, data: bytes) -> None:
        self._last = self._loop.time()
        if not data:
            self._finish()
            return
        for stream, content in self._frames.feed(data):
            kept = content if self._flushing is None else self._flushing.sift(stream, content)
            self._keep(stream, kept)
        self._write()
        self._check_flush()
        if self._reports is not None:
            self._reports.tell()

    def _writer(self, stream: int) -> LogWriter:
        return self._writers.get(stream, self._log)

    def _keep(self, stream: int, content: bytes) -> None:
        """Whole lines go on; a line's beginning waits for its end, which the other stream may come before."""
        if stream == _ERR and self._reports is not None:
            content = self._reports.sift(content)
        line = self._lines[stream] + content
        at = line.rfind(b"\n") + 1
        if len(line) - at > _LONGEST_LINE:
            at = len(line)
        self._lines[stream] = line[at:]
        if at and not self._begun:
            # Before anything of the function's own: what says so later is its output, whatever it says.
            self._begun = True
            self.refusal = refusal.read(line[:at]) if stream == _ERR else None
            if self.refusal is not None:
                return
        self._writer(stream).add(line[:at])

    def _end_lines(self) -> None:
        """What began a line and was not ended is a line."""
        for stream, line in self._lines.items():
            if line:
                self._writer(stream).add(line + b"\n")
                self._lines[stream] = b""

    def _write(self) -> None:
        self._log.write()
        if self._extensions_log is not None:
            self._extensions_log.write()
        self._pause(paused=self._waiting > _MOST_UNWRITTEN)

    @property
    def _waiting(self) -> int:
        return self._log.waiting + (self._extensions_log.waiting if self._extensions_log is not None else 0)

    def _moved(self) -> None:
        self._pause(paused=self._waiting > _MOST_UNWRITTEN)
        self._check_flush()

    def _pause(self, *, paused: bool) -> None:
        for reader in self._readers:
            reader.pause(paused=paused)

    # -- all that was written up to a moment

    def flush(self, done: Callable[[], None]) -> None:
        """Call `done` once what was written up to now is in the pipe, or will come no more."""
        if self._over:
            done()
            return
        if self._flushing is not None:
            self._flushing.done.append(done)
            return
        self._flushing = _Flush(done)
        if self._pipes:
            self._mark(self._flushing)
            self._loop.call_later(MARK_SECONDS, self._end_flush, self._flushing)
        else:
            self._flushing.missing.clear()
            self._last = self._loop.time()
            self._wait_for_silence(self._flushing, self._loop.time() + self._silence * _SILENCES_AT_MOST)

    def _mark(self, flush: _Flush) -> None:
        """Write the mark into each pipe; later, into one that is full."""
        for stream in tuple(flush.unmarked):
            if self._put(stream, flush.mark) is not False:
                flush.unmarked.discard(stream)
        if flush.unmarked and flush is self._flushing:
            self._loop.call_later(0.001, self._mark, flush)

    def _put(self, stream: int, mark: bytes) -> bool | None:
        """Write into the container's pipe: False when it is full, None when it is not what it was."""
        try:
            fd = os.open(f"/proc/{self._pid}/fd/{stream}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            if os.fstat(fd).st_ino != self._pipes[stream]:
                return None
            os.write(fd, mark)
        except BlockingIOError:
            return False
        except OSError:
            return None
        finally:
            os.close(fd)
        return True

    def _wait_for_silence(self, flush: _Flush, at_most: float) -> None:
        if flush is not self._flushing:
            return
        now = self._loop.time()
        left = min(self._last + self._silence, at_most) - now
        if left <= 0:
            self._end_flush(flush)
        else:
            self._loop.call_later(left, self._wait_for_silence, flush, at_most)

    def _check_flush(self) -> None:
        flush = self._flushing
        if flush is not None and self._pipes and not flush.missing and not self._waiting:
            self._end_flush(flush)

    def _end_flush(self, flush: _Flush) -> None:
        if flush is not self._flushing:
            return
        self._flushing = None
        for stream, held in flush.rest().items():
            self._keep(stream, held)
        self._end_lines()
        self._write()
        for done in flush.done:
            done()

    # -- the end

    def say(self, line: str) -> None:
        """A line of the lab's own into the log."""
        if not self._over:
            self._log.add(f"[lambdalab] {line}\n".encode())
            self._write()

    def close(self) -> None:
        """Read no more; harmless when done twice. The read ends are the region's to close."""
        if not self._over:
            self._finish()

    def _finish(self) -> None:
        self._over = True
        for reader in self._readers:
            reader.close()
        if self._flushing is not None:
            self._end_flush(self._flushing)
        self._end_lines()
        self._log.end()
        if self._extensions_log is not None:
            self._extensions_log.end()
        self._ended()


class Frames:
    """Cuts what the engine sends into (stream, content) pieces; a frame may come in several."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces of content in the next bytes from the engine."""
        found: list[tuple[int, bytes]] = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                found.append((self._stream, piece))
                self._left -= len(piece)
                at += len(piece)
                continue
            more = data[at : at + _HEADER.size - len(self._header)]
            self._header += more
            at += len(more)
            if len(self._header) == _HEADER.size:
                self._stream, self._left = _HEADER.unpack(self._header)
                self._header.clear()
        return found


class _Flush:
    """One wait for all that was written: a mark on its way through both streams."""

    def __init__(self, done: Callable[[], None]) -> None:
        self.done = [done]
        self.mark = b"\0lambdalab-" + secrets.token_hex(12).encode() + b"\0"
        self.missing = set(_STREAMS)
        self.unmarked = set(_STREAMS)
        self._held: dict[int, bytes] = {}

    def sift(self, stream: int, content: bytes) -> bytes:
        """The content without the mark. A part of it at the end is held until the rest has come."""
        if stream not in self.missing:
            return content
        content = self._held.pop(stream, b"") + content
        before, mark, after = content.partition(self.mark)
        if mark:
            self.missing.discard(stream)
            return before + after
        at = content.rfind(b"\0", -len(self.mark))
        if at >= 0 and self.mark.startswith(content[at:]):
            self._held[stream] = content[at:]
            return content[:at]
        return content

    def rest(self) -> dict[int, bytes]:
        """What was held and is no mark after all, by stream."""
        return self._held
