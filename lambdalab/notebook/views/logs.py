"""The log of a function as a display, oldest line first."""

from __future__ import annotations

from lambdalab.notebook.views.blocks import Line, listing
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.html import el, muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import card, head, section, title
from lambdalab.notebook.views.log_lines import event_lines
from lambdalab.notebook.views.shapes import LogEvent, LogView

_BUDGET = 9000


def html(view: LogView) -> str:
    """The display of the lines. When there are too many the newest are kept."""
    top = head(
        icon("log", "mut"), title("Logs"), title(view.function, code=True), muted(count(len(view.events), "line"))
    )
    lines = [line for event in view.events if event.message.strip() for line in _lines(event)]
    body = listing(lines, budget=_BUDGET, newest=True) if lines else el("p", "No line was found.", cls="mut")
    return output(card(f"Logs of {view.function}", top, section(body)))


def _lines(event: LogEvent) -> list[Line]:
    return event_lines(event.message, f"{event.time:%H:%M:%S}.{event.time.microsecond // 1000:03d}  ")
