"""Packages by their sha256: the zip as it came, and unpacked once, read-only, for every sandbox to share.

What a zip may do to whoever unpacks it is refused here: paths out of the directory, absolute paths, links
that lead out, sizes that lie. Source of the limits: `model/limits.py`.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import stat
import uuid
import zipfile
from pathlib import Path, PurePosixPath

from lambdalab.errors import InvalidParameterValue
from lambdalab.model import limits
from lambdalab.model.function import CodeReference

_NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
_CHUNK = 1 << 20


class PackageStore:
    """The packages of a home."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, data: bytes) -> CodeReference:
        """Keep and unpack a zip; the same bytes twice are one package. Raises AWS's refusals of bad ones.

        When it returns the zip is on disk for good. Safe to call for the same bytes at once.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        target = self._root / sha256
        if not target.is_dir():
            self._unpack(data, target)
        self._write_zip(data, self._root / f"{sha256}.zip")
        return CodeReference(sha256, len(data), _unzipped_size(data))

    def unpacked(self, sha256: str) -> Path:
        """The directory with the package's files. Unpacks again what was lost."""
        directory = self._root / sha256
        if not directory.is_dir():
            self._unpack(self.zip_bytes(sha256), directory)
        return directory

    def zip_bytes(self, sha256: str) -> bytes:
        """The zip as it was uploaded. Raises `FileNotFoundError` when there is none."""
        return (self._root / f"{sha256}.zip").read_bytes()

    def remove_unreferenced(self, used: set[str]) -> None:
        """Remove the packages that nothing refers to."""
        for path in self._root.iterdir():
            if path.name.removesuffix(".zip") not in used:
                if path.is_dir():
                    _remove_tree(path)
                else:
                    path.unlink(missing_ok=True)

    def _unpack(self, data: bytes, target: Path) -> None:
        aside = self._root / f".{target.name}-{uuid.uuid4().hex}"
        aside.mkdir()
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _extract(archive, aside)
            _make_read_only(aside)
            aside.rename(target)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError, UnicodeError) as bad:
            raise InvalidParameterValue(_NOT_A_ZIP) from bad
        except OSError as problem:
            if not target.is_dir():  # else another unpacked the same package meanwhile
                raise InvalidParameterValue(f"{_NOT_A_ZIP} ({problem.strerror})") from problem
        finally:
            _remove_tree(aside)

    def _write_zip(self, data: bytes, target: Path) -> None:
        if target.exists():
            return
        aside = self._root / f".{uuid.uuid4().hex}.zip"
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(target)


def _unzipped_size(data: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _extract(archive: zipfile.ZipFile, target: Path) -> None:
    written = 0
    for entry in archive.infolist():
        path = target / _safe_name(entry.filename)
        if entry.is_dir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = entry.external_attr >> 16
        if stat.S_ISLNK(mode):
            _link(archive, entry, path, target)
        else:
            written = _write(archive, entry, path, written)
            path.chmod(0o555 if mode & 0o111 else 0o444)


def _safe_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise InvalidParameterValue(f"{_NOT_A_ZIP} (The entry {name!r} leads out of the package.)")
    return path


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, written: int) -> int:
    """Unpack a file, counting what really comes out: the sizes in the zip may lie."""
    path.unlink(missing_ok=True)  # a later entry of the same name wins, as with unzip
    with archive.open(entry) as source, path.open("wb") as file:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            limits.check_unzipped_size(written)
            file.write(chunk)
    return written


def _link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, target: Path) -> None:
    goal = archive.read(entry).decode()
    inside = Path(os.path.normpath(path.parent / goal))
    if Path(goal).is_absolute() or not inside.is_relative_to(target):
        raise InvalidParameterValue(f"{_NOT_A_ZIP} (The link {entry.filename!r} leads out of the package.)")
    path.unlink(missing_ok=True)
    path.symlink_to(goal)


def _make_read_only(directory: Path) -> None:
    for parent, _, _ in os.walk(directory, topdown=False):
        Path(parent).chmod(0o555)


def _remove_tree(directory: Path) -> None:
    if directory.is_dir():
        for parent, _, _ in os.walk(directory):
            Path(parent).chmod(0o755)
        shutil.rmtree(directory, ignore_errors=True)
