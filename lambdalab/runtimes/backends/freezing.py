"""Stopping a sandbox's processes and letting them run on: by its control group where that can, else by signals."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from lambdalab.runtimes.backends import processes
from lambdalab.runtimes.backends.members import Members
from lambdalab.runtimes.backends.started import Grouped

_LOOKS = 20
"""Where nothing bounds how fast processes come, stopping them all may fail: the next freeze, or the limit, will do."""


class Freezing:
    """Whether one sandbox is `frozen`, and how that is done.

    With `holder_too` a control group freezes the holder as well, which has to end what the runtime leaves: it could
    not tell of an end that comes meanwhile. So that end is waited for here; `runtime_over` from then on.
    """

    def __init__(self, members: Members, group: Grouped | None, *, holder_too: bool) -> None:
        self.frozen = False
        self.runtime_over = False
        self._members = members
        self._group = group
        self._holder_too = holder_too
        self._stopped: set[int] = set()
        self._runtime_fd = -1

    def set_frozen(self, *, frozen: bool) -> None:
        """Stop every process, or let them run on."""
        self.frozen = frozen
        if self._group is not None and self._group.freezes:
            with contextlib.suppress(OSError):
                self._group.freeze(frozen=frozen)
        else:
            self.set_stopped(frozen)

    def set_stopped(self, stopped: bool) -> None:
        """By signals: stop them until nobody new is found; who was stopped is who is continued."""
        if stopped:
            for _ in range(_LOOKS):
                new = [pid for pid in self._members.own() if pid not in self._stopped]
                if not new:
                    break
                processes.signal_all(new, signal.SIGSTOP)
                self._stopped.update(new)
        else:
            processes.signal_all(self._stopped, signal.SIGCONT)
            self._stopped.clear()

    def await_end_of(self, runtime: int) -> None:
        """Hear of the runtime's end, where nobody else could tell it."""
        if self._holder_too and self._group is not None and self._group.freezes:
            with contextlib.suppress(OSError):
                self._runtime_fd = os.pidfd_open(runtime)
                asyncio.get_running_loop().add_reader(self._runtime_fd, self._runtime_gone)

    def _runtime_gone(self) -> None:
        """Its holder has to end what is left: it may not be frozen meanwhile, nor stay so."""
        self.runtime_over = True
        self.close()
        if self.frozen:
            self.set_frozen(frozen=False)

    def close(self) -> None:
        """Wait for nobody's end any more; harmless when done twice."""
        if self._runtime_fd >= 0:
            asyncio.get_running_loop().remove_reader(self._runtime_fd)
            os.close(self._runtime_fd)
            self._runtime_fd = -1
