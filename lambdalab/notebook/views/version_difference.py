"""What differs between two versions: settings as a table, code file by file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lambdalab.notebook.views import blocks, changes
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.html import Html, el, mono, muted
from lambdalab.notebook.views.kit import below, caption, section

if TYPE_CHECKING:
    from lambdalab.client.versions import FileChange, VersionDifference

_FILES = 2
_BUDGET = 1100
"""Bytes of markup for the code of all files."""
_CHANGES, _LONGEST = 5, 50
"""Settings that are shown, and bytes of markup of a value."""


def difference(shown: VersionDifference) -> Html:
    """The section."""
    title = f"{named(shown.before)} → {named(shown.now)}"
    if not shown.changes:
        return section(el("p", "Nothing differs: same code, same settings.", cls="mut"), label=title)
    files = [(one, blocks.difference(one.before or "", one.now or "")) for one in shown.files]
    settings = [change for change in shown.changes if change.what != "code"]
    table = changes.as_table(settings[:_CHANGES], "Settings that differ", longest=_LONGEST) if settings else Html("")
    left = el("p", muted(f"{count(len(settings) - _CHANGES, 'more setting')}.")) if len(settings) > _CHANGES else ""
    code = [_file(one, lines, _BUDGET // min(len(files), _FILES)) for one, lines in files[:_FILES]]
    return section(
        *code, _left_out(shown), below(table, left) if settings else "", label=title, note=_summary(files, settings)
    )


def named(version: str) -> str:
    """`Version 3`, or the name of an alias or $LATEST as it is."""
    return f"Version {version}" if version.isdecimal() else version


def _summary(files: list[tuple[FileChange, blocks.Difference]], settings: Sequence[object]) -> str:
    added, removed = sum(lines.added for _, lines in files), sum(lines.removed for _, lines in files)
    code = f"+{added} −{removed} lines" if files else "code equal"
    differ = f"{count(len(settings), 'setting')} differ{'s' if len(settings) == 1 else ''}"
    return f"{code}, {differ if settings else 'settings equal'}"


def _file(one: FileChange, lines: blocks.Difference, budget: int) -> Html:
    what = "added" if one.before is None else "removed" if one.now is None else f"+{lines.added} −{lines.removed}"
    return below(caption(mono(blocks.clip(one.path, 120)), what), blocks.listing(lines.lines, budget=budget))


def _left_out(shown: VersionDifference) -> Html:
    """What of the code is not shown: files beyond the first, and packages that differ in no text."""
    if len(shown.files) > _FILES:
        return el("p", muted(f"{count(len(shown.files) - _FILES, 'more file')} changed."))
    if not shown.files and any(change.what == "code" for change in shown.changes):
        return el("p", muted("The packages differ, in files that are no text or in how they were packed."))
    return Html("")
