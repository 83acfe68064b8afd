"""The limits of a sandbox that are kept by looking: its memory size, how many processes it may have, its /tmp.

Memory is looked at every few milliseconds (`watch.py`) and read as the kernel's high-water mark at the end of each
invocation, so that even a short excess is noticed.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from lambdalab.runtimes.backends import hidden, processes
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.cgroup import MAX_PROCESSES
from lambdalab.runtimes.backends.members import Members
from lambdalab.runtimes.backends.memory import Memory
from lambdalab.runtimes.backends.temporary import Temporary

_TREE_EVERY = 4
_A_FEW = range(9, 65)
"""So many processes are looked for each time: it may be the beginning of a bomb, and takes no time yet."""
_MORE = 16
_HIDDEN_EVERY = 4


class Limits:
    """Those of one sandbox. `looks` counts how often it was looked at.

    Processes that are `gated` are counted at their gate. A directory `tmp` may hold `tmp_mb`; None where what serves as
    /tmp has a size of its own.
    """

    def __init__(self, members: Members, memory: Memory, *, gated: bool, tmp: Path | None, tmp_mb: int) -> None:
        self.looks = 0
        self._members = members
        self._memory = memory
        self._gated = gated
        self._tmp_mb = tmp_mb
        self._temporary = Temporary(tmp, tmp_mb << 20) if tmp is not None else None
        self._status_fd = -1

    def look(self) -> Exit | None:
        """Measure memory, processes and /tmp: how it has to end when it is over a limit."""
        self.looks += 1
        members = self._members
        count = len(members.seen) + members.holders
        if self.looks % _TREE_EVERY == 0 or count in _A_FEW or members.runtime is None:
            members.look(MAX_PROCESSES + _MORE)
            count = len(members.seen) + members.holders
        # Once there is some at each look: what is being mapped would count twice.
        if (self._memory.beside or self.looks % _HIDDEN_EVERY == 1) and count < _A_FEW.stop:
            self.look_for_hidden()
        if self._memory.look(members.seen):
            return Exit("out_of_memory", signal=signal.SIGKILL)
        if self._too_many():
            return Exit("too_many_processes", signal=signal.SIGKILL, limit=MAX_PROCESSES)
        if self._temporary is not None and self._temporary.is_due() and self._is_full(self._temporary):
            return Exit("tmp_full", signal=signal.SIGKILL, limit=self._tmp_mb)
        return None

    def _too_many(self) -> bool:
        """Processes and threads, for which AWS has one limit; where they pass a gate, that keeps it."""
        return not self._gated and self._members.threads() > MAX_PROCESSES

    def _is_full(self, temporary: Temporary) -> bool:
        self._members.look()
        return temporary.is_full(hidden.look(self._members.seen, str(temporary.directory)).unlinked)

    def look_for_hidden(self) -> None:
        """Measure the memory that is mapped nowhere: it counts from now on."""
        self._memory.beside = hidden.look(self._members.seen).memory

    def know_runtime(self, pid: int) -> None:
        """Have the kernel's account of the runtime at hand."""
        with contextlib.suppress(OSError):
            self._status_fd = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)

    def read_memory(self) -> None:
        """Read what the runtime holds and held at most, as the kernel tells; measure where there are more than it."""
        if self._memory.beside:
            self.look_for_hidden()
        if self._status_fd >= 0:
            try:
                status = os.pread(self._status_fd, 4096, 0)
            except OSError:  # it has gone
                status = b""
            self._memory.told(processes.peak_kilobytes(status) * 1024, processes.held_kilobytes(status) * 1024)
        if len(self._members.seen) > 1:
            self._memory.look(self._members.seen)

    def close(self) -> None:
        """Let go of that account; harmless when done twice."""
        if self._status_fd >= 0:
            os.close(self._status_fd)
            self._status_fd = -1
