"""A script for an OS-only runtime: the cell is `bootstrap`, started by the interpreter that its first line names."""

from __future__ import annotations

from lambdalab.client.building.base import Builder, Built, Source

_BOOTSTRAP = "bootstrap"


class Script(Builder):
    """A text that begins with `#!`."""

    def recognises(self, text: str) -> bool:
        """Whether it names its interpreter."""
        return text.startswith("#!")

    def build(self, source: Source) -> Built:
        """The text itself, executable. The handler is the script's own business: it finds it in $_HANDLER."""
        return Built(
            {_BOOTSTRAP: source.text.encode()}, source.handler or _BOOTSTRAP, _BOOTSTRAP, frozenset({_BOOTSTRAP})
        )
