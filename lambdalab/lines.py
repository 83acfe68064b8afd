"""The lines of a text as Python, the other languages' compilers and editors count them."""

from __future__ import annotations

import re

_ENDS = re.compile(r"\r\n|\r|\n")


def lines_of(words: str) -> list[str]:
    """The lines without their ends; the last needs none.

    `str.splitlines` would also split at form feeds, vertical tabs, NEL, U+2028 and the like, which end no line for
    a tokenizer: every line after one would have another number than it has for Python and in the editor.
    """
    return _ENDS.split(words.removesuffix("\n")) if words else []
