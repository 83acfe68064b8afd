"""Unpacking a zip that somebody else made: nothing outside the directory is ever touched, whatever the zip says.

The whole tree is planned from the zip's table of contents before anything is written: what stands in a path's way
must be a directory, and where a link leads is followed through the plan, link by link, as the kernel would follow
it. Then directories are made, files are written into them, and links come last: nothing is written while there is
a link to write through. Names that two file systems read differently end at `O_EXCL`.
"""

from __future__ import annotations

import os
import stat
import zipfile
from itertools import groupby
from pathlib import Path

from lambdalab.errors import InvalidParameterValue
from lambdalab.model import limits

NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
_CHUNK = 1 << 20
_LONGEST = 4096
"""Bytes of a path or of a link's goal (Linux's PATH_MAX)."""
_MOST_LINKS = 40
"""Links that one path may lead through (Linux's own bound)."""


class Unsafe(InvalidParameterValue):
    """An entry that does not belong in a package; AWS's text, and what is wrong with which entry."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{NOT_A_ZIP} (The entry {name!r} {what}.)")


def extract(archive: zipfile.ZipFile, target: Path) -> None:
    """Unpack into `target`, an empty directory of ours, and make all of it read-only.

    Raises `InvalidParameterValue` for unsafe entries and for too many bytes, and what `zipfile` and the file
    system raise.
    """
    plan = _Plan(archive.infolist())
    limits.check_unzipped_size(sum(entry.file_size for entry in plan.files.values()))
    goals = {path: _goal(archive, entry) for path, entry in plan.links.items()}
    for path in goals:
        plan.check_link(path, goals)
    root = os.fspath(target)
    for path in plan.directories:
        os.mkdir(f"{root}/{path}")  # noqa: PTH102 - a package has up to hundreds of thousands of entries
    for parent, files in groupby(sorted(plan.files.items(), key=_parent), _parent):
        # Relative to an open directory: half the system's work for each file, and no link can be in the way.
        folder = os.open(f"{root}/{parent}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            for path, entry in files:
                _write(archive, entry, path.rpartition("/")[2], folder)
        finally:
            os.close(folder)
    for path, goal in goals.items():
        os.symlink(goal, f"{root}/{path}")  # noqa: PTH211
    for path in reversed(plan.directories):
        os.chmod(f"{root}/{path}", 0o555)  # noqa: PTH101, S103
    target.chmod(0o555)


class _Plan:
    """What a zip's entries make together, by their paths: directories (parents first), files and links.

    A later entry of the same name wins, as with unzip.
    """

    def __init__(self, entries: list[zipfile.ZipInfo]) -> None:
        self.files: dict[str, zipfile.ZipInfo] = {}
        self.links: dict[str, zipfile.ZipInfo] = {}
        self._directories: dict[str, None] = {}
        for entry in entries:
            self._add(entry, _path(entry))
        for path in (*self.files, *self.links):
            if path in self._directories:
                raise Unsafe(path, "is a directory and something else at once")

    @property
    def directories(self) -> list[str]:
        """Every directory, after the one that it is in."""
        return list(self._directories)

    def _add(self, entry: zipfile.ZipInfo, path: str) -> None:
        self._make(path.rpartition("/")[0])
        if entry.filename.endswith("/"):
            self._make(path)
            return
        if not path:
            raise Unsafe(entry.filename, "is the package itself")
        kind, other = (self.files, self.links)
        if stat.S_ISLNK(entry.external_attr >> 16):
            kind, other = other, kind
        other.pop(path, None)
        kind[path] = entry

    def _make(self, path: str) -> None:
        missing = []
        while path and path not in self._directories:
            missing.append(path)
            path = path.rpartition("/")[0]
        self._directories.update(dict.fromkeys(reversed(missing)))

    def check_link(self, path: str, goals: dict[str, str]) -> None:
        """Refuse a link that leads out of the package, by itself or through others. What is not there is no harm."""
        followed = 0
        at = path.split("/")[:-1]
        ahead = _steps(goals[path])
        while ahead:
            step = ahead.pop()
            if step == "..":
                if not at:
                    raise Unsafe(path, "is a link that leads out of the package")
                at.pop()
                continue
            at.append(step)
            goal = goals.get("/".join(at))
            if goal is not None:
                followed += 1
                if followed > _MOST_LINKS:
                    raise Unsafe(path, f"is a link that leads through more than {_MOST_LINKS} others")
                at.pop()
                ahead += _steps(goal)


def _parent(item: tuple[str, object]) -> str:
    return item[0].rpartition("/")[0]


def _steps(goal: str) -> list[str]:
    """A goal's steps, the first one last."""
    return [step for step in reversed(goal.split("/")) if step not in {"", "."}]


def _path(entry: zipfile.ZipInfo) -> str:
    """An entry's path within the package, with no step that means nothing; "" for the package itself."""
    name = entry.filename.replace("\\", "/")
    steps = [step for step in name.split("/") if step not in {"", "."}]
    if name.startswith("/") or ".." in steps or "\0" in name:
        raise Unsafe(name, "leads out of the package")
    if len(name.encode()) > _LONGEST:
        raise Unsafe(f"{name[:50]}…", "has too long a name")
    return "/".join(steps)


def _goal(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    if not 0 < entry.file_size <= _LONGEST:
        raise Unsafe(entry.filename, "is a link without a goal, or with too long a one")
    goal = archive.read(entry).decode()
    if goal.startswith("/") or "\0" in goal:
        raise Unsafe(entry.filename, "is a link that leads out of the package")
    return goal


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, folder: int) -> None:
    """One file. `zipfile` reads no more of it than the table of contents says, which was counted before."""
    mode = 0o555 if (entry.external_attr >> 16) & 0o111 else 0o444
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with archive.open(entry) as source:
            while chunk := source.read(_CHUNK):
                _write_all(fd, chunk)
        os.fchmod(fd, mode)
    finally:
        os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
