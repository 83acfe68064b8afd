"""Deployment packages: the same files give the same bytes, and so the same CodeSha256."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

from lambdalab.client.building.base import Built

_DATE = (1980, 1, 1, 0, 0, 0)
_FILE, _PROGRAM = 0o100644 << 16, 0o100755 << 16
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


def package(built: Built, files: Mapping[str, bytes] | None = None) -> Package:
    """The package of what was built, and of further files; those do not replace what was built."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in sorted({**(files or {}), **built.files}.items()):
            entry = zipfile.ZipInfo(path, _DATE)
            entry.external_attr = _PROGRAM if path in built.executable else _FILE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
        archive.comment = _MAIN + built.main.encode()
    return Package(out.getvalue())


def source_of(data: bytes) -> str | None:
    """The cell's text in a package made by `package`; None when it is another kind of package."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if not archive.comment.startswith(_MAIN):
                return None
            return archive.read(archive.comment.removeprefix(_MAIN).decode()).decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        return None


def texts_of(data: bytes) -> dict[str, str]:
    """The files of a package that are text, by their paths; empty when it is no zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            read = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    except zipfile.BadZipFile:
        return {}
    found = {}
    for name, content in read.items():
        with contextlib.suppress(UnicodeDecodeError):
            found[name] = content.decode()
    return found
