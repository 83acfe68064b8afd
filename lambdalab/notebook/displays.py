"""How results show themselves in this shell: as a card, as a line, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.client.display import DISPLAYS


class Displays:
    """Sets IPython's formatters for the types of results. The results themselves know only their card."""

    def __init__(self, formatter: Any) -> None:
        self._html = formatter.formatters["text/html"]
        self._itself = formatter.ipython_display_formatter

    def use(self, form: str) -> None:
        """`card` (the results' own HTML), `line` (their `repr`), or `none`."""
        for kind in DISPLAYS:
            _set(self._html, kind, _no_html if form == "line" else None)
            _set(self._itself, kind, _nothing if form == "none" else None)


def _set(formatter: Any, kind: type, call: Callable[[object], None] | None) -> None:
    formatter.pop(kind, None)
    if call is not None:
        formatter.for_type(kind, call)


def _no_html(value: object) -> None:
    """No HTML form: the front end takes the text."""


def _nothing(value: object) -> None:
    """Displayed by showing nothing."""
