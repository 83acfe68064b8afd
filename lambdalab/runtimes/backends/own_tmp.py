"""A sandbox's own /tmp while it runs and after: kept for the next sandbox of its environment, or removed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lambdalab.runtimes.backends.base import Kept
from lambdalab.runtimes.backends.kept import KeptDirectory, KeptMount
from lambdalab.trees import remove_tree

_PLACE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class OwnTmp:
    """It is a `directory` of this machine, or `mounted` for the sandbox alone; neither where a container has it."""

    def __init__(self, directory: Path | None, *, mounted: bool) -> None:
        self._directory = directory
        self._mounted = mounted
        self._fd = -1

    @property
    def would_go(self) -> bool:
        """Whether it goes with the sandbox's last process, as nobody holds it yet."""
        return self._mounted and self._fd < 0

    def hold(self, pid: int) -> None:
        """Keep what is in a mount from going with its last process; `pid` sees it at /tmp."""
        if self.would_go:
            with contextlib.suppress(OSError):
                # Not through a link: the function may have another root by now, with one to a place of the machine.
                self._fd = os.open(f"/proc/{pid}/root/tmp", _PLACE)

    def keep(self) -> Kept | None:
        """The directory, or the mount, which is held open: the caller's from then on. None where there is neither."""
        if self._directory is not None:
            directory, self._directory = self._directory, None
            return KeptDirectory(directory)
        fd, self._fd = self._fd, -1
        return KeptMount(fd) if fd >= 0 else None

    def remove(self) -> None:
        """Remove the directory, or let go of the mount; harmless when done twice, and after `keep`."""
        if self._directory is not None:
            remove_tree(self._directory)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
