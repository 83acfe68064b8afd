"""A full disk: known by what the system and SQLite say of it, and told with the place and what is free."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_FULL = {errno.ENOSPC, errno.EDQUOT}
_TIGHT = 1 << 20
"""Bytes free below which a failed read or write of SQLite's is lack of room: it has no other word for its -shm file."""


def is_full(problem: BaseException, where: Path) -> bool:
    """Whether it is lack of room, or of quota, on the disk that has `where`."""
    if isinstance(problem, OSError):
        return problem.errno in _FULL
    name = str(getattr(problem, "sqlite_errorname", ""))  # asked by name: nobody has to import sqlite3 for this
    return name == "SQLITE_FULL" or (name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and _tight(where))


def told(where: Path) -> str:
    """The disk, what is free on it and the way out; it goes on a sentence, and ends it."""
    try:
        found = os.statvfs(where)
    except OSError:
        return f"the disk of {where} is full. Free some room and try again."
    if found.f_files and not found.f_favail:
        return f"the disk of {where} has no room for another file ({found.f_files} are there). Delete some."
    free, total = (f"{blocks * found.f_frsize / 1e6:.1f} MB" for blocks in (found.f_bavail, found.f_blocks))
    return f"the disk of {where} is full ({free} of {total} are free). Free some room and try again."


def _tight(where: Path) -> bool:
    try:
        found = os.statvfs(where)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < _TIGHT
