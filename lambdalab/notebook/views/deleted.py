"""A row that says what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.html import muted
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import badge, card, head, title

if TYPE_CHECKING:
    from lambdalab.notebook.actions.functions import Deleted


def html(shown: Deleted) -> str:
    """The display of what was deleted."""
    name = f"{shown.name}:{shown.version}" if shown.version else shown.name
    words = (
        "its number is not used again" if shown.version else "with its versions and aliases; its log stays, as on AWS"
    )
    return output(
        card(
            f"{name} deleted",
            head(icon("function", "mut"), title(name, code=True), badge("Deleted", "ok"), muted(words)),
        )
    )
