"""The log of a function as a display, oldest line first."""

from __future__ import annotations

from lambdalab.notebook.views.blocks import listing
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.html import el, muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import card, head, section, title
from lambdalab.notebook.views.log_lines import event_messages, shown
from lambdalab.notebook.views.log_message import Message
from lambdalab.notebook.views.shapes import LogEvent, LogView

_BUDGET = 9000
_WHOLE = "print(_) shows them"
"""Lines are whole in the view's text, which is the notebook's last result."""


def html(view: LogView) -> str:
    """The display of the lines. When there are too many the newest are kept."""
    top = head(
        icon("log", "mut"), title("Logs"), title(view.function, code=True), muted(count(len(view.events), "line"))
    )
    lines = shown((pair for event in view.events if event.message.strip() for pair in _messages(event)), _WHOLE)
    body = (
        listing(lines, budget=_BUDGET, newest=True, wrapped=True) if lines else el("p", "No line was found.", cls="mut")
    )
    return output(card(f"Logs of {view.function}", top, section(body)))


def _messages(event: LogEvent) -> list[tuple[str, Message]]:
    """What one event says, the first line behind its time."""
    time = f"{event.time:%H:%M:%S}.{event.time.microsecond // 1000:03d}  "
    first, *rest = event_messages(event.message)
    return [(time, first), *((" " * len(time), message) for message in rest)]
