"""A cell's text as a deployment package: the same text gives the same bytes, and so the same CodeSha256."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import zipfile
from dataclasses import dataclass

from lambdalab.client.stack import MODULE

_DATE = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Package:
    """A zip, and its CodeSha256 as AWS gives it."""

    data: bytes

    @property
    def code_sha256(self) -> str:
        """base64 of the sha256 of the bytes."""
        return base64.b64encode(hashlib.sha256(self.data).digest()).decode()


def package(source: str) -> Package:
    """The package with `source`, to the byte, as `lambda_function.py`."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"{MODULE}.py", _DATE)
        entry.external_attr = _FILE_MODE
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, source.encode())
    return Package(out.getvalue())


def source_of(data: bytes) -> str | None:
    """The source in a package made by `package`; None when it is another kind of package."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if archive.namelist() != [f"{MODULE}.py"]:
                return None
            return archive.read(f"{MODULE}.py").decode()
    except (zipfile.BadZipFile, UnicodeDecodeError):
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
