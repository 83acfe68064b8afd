"""What only open descriptors hold: memory in files without a name (memfd), and files of /tmp that were unlinked.

Neither shows elsewhere: a process's resident size has of a memfd what is mapped, a directory nothing that has lost
its name. On AWS, where a function has a machine of its own, both count, the one as memory, the other as /tmp.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass

from lambdalab.runtimes.backends import processes

_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Hidden:
    """In bytes: memory that is mapped nowhere, and disk space below the directory that was asked for."""

    memory: int = 0
    unlinked: int = 0


def look(members: Iterable[int], directory: str = "") -> Hidden:
    """What the open descriptors of these processes hold; a file that several have open counts once."""
    memory: dict[tuple[int, int], int] = {}
    unlinked: dict[tuple[int, int], int] = {}
    members = list(members)
    for pid in members:
        for fd, name in processes.open_files(pid):
            found = memory if name.startswith("/memfd:") else unlinked
            if found is memory or (directory and name.startswith(directory) and name.endswith(" (deleted)")):
                with contextlib.suppress(OSError):
                    file = os.stat(fd)  # noqa: PTH116
                    found[file.st_dev, file.st_ino] = file.st_blocks * _BLOCK
    held = sum(memory.values())
    if held:
        held = max(held - sum(map(processes.shared_memory_bytes, members)), 0)
    return Hidden(held, sum(unlinked.values()))
