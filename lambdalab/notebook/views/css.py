"""The style sheet that every output carries, and the output itself."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from lambdalab.notebook.views.html import Html, el


def minified(sheet: str) -> str:
    """`sheet` without comments and needless white space."""
    sheet = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    sheet = re.sub(r"\s+", " ", sheet)
    sheet = re.sub(r"\s*([{};,>])\s*", r"\1", sheet)
    return sheet.replace(": ", ":").replace(";}", "}").strip()


@cache
def stylesheet() -> str:
    """The contents of `ll.css`, minified."""
    return minified(files(__package__).joinpath("ll.css").read_text("utf-8"))


def output(*cards: Html) -> str:
    """One self-contained display: the style sheet and the cards, nothing fetched from anywhere."""
    return el("style", Html(stylesheet())) + "".join(cards)
