"""The components every view is made of. Each has a plain form: without the style sheet it reads in the right order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lambdalab.model.invocation import Fidelity
from lambdalab.notebook.views.figures import duration
from lambdalab.notebook.views.html import Html, el, join, mono, muted, small
from lambdalab.notebook.views.icons import icon

_COLOURS = {
    "ok": "var(--ok)",
    "error": "var(--err)",
    "timeout": "var(--err)",
    "memory": "var(--err)",
    "throttled": "var(--warn)",
    "warn": "var(--warn)",
}
_ALMOST_FULL, _FULL = 85.0, 100.0


@dataclass(frozen=True, slots=True)
class Figure:
    """A label, its figure, and a small note after it."""

    label: str
    value: object
    note: object = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a timeline: name, length in ms; `kind`: "q" queue, "in" init, "bu" handler, "bx" ended by force."""

    kind: str
    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; figures stand to the right."""

    name: str
    right: bool = False


def card(label: str, *parts: Html) -> Html:
    """One box. MathJax is kept out: two dollar signs in one text would become a formula."""
    return el("section", *parts, cls="ll1 mathjax_ignore tex2jax_ignore", aria_label=label)


def head(*left: object, right: Sequence[object] = ()) -> Html:
    """The first row: what it is and how it went; on the right, where it ran."""
    return el("header", join(*left, el("span", cls="sp"), *right), cls="h")


def title(words: object, *, code: bool = False) -> Html:
    """The card's name. Not a heading: those land in JupyterLab's table of contents."""
    return el("strong", mono(words) if code else words, cls="t")


def status(kind: str, word: str) -> Html:
    """How it went: shape, word, tint."""
    return el("span", icon(kind), word, cls="g s", style=f"--c:{_COLOURS[kind]}")


def badge(word: str, shape: str | None = None) -> Html:
    """A neutral fact in a frame."""
    return el("span", icon(shape) if shape else "", word, cls="g")


def fidelity(enforced: Fidelity) -> Html:
    """Where it ran: one to three bars, the backend's name, and everything it enforced on hovering."""
    bars = [el("i", cls="on" if level < enforced.level else "") for level in range(3)]
    return el(
        "span",
        el("span", *bars, cls="fd", aria_hidden="true"),
        enforced.backend,
        el("span", f" isolation {enforced.level} of 3", cls="vh"),
        cls="g",
        title="; ".join(f"{limit}: {how}" for limit, how in enforcements(enforced)),
    )


def enforcements(enforced: Fidelity) -> tuple[tuple[str, str], ...]:
    """Each limit and how it was enforced, in the order people ask for them."""
    return (
        ("Time", enforced.time),
        ("Memory", enforced.memory),
        ("CPU share", enforced.cpu),
        ("File system", enforced.file_system),
        ("Its /tmp", enforced.tmp),
        ("Processes", enforced.processes),
        ("Network", enforced.network),
        ("Frozen between calls", enforced.freeze),
    )


def section(*body: object, label: str = "", note: object = "", foot: bool = False) -> Html:
    """A part of a card, under a hairline."""
    line = caption(label, note) if label else ""
    return el("div", line, *body, cls="b f" if foot else "b")


def caption(label: str, note: object = "") -> Html:
    """The line over a block."""
    return el("p", join(el("strong", label), small(note) if note else ""), cls="l")


def figures(items: Iterable[Figure], *, column: str = "") -> Html:
    """The strip of figures, as a description list; many of one kind stand in columns of at least that width.

    That they are columns is the style sheet's to say: an untrusted notebook keeps some inline styles, and a grid
    without the rest of the sheet would print names and figures over each other.
    """
    grid = f"grid-template-columns:repeat(auto-fill,minmax({column},1fr))" if column else None
    return el("dl", *(_figure(item) for item in items), cls="kv gd" if column else "kv", style=grid)


def _figure(item: Figure) -> Html:
    value = join(item.value, small(item.note) if item.note else "")
    return el("div", el("dt", item.label), " ", el("dd", value))


def meter(part: float, whole: float, label: str) -> Html:
    """A bar filled to `part` of `whole`: warning above 85 %, error when full."""
    share = min(part / whole * 100, _FULL)
    colour = "--err" if share >= _FULL else "--warn" if share > _ALMOST_FULL else "--acc"
    bar = el("i", style=f"width:{share:.1f}%")
    return el("span", bar, cls="me", style=f"--c:var({colour})", role="img", aria_label=label)


def timeline(segments: Sequence[Segment]) -> Html:
    """The stretches to scale, and under them the same as a list with figures."""
    total = sum(segment.ms for segment in segments)
    spoken = ", ".join(f"{segment.name} {duration(segment.ms)}" for segment in segments)
    bar = el("div", *_bars(segments, total), cls="tl", role="img", aria_label=f"Timeline: {spoken}")
    legend = [
        el("li", el("i", cls=segment.kind), segment.name, " ", el("b", duration(segment.ms)), " ")
        for segment in segments
    ]
    legend.append(el("li", "total ", el("b", duration(total)), cls="mut e"))
    return Html(bar + el("ul", *legend, cls="lg"))


def _bars(segments: Sequence[Segment], total: float) -> Iterable[Html]:
    left = 0.0
    for segment in segments:
        width = segment.ms / total * 100 if total else 0.0
        yield el("i", cls=segment.kind, style=f"left:{left:.2f}%;width:{width:.2f}%")
        left += width


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[object]],
    *,
    caption: str,
    foot: Sequence[object] | None = None,
    caption_hidden: bool = False,
) -> Html:
    """A table with its caption; the first cell of each row is the row's header."""
    heads = [el("th", column.name, scope="col", cls=_side(column)) for column in columns]
    return el(
        "table",
        el("caption", caption, cls="vh" if caption_hidden else ""),
        el("thead", el("tr", *heads)),
        el("tbody", *(_row(columns, row) for row in rows)),
        el("tfoot", _row(columns, foot)) if foot else "",
    )


def _row(columns: Sequence[Column], cells: Sequence[object]) -> Html:
    first, *rest = cells
    others = [el("td", cell, cls=_side(column)) for column, cell in zip(columns[1:], rest, strict=True)]
    return el("tr", el("th", first, scope="row"), *others)


def _side(column: Column) -> str:
    return "r" if column.right else ""


def note(shape: str, *body: object, cls: str = "mut") -> Html:
    """An icon and a sentence or two."""
    return el("div", icon(shape, cls), el("div", *body), cls="n")


def details(summary: object, *body: object, unfolded: bool = False) -> Html:
    """Something folded away."""
    return el("details", el("summary", summary), *body, open=unfolded)


def below(*body: object) -> Html:
    """The same things with a little room above."""
    return el("div", *body, cls="mt1")


def side_by_side(*columns: Html) -> Html:
    """Columns that stack when there is no room."""
    return el("div", *columns, cls="g2")


def sideways(wide: Html) -> Html:
    """What may be wider than a narrow notebook: it scrolls by itself instead of ending at the card's edge."""
    return el("div", wide, cls="ch")


def next_steps(*commands: str) -> Html:
    """One to three commands that work when pasted."""
    return section(el("p", join(el("span", "Next"), *(el("code", line) for line in commands)), cls="nx"), foot=True)


def named(name: str, qualifier: str = "") -> Html:
    """A function's name as a title, with what was addressed beside it."""
    return join(title(name, code=True), muted(qualifier) if qualifier else "")
