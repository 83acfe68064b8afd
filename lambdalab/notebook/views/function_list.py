"""The table of a region's functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count, megabytes, seconds, size
from lambdalab.notebook.views.html import Html, breakable, el, mono, muted, small
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import Column, card, head, next_steps, section, sideways, table, title

_SHOWN = 40
_COLUMNS = (
    Column("Name"),
    Column("Runtime"),
    Column("Handler"),
    Column("Memory", right=True),
    Column("Timeout", right=True),
    Column("Package", right=True),
    Column("Changed"),
)


def html(configurations: Sequence[Mapping[str, Any]]) -> str:
    """The display of functions, given as AWS's FunctionConfiguration records."""
    number = len(configurations)
    top = head(icon("function", "mut"), title("Functions"), muted(count(number, "function")))
    if not number:
        return output(card("No functions", top, section(_how_to_begin())))
    shown = configurations[:_SHOWN]
    rest = el("p", small(f"{number - _SHOWN:,} more are not shown.")) if number > _SHOWN else ""
    rows = [_row(one) for one in shown]
    return output(
        card(
            f"{count(number, 'function')} in this region",
            top,
            section(sideways(table(_COLUMNS, rows, caption="Functions of this region", caption_hidden=True)), rest),
            next_steps(f"%lambda invoke {shown[0]['FunctionName']}"),
        )
    )


def _how_to_begin() -> Html:
    return el("p", "There is no function yet. Begin a cell with ", mono("%%lambda hello"), " to make one.")


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        mono(breakable(one["FunctionName"])),
        one.get("Runtime", ""),
        mono(breakable(one.get("Handler", ""))),
        megabytes(one["MemorySize"]),
        seconds(one["Timeout"]),
        size(one["CodeSize"]),
        el("span", one["LastModified"][:16].replace("T", " "), cls="nb"),
    )
