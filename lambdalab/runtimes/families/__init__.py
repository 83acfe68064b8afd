"""The families of runtimes: how each language's functions are started by an interpreter of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lambdalab.runtimes.families.base import Family
from lambdalab.runtimes.families.dotnet import DotNet
from lambdalab.runtimes.families.java import Java
from lambdalab.runtimes.families.nodejs import NodeJs
from lambdalab.runtimes.families.provided import Go, Provided
from lambdalab.runtimes.families.python import Python
from lambdalab.runtimes.families.ruby import Ruby

_ALL: tuple[type[Family], ...] = (Python, NodeJs, Java, Ruby, DotNet, Provided, Go)
NAMES = frozenset(one.name for one in _ALL)
"""The families that this version can run."""


def load(clients: Path) -> Mapping[str, Family]:
    """One object for each family, by name. What they make for their functions to see goes below `clients`."""
    return {one.name: one(clients) for one in _ALL}
