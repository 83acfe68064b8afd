"""The lock that a region holds for as long as it lives, from outside: who holds it, and when it is let go.

The kernel tells the holder's process. That is how a region that does not answer is known for one, and not
taken for another process that has come by its number or its port.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from contextlib import suppress
from pathlib import Path

_FLOCK = "hhqqi"
"""`struct flock` of Linux: type, whence, start, length, process."""
_LOOK_SECONDS = 0.02
TERMINATING_SECONDS = 5.0
_KILLING_SECONDS = 10.0


def holder(path: Path) -> int | None:
    """The process that holds the lock; None when there is none, or none that can be told."""
    import fcntl  # noqa: PLC0415 - there is none on Windows, where no region runs either

    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, fcntl.F_GETLK, question))
    except OSError:
        return None
    finally:
        os.close(fd)
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None


def wait_until_free(path: Path, seconds: float) -> bool:
    """Wait for the holder to let go; False when it has not within `seconds`."""
    deadline = time.monotonic() + seconds
    while holder(path) is not None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def end_holder(path: Path, patience: float = TERMINATING_SECONDS) -> bool:
    """End the process that holds the lock: SIGTERM, and SIGKILL when it has not heeded that within `patience` seconds.

    False when it lives on.
    """
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, _KILLING_SECONDS)):
        pid = holder(path)
        if pid is None:
            return True
        with suppress(OSError):  # it is gone, or another's
            os.kill(pid, number)
        if wait_until_free(path, seconds):
            return True
    return False
