"""What compilers made, kept by what it was made of: the same cell again is not compiled again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import platformdirs

from lambdalab.trees import keep_newest, making

_KEPT = 200
"""Results that are kept: the last ones used."""


def directory(name: str) -> Path:
    """A directory of that name in the person's cache, made if need be."""
    found = platformdirs.user_cache_path("lambdalab", appauthor=False) / name
    found.mkdir(parents=True, exist_ok=True)
    return found


def made(what: str, parts: tuple[str | bytes, ...], make: Callable[[Path], None]) -> Path:
    """The directory that `make` fills, for these `parts`; made once, whole or not at all."""
    digest = hashlib.sha256()
    for part in (what, *parts):
        data = part if isinstance(part, bytes) else part.encode()
        digest.update(b"%d:" % len(data) + data)
    root = directory("built")
    found = root / f"{what}-{digest.hexdigest()[:32]}"
    if found.is_dir():
        os.utime(found)
        return found
    with making(found) as aside:
        make(aside)
    keep_newest(root, _KEPT)
    return found
