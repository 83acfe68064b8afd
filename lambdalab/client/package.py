"""Texts and files as a package: the same content gives the same bytes, and so the same CodeSha256."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdalab.client.building.base import Built

_DATE = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644
_PROGRAM_MODE = 0o100755
_MAIN = b"lambdalab: made from "
"""The zip's comment, with the file that holds the cell's text."""


@dataclass(frozen=True, slots=True)
class Package:
    """A zip, and its CodeSha256 as AWS gives it."""

    data: bytes

    @property
    def code_sha256(self) -> str:
        """base64 of the sha256 of the bytes."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


def package(built: Built, files: Mapping[str, bytes] | None = None, programs: frozenset[str] = frozenset()) -> Package:
    """The package of what was built, and of further files, some of them `programs`; they replace nothing built."""
    content = {**(files or {}), **built.files}
    executable = built.executable | (programs - built.files.keys())
    entries = ((path, content[path], _PROGRAM_MODE if path in executable else _FILE_MODE) for path in sorted(content))
    return _zipped(entries, comment=_MAIN + built.main.encode())


def package_of(files: Mapping[str, bytes]) -> Package:
    """The package with these contents by their paths."""
    return _zipped((path, files[path], _FILE_MODE) for path in sorted(files))


def package_of_folder(folder: Path, prefix: str) -> Package:
    """The package with the files below `folder`, under `prefix` (such as `python/`). Programs stay programs."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return _zipped(
        (
            f"{prefix}{path.relative_to(folder).as_posix()}",
            path.read_bytes(),
            _PROGRAM_MODE if path.stat().st_mode & 0o100 else _FILE_MODE,
        )
        for path in found
    )


def _zipped(entries: Iterable[tuple[str, bytes, int]], comment: bytes = b"") -> Package:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content, mode in entries:
            entry = zipfile.ZipInfo(path, _DATE)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        archive.comment = comment
    return Package(out.getvalue())


def names_in(data: bytes) -> tuple[str, ...]:
    """The paths in a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return tuple(archive.namelist())


def names_of(data: bytes) -> tuple[str, ...]:
    """The same; none in what is no zip."""
    try:
        return names_in(data)
    except zipfile.BadZipFile:
        return ()


def programs_in(data: bytes) -> frozenset[str]:
    """The paths in a package that are executable."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return frozenset(entry.filename for entry in archive.infolist() if entry.external_attr >> 16 & 0o100)


def source_of(data: bytes) -> str | None:
    """The cell's text in a package made by `package`; None when it is another kind of package."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if not archive.comment.startswith(_MAIN):
                return None
            return archive.read(archive.comment.removeprefix(_MAIN).decode()).decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return None


def contents(data: bytes) -> dict[str, bytes]:
    """The files of a package by their paths; empty when it is no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        return {}


def texts_of(data: bytes) -> dict[str, str]:
    """The files of a package that are text, by their paths; empty when it is no zip."""
    found = {}
    for name, content in contents(data).items():
        with contextlib.suppress(UnicodeDecodeError):
            found[name] = content.decode()
    return found
