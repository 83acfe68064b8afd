"""A copy of a bootstrap of ours for functions to see, made once and named by its content.

The installed package may be replaced while a region runs; what its sandboxes show at /var/runtime may not.
"""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path

from lambdalab.trees import making


def copied(source: Path, clients: Path) -> Path:
    """The copy of the directory `source` below `clients`; made if it is not there."""
    directory = clients / f"{source.name}-{fingerprint(source)}"
    if not directory.exists():
        with making(directory) as aside:
            shutil.copytree(source, aside, dirs_exist_ok=True)
    return directory


@cache
def fingerprint(source: Path) -> str:
    """Says which content a directory has: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(source)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
