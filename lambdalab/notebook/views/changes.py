"""Settings before and now, as a table."""

from __future__ import annotations

from collections.abc import Iterable

from lambdalab.notebook.views import blocks
from lambdalab.notebook.views.html import Html, join, mono, muted
from lambdalab.notebook.views.kit import Column, table
from lambdalab.notebook.views.shapes import Change


def as_table(
    changes: Iterable[Change],
    caption: str,
    code: blocks.Difference | None = None,
    longest: int = blocks.LONGEST_LINE,
) -> Html:
    """The table; beside the code's hash, how many lines of `code` changed. `longest`: bytes of markup of a value."""
    columns = [Column("What"), Column("Before"), Column("Now")]
    return table(columns, [_row(change, code, longest) for change in changes], caption=caption)


def _row(change: Change, code: blocks.Difference | None, longest: int) -> tuple[object, ...]:
    counted = f"+{code.added} −{code.removed} lines" if code and change.what.lower() == "code" else ""
    before = mono(blocks.clip(change.before, longest)) if change.before else muted("not set")
    now = mono(blocks.clip(change.now, longest)) if change.now else muted("not set")
    return blocks.clip(change.what, longest), before, join(now, muted(counted) if counted else "")
