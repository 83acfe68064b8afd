"""What a sub-command may know of the notebook it runs in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST_LINE = 2
"""The number of a cell's first body line: the magic's line is 1."""


@dataclass(frozen=True, slots=True)
class Context:
    """The cell's label and body, the notebook's variables, the defaults set.

    `arrived` takes pieces of an answer as they come, from any thread: they are shown while the rest is waited for.
    `waiting` takes words on what is waited for, from any thread, for the line that is shown meanwhile.
    """

    label: str
    body: str | None
    namespace: Mapping[str, Any]
    defaults: Mapping[str, Any]
    arrived: Callable[[bytes], None] = lambda _: None
    waiting: Callable[[str], None] = lambda _: None
