"""Whole directories: made at once or not at all, and removed for good.

For good: read-only ones, as packages are, and those that others still write into.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AGAIN_SECONDS = 0.02


@contextmanager
def making(directory: Path) -> Iterator[Path]:
    """A directory to fill, which gets the name `directory` when the block ends, and is gone when it raises.

    Of two that make the same at once the quicker one's stays; nobody ever sees half of it. Raises `OSError`.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        aside.chmod(0o755)  # what functions are to read, whoever runs them
        yield aside
        try:
            aside.rename(directory)
        except OSError:
            if not directory.is_dir():
                raise
    finally:
        remove_tree(aside)


def keep_newest(root: Path, count: int) -> None:
    """Remove all directories in `root` but the `count` that were last changed; what is being made is left alone."""
    made = sorted((one for one in root.glob("[!.]*")), key=lambda one: one.lstat().st_mtime, reverse=True)
    for old in made[count:]:
        remove_tree(old)


def remove_tree(directory: Path, seconds: float = 0.0) -> bool:
    """Remove a directory and all below it, whatever the modes and however deep; True when it is gone.

    Nothing is followed out of it. Raises nothing; what another process adds meanwhile is met by going over it
    again, for up to `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError), _opened(str(directory)) as top:
            _empty(top)
            os.rmdir(directory)  # noqa: PTH106 - where the path leads to is open
        if not os.path.lexists(directory):
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(_AGAIN_SECONDS)


def _empty(top: int) -> None:
    """Whatever is two levels down is brought up by one, so that no depth is too deep."""
    while names := os.listdir(top):
        for name in names:
            if _is_unlinked(name, top):
                continue
            with _opened(name, top) as below:
                for inner in os.listdir(below):  # noqa: PTH208 - a descriptor
                    if not _is_unlinked(inner, below):
                        with _opened(inner, below):  # only what may be written to may be moved
                            os.rename(inner, uuid.uuid4().hex, src_dir_fd=below, dst_dir_fd=top)
            os.rmdir(name, dir_fd=top)


def _is_unlinked(name: str, parent: int) -> bool:
    try:
        os.unlink(name, dir_fd=parent)
    except (IsADirectoryError, PermissionError):  # Linux and macOS say of a directory what they say
        return False
    except FileNotFoundError:
        return True
    return True


@contextmanager
def _opened(path: str, parent: int | None = None) -> Iterator[int]:
    """A directory that may be listed and changed from now on. Raises `OSError` for what is none, a link too."""
    try:
        fd = os.open(path, _DIRECTORY, dir_fd=parent)
    except PermissionError:
        fd = _reopened(path, parent)
    try:
        with suppress(OSError):  # another's; if root may not, nobody may
            os.fchmod(fd, 0o700)
        yield fd
    finally:
        os.close(fd)


def _reopened(path: str, parent: int | None) -> int:
    """Opened although it may not be read: its mode is changed by what it is, not by what its name leads to."""
    handle = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101
        return os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(handle)
