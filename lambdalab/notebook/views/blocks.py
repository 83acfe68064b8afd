"""Blocks of text: code, JSON, logs, differences. Each is one `<pre>`: it copies cleanly, and MathJax passes over it.

A block shows 40 lines, folds what follows, and leaves out what would make a saved notebook heavy, saying so.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lambdalab.lines import lines_of
from lambdalab.notebook.views.figures import count
from lambdalab.notebook.views.html import Html, el, small, text
from lambdalab.notebook.views.kit import details

SHOWN_LINES = 40
BUDGET = 2600
"""Bytes of markup in one block: a display may have 20 kB, of which the style sheet takes 8."""
_SOURCE_BUDGET = 800
LONGEST_LINE = 500
"""Bytes of markup in one line of a block."""
_LONGEST_CHARACTER = 5
"""Bytes of a character's markup, at most: `&amp;`."""
_TOKENS = re.compile(
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>\s*:)?|(?P<literal>-?\b\d[\d.eE+-]*|\b(?:true|false|null)\b)'
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a block: gutter (not copied), words, style ("a" added, "d" removed or hit, "w" weighty), element."""

    words: object
    gutter: str = ""
    style: str = ""
    tag: str = "span"


def code(words: str, *, budget: int = BUDGET, newest: bool = False) -> Html:
    """`words` as they are; when there is too much, the first lines, or with `newest` the last ones."""
    return _block("cb", [text(clip(line)) + "\n" for line in lines_of(words)], budget, "", newest=newest)


def json_block(value: Any, *, budget: int = BUDGET) -> Html:
    """`value` as indented JSON, keys and values set apart."""
    lines = json.dumps(value, indent=2, ensure_ascii=False, default=str).split("\n")
    return _block("cb", [_json_line(line) + "\n" for line in lines], budget, "")


def listing(
    lines: Iterable[Line], *, budget: int = BUDGET, whole: str = "", newest: bool = False, wrapped: bool = False
) -> Html:
    """Lines with gutters: a log, a difference, a piece of source. `whole` says where all of it is.

    When there is too much, the first lines are kept; with `newest` the last ones. What is `wrapped` can be read to its
    end in a narrow pane; code keeps its lines, and scrolls.
    """
    return _block("ls wr" if wrapped else "ls", [_listing_line(line) for line in lines], budget, whole, newest=newest)


def source(lines: Sequence[str], *, hit: int, first: int = 1, around: int = 2) -> Html:
    """The lines about line number `hit`; `first` is the number of `lines[0]`."""
    numbered = [(first + offset, line) for offset, line in enumerate(lines)]
    near = [(number, line) for number, line in numbered if abs(number - hit) <= around]
    return listing((_source_line(number, line, number == hit) for number, line in near), budget=_SOURCE_BUDGET)


def _source_line(number: int, line: str, hit: bool) -> Line:
    return Line(f"{'>' if hit else ' '} {clip(line)}", f"{number:>4} ", "d" if hit else "")


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two texts: the lines to show, and how many were added and removed."""

    lines: tuple[Line, ...]
    added: int
    removed: int


def difference(before: str, now: str) -> Difference:
    """The changed lines of `now` against `before`, with two lines about each change."""
    old, new = lines_of(before), lines_of(now)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    lines: list[Line] = []
    added = removed = 0
    for group in matcher.get_grouped_opcodes(2):
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                lines += [_kept(i + 1, j + 1, old[i]) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
                continue
            lines += [_removed(i + 1, old[i]) for i in range(i1, i2)]
            lines += [_added(j + 1, new[j]) for j in range(j1, j2)]
            removed, added = removed + i2 - i1, added + j2 - j1
    return Difference(tuple(lines), added, removed)


def _kept(old: int, new: int, words: str) -> Line:
    return Line(f"  {clip(words)}", f"{old:>3} {new:>3} ")


def _removed(old: int, words: str) -> Line:
    return Line(f"- {clip(words)}", f"{old:>3}     ", "d", "del")


def _added(new: int, words: str) -> Line:
    return Line(f"+ {clip(words)}", f"    {new:>3} ", "a", "ins")


def clip(line: str, most: int = LONGEST_LINE, whole: str = "") -> str:
    """A line whose markup would be longer than `most` bytes, cut, saying how much is missing (`whole`: and where)."""
    if len(line) * _LONGEST_CHARACTER <= most:
        return line
    used = 0
    for at, char in enumerate(line):
        used += len(text(char).encode())
        if used > most:
            return f"{line[:at]}… ({len(line) - at:,} more characters{f'; {whole}' if whole else ''})"
    return line


def _json_line(line: str) -> Html:
    out, end = [], 0
    line = clip(line)
    for match in _TOKENS.finditer(line):
        out += [text(line[end : match.start()]), _json_token(match)]
        end = match.end()
    return Html("".join([*out, text(line[end:])]))


def _json_token(match: re.Match[str]) -> Html:
    if match["colon"] is not None:
        return Html(el("span", match["string"], cls="k") + match["colon"])
    if match["string"] is not None:
        return el("span", match["string"], cls="st")
    return el("span", match["literal"], cls="nu")


def _listing_line(line: Line) -> str:
    gutter = el("span", line.gutter, cls="gu") if line.gutter else ""
    words = line.words if line.tag == "span" else el(line.tag, line.words)
    return el("span", gutter, words, "\n", cls=line.style)


def _block(cls: str, lines: Sequence[str], budget: int, whole: str, *, newest: bool = False) -> Html:
    if newest:
        return _last_lines(cls, lines, budget)
    kept = _within(lines, budget)
    shown, folded = kept[:SHOWN_LINES], kept[SHOWN_LINES:]
    missing = len(lines) - len(kept)
    out = _pre(cls, shown)
    if folded:
        out = Html(out + details(count(len(folded), "more line"), _pre(cls, folded)))
    if missing:
        where = f" ({whole})" if whole else ""
        out = Html(out + el("p", small(f"{count(missing, 'line')} left out of this display{where}.")))
    return out


def _last_lines(cls: str, lines: Sequence[str], budget: int) -> Html:
    kept = _within(lines[::-1], budget)[::-1]
    missing = len(lines) - len(kept)
    note = el("p", small(f"{count(missing, 'older line')} left out of this display.")) if missing else ""
    return Html(note + _pre(cls, kept))


def _pre(cls: str, lines: Sequence[str]) -> Html:
    return el("pre", Html("".join(lines)), cls=cls)


def _within(lines: Sequence[str], budget: int) -> Sequence[str]:
    used = 0
    for number, line in enumerate(lines):
        used += len(line.encode("utf-8", "replace"))
        if used > budget:
            return lines[: max(number, 1)]
    return lines
