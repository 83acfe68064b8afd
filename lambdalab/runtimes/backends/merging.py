"""Several layers as the one directory that a function sees at /opt: later ones over earlier ones.

Layers are unpacked read-only, which only root may write over: each directory is made anew here, and becomes
read-only when all of it is there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from lambdalab.trees import remove_tree


def merge(layers: Sequence[Path], target: Path) -> None:
    """Fill `target`, an empty directory or none, with the layers' content. Raises `OSError` when there is no room."""
    target.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        _lay_over(layer, target)
    for directory, _, _ in os.walk(target):
        os.chmod(directory, 0o555)  # noqa: PTH101, S103 - as the layers' own


def _lay_over(source: Path, target: Path) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            there = target / entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if there.is_dir() and not there.is_symlink():
                if not is_directory:
                    remove_tree(there)
            else:
                there.unlink(missing_ok=True)
            if is_directory:
                there.mkdir(exist_ok=True)
                _lay_over(Path(entry.path), there)
            else:
                shutil.copy2(entry.path, there, follow_symlinks=False)
