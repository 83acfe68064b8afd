"""The gate that a function's forks and threads pass one by one, where no control group counts them.

The filter of system calls (`seccomp.py`) holds whoever would start a process or a thread until the supervisor
answers. So the bound is exact, as AWS's is: the one that would be too many is told EAGAIN. And a fork bomb cannot
take the machine: its processes wait at the gate instead of running, the more slowly the longer they are refused, and
while the supervisor ends a sandbox nothing in it can fork.

RLIMIT_NPROC would not do: it counts all that the user runs on the machine, in other containers too.
Reference: "User notification" in the kernel's `Documentation/userspace-api/seccomp_filter.rst`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterable

from lambdalab.runtimes.backends import processes

_RECEIVE, _SEND, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082104
_WAKE_HERE = 1
"""The two run by turns: the kernel (6.6 on) need not look for another processor. It saves half of a round trip."""
_NOTICE_BYTES, _FIRST_ARGUMENT = 80, 32
_GO_ON = 1
_CLONE_THREAD = 0x10000
_CROWD = 64
"""From so many on what a sandbox runs yields to everything else on the machine; and they are counted again after
so many more, for those that ended are not told."""
_REFUSED_SECONDS = 0.01
_NEXT_IN_CROWD_SECONDS = 0.002
"""A crowd's next process waits for so long: by then the last one is there to be counted, on an idle machine."""
_COUNT_AGAIN_SECONDS = 0.1


class Gate:
    """One sandbox's gate: `fd` is the filter's, `holder` the process above all of it, `limit` how many may live."""

    def __init__(self, fd: int, holder: int, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self.fd = fd
        self._holder = holder
        self._limit = limit
        self._now = now
        self._left = _CROWD
        self._count_at = 0.0
        self._crowded = False
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, _SET_FLAGS, _WAKE_HERE)

    def answer(self) -> float:
        """Answer the one that has waited longest; returns for how many seconds nobody else is to be answered."""
        notice = bytearray(_NOTICE_BYTES)
        try:
            fcntl.ioctl(self.fd, _RECEIVE, notice, True)
            allowed = self._one_more()
            (number,) = struct.unpack_from("Q", notice)
            error, flags = (0, _GO_ON) if allowed else (-errno.EAGAIN, 0)
            fcntl.ioctl(self.fd, _SEND, struct.pack("QqiI", number, 0, error, flags))
        except OSError:  # it was ended, or interrupted, while it waited
            return 0.0
        if not allowed:
            return _REFUSED_SECONDS
        is_thread = struct.unpack_from("Q", notice, _FIRST_ARGUMENT)[0] & _CLONE_THREAD
        return _NEXT_IN_CROWD_SECONDS if self._crowded and not is_thread else 0.0

    def _one_more(self) -> bool:
        if self._left <= 0 and self._now() >= self._count_at:
            self._count()
        self._left -= 1
        return self._left >= 0

    def _count(self) -> None:
        members = processes.tree(self._holder, self._limit + 2)[1:]
        live = sum(map(processes.thread_count, members))
        self._crowded = live >= _CROWD
        if self._crowded:
            _let_yield(members)
        # Half of the room only: who was let in before may not be there yet.
        self._left = min((self._limit - live + 1) // 2, _CROWD)
        if self._left <= 0:
            self._count_at = self._now() + _COUNT_AGAIN_SECONDS


def _let_yield(members: Iterable[int]) -> None:
    """Have them run only when nothing else wants to; what they start will, too, and there is no way back."""
    for pid in members:
        for thread in processes.threads(pid):
            with contextlib.suppress(OSError):
                os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
