"""The brackets of a text that is meant to be JSON, whatever else is wrong with it."""

from __future__ import annotations

import re

STRING = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
"""A string, or all that is left where it does not end: else each of its quotes would be looked for an end again."""
_BRACKET = re.compile(rf"{STRING}|([\[\]{{}}])", re.DOTALL)


def opened(text: str, end: int | None = None) -> list[tuple[str, int]]:
    """The brackets that are open before `end`, or at the text's end, and where they stand. Strings have none."""
    found: list[tuple[str, int]] = []
    for one in _BRACKET.finditer(text, 0, len(text) if end is None else end):
        if one[1] in {"{", "["}:
            found.append((one[1], one.start(1)))
        elif one[1] and found:
            found.pop()
    return found
