"""A copy of a bootstrap of ours for functions to see, made once and named by its content.

The installed package may be replaced while a region runs; what its sandboxes show at /var/runtime may not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import cache
from pathlib import Path


def copied(source: Path, clients: Path) -> Path:
    """The copy of the directory `source` below `clients`; made if it is not there."""
    directory = clients / f"{source.name}-{fingerprint(source)}"
    if directory.exists():
        return directory
    # Built aside and renamed, so that two regions starting at once never see half a directory.
    aside = directory.with_name(f".{directory.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(source, aside)
    put(aside, directory)
    return directory


def put(aside: Path, directory: Path) -> None:
    """Give a finished directory its name, unless another process has been quicker."""
    try:
        aside.rename(directory)
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
        if not directory.exists():
            raise


@cache
def fingerprint(source: Path) -> str:
    """Says which content a directory has: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(source)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
