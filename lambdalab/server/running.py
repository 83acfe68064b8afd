"""One region for a home: a lock that the region holds for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from lambdalab.errors import RegionUnavailable


class RunningLock:
    """Held by the running region; the kernel lets go of it however the process ends."""

    def __init__(self, home: Path) -> None:
        self._path = home / "region.running"
        self._fd = -1

    def __enter__(self) -> RunningLock:
        """Take it, or raise `RegionUnavailable`: another region has this home."""
        # Not inherited by the sandboxes' supervisor: a lock outliving its region would forbid the next one.
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as taken:
            os.close(self._fd)
            raise RegionUnavailable(
                f"another region already runs for {self._path.parent}; see `lambdalab status`, or `lambdalab stop` it"
            ) from taken
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go."""
        os.close(self._fd)
