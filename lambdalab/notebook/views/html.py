"""Markup as a type: text is escaped where it is placed, only `Html` passes as it is. So nothing can be forgotten."""

from __future__ import annotations

import html as _html
import re
from typing import Final

_VALUE_LESS: Final = True
_UNBROKEN = 24
"""Characters of code that fit on a line of the narrowest card, about 170 pixels."""


class Html(str):
    """Markup that is escaped already. Any other `str` is text."""

    __slots__ = ()

    def __html__(self) -> str:
        """The markup itself, for template engines that know the protocol."""
        return str(self)


def text(value: object) -> Html:
    """`value` as markup: `Html` as it is, anything else as escaped text.

    Quotes stay as they are: text never stands in an attribute (`el` quotes those), and a JSON document
    would grow sixfold.
    """
    return value if isinstance(value, Html) else Html(_html.escape(_encodable(str(value)), quote=False))


def el(tag: str, *children: object, cls: str = "", **attributes: str | bool | None) -> Html:
    """The element `tag` around `children`. In attribute names underscores stand for hyphens.

    An attribute that is None or False is left out; one that is True stands without a value.
    """
    written = {"class": cls or None, **attributes}
    attrs = "".join(_attribute(name, value) for name, value in written.items())
    return Html(f"<{tag}{attrs}>{''.join(map(text, children))}</{tag}>")


def _attribute(name: str, value: str | bool | None) -> str:
    name = name.replace("_", "-")
    if value is None or value is False:
        return ""
    if value is _VALUE_LESS:
        return f" {name}"
    return f' {name}="{_html.escape(_encodable(str(value)))}"'


def _encodable(words: str) -> str:
    """Half of a surrogate pair, which JSON may hold, could not be sent to the front end."""
    return words if words.isascii() else words.encode("utf-8", "replace").decode("utf-8")


def join(*parts: object, by: str = " ") -> Html:
    """The parts that are not empty, with `by` between: a space keeps words apart when the style sheet is gone."""
    return Html(text(by).join(text(part) for part in parts if part))


def muted(*children: object) -> Html:
    """Secondary text."""
    return el("span", *children, cls="mut")


def mono(*children: object) -> Html:
    """Names and code in a line of text."""
    return el("span", *children, cls="m")


def inline(code: str) -> Html:
    """Code in a sentence: what is short stays on one line (`--timeout 10` would be broken after its dashes)."""
    return el("span", code, cls="m nb" if len(code) <= _UNBROKEN else "m")


def with_code(words: str) -> Html:
    """Text whose pieces in backquotes are set as code."""
    pieces = re.split(r"`([^`]*)`", words)
    return Html("".join(inline(piece) if n % 2 else text(piece) for n, piece in enumerate(pieces)))


def breakable(name: str) -> Html:
    """A name that may be broken after its dots, colons, slashes and underscores, where a column is narrow."""
    return Html("<wbr>".join(text(piece) for piece in re.split(r"(?<=[.:/_])(?=[^.:/_])", name)))


def bold(*children: object) -> Html:
    """The figure or word that matters in its line."""
    return el("b", *children)


def small(*children: object) -> Html:
    """The note after a figure."""
    return el("small", *children)


def short(words: str, most: int) -> str:
    """`words` cut to `most` characters, where there is no room for more and the whole stands elsewhere."""
    return words if len(words) <= most else f"{words[: most - 1]}…"
