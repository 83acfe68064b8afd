"""A lab's home before a region has it: made if need be, and refused in one line where it cannot be used."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from lambdalab import disk
from lambdalab.errors import HomeUnusable

_RULE = (
    "A home is a directory of your own that can be written: name another one in LAMBDALAB_HOME (such as "
    "LAMBDALAB_HOME=~/lambdalab), or make this one so."
)


def make_ready(home: Path) -> None:
    """Make the home where there is none. Raises `HomeUnusable` where it cannot be made, or not be used."""
    check_name(home)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as problem:
        raise unusable(home, problem) from problem
    check(home)


def check_name(home: Path) -> None:
    """Raise `HomeUnusable` where a home's path is no text: AWS's clients put paths of its files into JSON and fail."""
    try:
        str(home).encode()
    except UnicodeEncodeError as problem:
        shown = os.fsencode(home).decode(errors="backslashreplace")
        raise HomeUnusable(f"The home {shown} cannot be used: its name is not UTF-8. {_RULE}") from problem


def check(home: Path) -> None:
    """Raise `HomeUnusable` where a home that is there cannot be used."""
    reason = _why_not(home)
    if reason:
        raise HomeUnusable(f"The home {home} cannot be used: {reason}. {_RULE}")


def unusable(home: Path, problem: Exception) -> HomeUnusable:
    """What to say where something in the home could not be read or written."""
    if disk.is_full(problem, home):
        return HomeUnusable(f"The home {home} cannot be used: {disk.told(home)}")
    return HomeUnusable(f"The home {home} cannot be used: {_why_not(home) or _reason(home, problem)}. {_RULE}")


def is_about(home: Path, problem: Exception) -> bool:
    """Whether a failure is one of the home's files, or of its disk."""
    within = isinstance(problem, OSError) and str(problem.filename or "").startswith(str(home))
    return within or hasattr(problem, "sqlite_errorname") or disk.is_full(problem, home)


def _reason(home: Path, problem: Exception) -> str:
    if hasattr(problem, "sqlite_errorname"):
        return f"its region.db cannot be used ({problem})"
    if isinstance(problem, OSError) and problem.filename and problem.strerror:
        which = os.path.relpath(problem.filename, home)
        return problem.strerror if which == "." else f"{which} in it: {problem.strerror}"
    return str(problem)


def _why_not(home: Path) -> str | None:
    """What keeps a home from being used, as far as can be seen; None where it can be."""
    nearest = next(path for path in (home, *home.parents) if os.path.lexists(path) or path == path.parent)
    if not os.path.isdir(nearest):  # noqa: PTH112 - whatever keeps it from being looked at, this raises nothing
        return f"{'it' if nearest == home else nearest} is not a directory"
    if os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return None
    what = "it" if nearest == home else f"{nearest}, where it would be made,"
    if os.statvfs(nearest).f_flag & os.ST_RDONLY:
        return f"{what} is on a file system that can only be read"
    found = nearest.stat()
    mode = f"mode {stat.S_IMODE(found.st_mode):04o}"
    if found.st_uid != os.geteuid():
        return f"{what} belongs to {_name(found.st_uid)} and is closed to you ({mode})"
    return f"{what} is closed to writing ({mode})"


def _name(uid: int) -> str:
    import pwd  # noqa: PLC0415 - there is none on Windows, where no region runs either

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's users need not have names
        return f"another user ({uid})"
