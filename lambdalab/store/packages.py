"""Packages by their sha256: the zip as it came, and unpacked once, read-only, for every sandbox to share.

What a zip may do to whoever unpacks it is refused in `extraction.py`. Source of the limits: `model/limits.py`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import lzma
import os
import struct
import threading
import uuid
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lambdalab import disk
from lambdalab.errors import InvalidParameterValue, ServiceFailure
from lambdalab.model.function import CodeReference
from lambdalab.store.extraction import NOT_A_ZIP, extract
from lambdalab.trees import remove_tree

_GONE = ".gone-"
"""How the names of what was set aside begin."""


class PackageStore:
    """The packages of a home.

    A package may be held: by whoever adds it until something refers to it, by what runs it until that has ended.
    What is held is not taken away, whatever else happens. Safe to use from several threads.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._held: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.on_idle: Callable[[str], None] = lambda _: None
        """Called with a package's sha256, by the `release` that ends the last hold of it."""
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, data: bytes) -> CodeReference:
        """Keep, unpack and hold a zip; the same bytes twice are one package.

        Raises AWS's refusals of bad ones, and `ServiceFailure` when the machine cannot keep it. When it returns
        the zip is on disk for good. Safe to call for the same bytes at once.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._root / sha256
        self.hold([sha256])
        try:
            with _opened(data) as archive, self._telling_of_the_machine():
                if not target.is_dir():
                    self._unpack(archive, target)
                size = sum(entry.file_size for entry in archive.infolist())
                self._write_zip(data, self._root / f"{sha256}.zip")
        except BaseException:
            self._let_go(sha256)
            raise
        return CodeReference(sha256, len(data), size)

    def unpacked(self, sha256: str) -> Path:
        """The directory with the package's files. Unpacks again what was lost."""
        directory = self._root / sha256
        if not directory.is_dir():
            with _opened(self.zip_bytes(sha256)) as archive:
                self._unpack(archive, directory)
        return directory

    def zip_bytes(self, sha256: str) -> bytes:
        """The zip as it was uploaded. Raises `FileNotFoundError` when there is none."""
        return (self._root / f"{sha256}.zip").read_bytes()

    # -- what is kept, and for how long

    def hold(self, packages: Iterable[str]) -> None:
        """Keep packages, by their sha256, until as many calls of `release`."""
        with self._lock:
            self._held.update(packages)

    def release(self, packages: Iterable[str]) -> None:
        """End a hold of each."""
        for sha256 in packages:
            if self._let_go(sha256):
                self.on_idle(sha256)

    def _let_go(self, sha256: str) -> bool:
        with self._lock:
            self._held[sha256] -= 1
            last = self._held[sha256] <= 0
            if last:
                del self._held[sha256]
        return last

    def set_aside(self, sha256: str) -> bool:
        """Take a package away unless it is held; `sweep` frees its room. False when nothing was taken."""
        taken = False
        with self._lock:
            if sha256 not in self._held:
                for path in (self._root / f"{sha256}.zip", self._root / sha256):
                    if path.exists():
                        path.rename(self._root / f"{_GONE}{uuid.uuid4().hex}")
                        taken = True
        return taken

    def keep_only(self, used: set[str]) -> None:
        """Set aside everything else, half-made things too. Only while nobody adds packages."""
        for path in list(self._root.iterdir()):
            if path.name.removesuffix(".zip") not in used and not path.name.startswith(_GONE):
                path.rename(self._root / f"{_GONE}{uuid.uuid4().hex}")

    def sweep(self) -> None:
        """Free the room of what was set aside. Takes as long as there are files."""
        for path in list(self._root.glob(f"{_GONE}*")):
            if path.is_dir():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)

    # -- putting on disk

    @contextlib.contextmanager
    def _telling_of_the_machine(self) -> Iterator[None]:
        """A full disk or too many open files are no fault of the package's."""
        try:
            yield
        except OSError as problem:
            if disk.is_full(problem, self._root):
                raise ServiceFailure(f"The package could not be kept: {disk.told(self._root)}") from problem
            raise ServiceFailure(
                f"The package could not be kept: {problem.strerror or problem}. Nothing is wrong with it; this machine "
                "has no room or no means left."
            ) from problem

    def _unpack(self, archive: zipfile.ZipFile, target: Path) -> None:
        aside = self._root / f".{target.name}-{uuid.uuid4().hex}"
        aside.mkdir()
        try:
            with _refusing_damage():
                extract(archive, aside)
            aside.rename(target)
        except OSError as problem:
            if target.is_dir():
                return  # another unpacked the same package meanwhile
            if problem.errno in _OF_THE_PACKAGE:
                raise InvalidParameterValue(f"{NOT_A_ZIP} ({problem.strerror or problem})") from problem
            raise
        finally:
            remove_tree(aside)

    def _write_zip(self, data: bytes, target: Path) -> None:
        if target.exists():
            return
        aside = self._root / f".{uuid.uuid4().hex}.zip"
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(target)


@contextlib.contextmanager
def _opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    with _refusing_damage():
        archive = zipfile.ZipFile(io.BytesIO(data))
    with archive:
        yield archive


@contextlib.contextmanager
def _refusing_damage() -> Iterator[None]:
    """AWS's refusal in the place of whatever `zipfile` and the decompressors raise for what is no whole zip."""
    try:
        yield
    except _DAMAGED as bad:
        raise InvalidParameterValue(NOT_A_ZIP) from bad


_OF_THE_PACKAGE = {None, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ELOOP, errno.ENOTDIR, errno.EEXIST}
"""What a file system says of names that cannot be, and bz2 (without a number) of damage; the rest is the machine's."""
_DAMAGED = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, OverflowError, struct.error,
    zlib.error, lzma.LZMAError,
)  # fmt: skip
