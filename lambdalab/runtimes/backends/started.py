"""What a backend hands over to the sandbox of a process that it started."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Protocol

from lambdalab.runtimes.backends.supervisor import Child


class Grouped(Protocol):
    """What holds a sandbox's processes together: this machine's control groups, or a container."""

    @property
    def freezes(self) -> bool:
        """Whether `freeze` is to be used, and not signals."""

    @property
    def shares_cpu(self) -> bool:
        """Whether `share_cpu` does anything."""

    def freeze(self, *, frozen: bool) -> None:
        """Stop every process, or let them run on."""

    def share_cpu(self, memory_mb: int) -> None:
        """From now on the processor time that `memory_mb` brings."""

    def remove(self) -> bool:
        """Remove it; returns whether all of it is gone."""


@dataclass(frozen=True, slots=True)
class Started:
    """A sandbox's first process, the read end of its log pipe, and what holds its processes together.

    With extensions also the launcher's line and the read end of the pipe that the extensions write to.
    """

    child: Child
    log_fd: int
    group: Grouped | None
    line: socket.socket | None = None
    extensions_log_fd: int = -1
