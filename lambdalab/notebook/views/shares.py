"""A whole and its parts: a bar to scale, and under it the same as a list with numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lambdalab.notebook.views.figures import NBSP
from lambdalab.notebook.views.html import Html, el, muted

FIRST, SECOND, REST = "bu", "cn", "q"
"""The looks of parts: solid, striped, an empty frame."""


@dataclass(frozen=True, slots=True)
class Share:
    """A part: its look, its name, how many, and a small note."""

    look: str
    name: str
    number: int
    note: str = ""


def bar(parts: Sequence[Share], label: str, remark: str = "") -> Html:
    """The bar with its list; `label` says it in a sentence, `remark` stands at the list's end."""
    legend = [
        el("li", el("i", cls=part.look), part.name, " ", el("b", f"{part.number:,}"), " ", muted(part.note), " ")
        for part in parts
    ]
    if remark:
        legend.append(el("li", remark, cls="mut e"))
    return Html(el("div", *_pieces(parts), cls="tl", role="img", aria_label=label) + el("ul", *legend, cls="lg"))


def _pieces(parts: Sequence[Share]) -> list[Html]:
    total = sum(part.number for part in parts)
    left, found = 0.0, []
    for part in parts:
        width = part.number / total * 100 if total else 0.0
        if width:
            found.append(el("i", cls=part.look, style=f"left:{left:.2f}%;width:{width:.2f}%"))
        left += width
    return found


def percent(share: float) -> str:
    """A share of 0 to 1 as it was set: `10 %`, `0.5 %`."""
    return f"{share * 100:.4g}{NBSP}%"
