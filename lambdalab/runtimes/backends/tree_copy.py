"""What is in one directory copied into another where a function may be at work meanwhile.

The region may do more than the function. So no link is followed on either side, each name is looked up in a directory
that is open, what is there already is left alone, and nothing is entered that another file system is mounted over:
whatever the function puts in the way, nothing else of this machine is read or written.

Run as a program of its own, with two descriptors as its arguments: there may be very many files, and the region has
others to serve.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 100
"""Directories below each other: each is held open while what is in it is copied."""
_SPECIAL = {stat.S_IFIFO, stat.S_IFSOCK}


def copy_content(source: int, target: int) -> None:
    """Copy what is in the directory `source` into `target`, both of them descriptors. Blocks; raises nothing.

    With modes, times, links of both kinds and the holes in files; what cannot be read, or finds no room, is left out.
    """
    with suppress(OSError), _opened(".", source) as inside, _opened(".", target) as top:
        _Copy(inside, top).fill(inside, top)


class _Copy:
    """One copy: the file systems that it stays in, and the files with several names by what they are."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = os.fstat(source).st_dev, os.fstat(target).st_dev
        self._top = target
        self._named: dict[int, str] = {}

    def fill(self, source: int, target: int, path: str = "", depth: int = 0) -> None:
        """Copy what is in one directory; `path` is where it is below the top."""
        for name in os.listdir(source):
            with suppress(OSError):
                found = os.stat(name, dir_fd=source, follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode):
                    if depth < _DEEPEST:
                        self._directory(source, target, name, found, f"{path}{name}/", depth)
                elif stat.S_ISLNK(found.st_mode):
                    os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
                    os.utime(name, ns=_times(found), dir_fd=target, follow_symlinks=False)
                elif stat.S_ISREG(found.st_mode):
                    self._file(source, target, name, found, path)
                elif stat.S_IFMT(found.st_mode) in _SPECIAL:
                    os.mknod(name, stat.S_IFMT(found.st_mode) | stat.S_IMODE(found.st_mode), dir_fd=target)

    def _directory(self, source: int, target: int, name: str, found: os.stat_result, path: str, depth: int) -> None:
        os.mkdir(name, 0o700, dir_fd=target)
        with _opened(name, source) as inside, _opened(name, target) as made:
            if os.fstat(inside).st_dev == self._source and os.fstat(made).st_dev == self._target:
                self.fill(inside, made, path, depth + 1)
                _finish(made, found)

    def _file(self, source: int, target: int, name: str, found: os.stat_result, path: str) -> None:
        if found.st_ino in self._named:
            # A link put into that path leads to another file system, where no name of this one can be.
            os.link(self._named[found.st_ino], name, src_dir_fd=self._top, dst_dir_fd=target, follow_symlinks=False)
            return
        with _descriptor(name, _FILE, source) as old:
            if not os.path.samestat(os.fstat(old), found):
                return
            with _descriptor(name, _NEW, target) as new:
                if found.st_nlink > 1:
                    self._named[found.st_ino] = path + name
                _copy_data(old, new, found.st_size)
                _finish(new, found)


def _copy_data(old: int, new: int, size: int) -> None:
    """The data between a file's holes. Raises `OSError` when there is no room."""
    os.ftruncate(new, size)
    end = 0
    while end < size:
        try:
            start = os.lseek(old, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        end = os.lseek(old, start, os.SEEK_HOLE)
        os.lseek(new, start, os.SEEK_SET)
        while start < end:
            start += os.sendfile(new, old, start, end - start)


def _finish(fd: int, like: os.stat_result) -> None:
    os.fchmod(fd, stat.S_IMODE(like.st_mode) & 0o1777)
    os.utime(fd, ns=_times(like))


def _times(like: os.stat_result) -> tuple[int, int]:
    return like.st_atime_ns, like.st_mtime_ns


@contextmanager
def _opened(name: str, parent: int) -> Iterator[int]:
    with _descriptor(name, DIRECTORY, parent) as fd:
        yield fd


@contextmanager
def _descriptor(name: str, flags: int, parent: int) -> Iterator[int]:
    fd = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        yield fd
    finally:
        os.close(fd)


if __name__ == "__main__":
    copy_content(*map(int, sys.argv[1:]))
