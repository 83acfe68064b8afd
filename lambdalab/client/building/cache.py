"""What compilers made, kept by what it was made of: the same cell again is not compiled again."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import platformdirs

from lambdalab.trees import making

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
    _forget_old(root)
    return found


def _forget_old(root: Path) -> None:
    kept = sorted((one for one in root.iterdir() if not one.name.startswith(".")), key=lambda one: one.stat().st_mtime)
    for old in kept[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
