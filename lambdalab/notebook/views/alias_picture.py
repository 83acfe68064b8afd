"""Aliases on the left, versions on the right, and lines as wide as their share of the calls.

A picture for the eye: what it shows stands in the table of versions too. Where a notebook is not trusted, JupyterLab
takes the drawing's tags away and leaves its words. Between them stands therefore what makes lines of them then, and
what a drawing does not show: text that is in no `text` element, and elements of HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lambdalab.notebook.views.html import Html, el, join, short, small
from lambdalab.notebook.views.shares import percent

if TYPE_CHECKING:
    from lambdalab.client.versions import AliasRoute, Versions

_WIDTH, _PITCH, _BOX = 700, 54, 36
_ALIAS_WIDTH, _VERSION_LEFT = 170, 340
_ALIASES, _VERSIONS = 3, 7
"""How many of each are drawn; the table has more."""
_WIDEST = 10
"""The width of a line that carries all calls."""
_LINE_END = el("header")
"""Nothing in a drawing; of the elements that may stand in one, one that JupyterLab keeps, and a block of its own."""
_NAME, _WORDS = 21, 26
"""Characters that have room in an alias's box and for a description."""


def picture(shown: Versions) -> Html:
    """The drawing of the first aliases and the versions they point at; nothing when there is no alias."""
    aliases = shown.aliases[:_ALIASES]
    if not aliases:
        return Html("")
    versions = _drawn(shown, aliases)
    height = max(len(aliases), len(versions)) * _PITCH - (_PITCH - _BOX) + 4
    alias_top = _tops(len(aliases), height)
    version_top = dict(zip((one["Version"] for one in versions), _tops(len(versions), height), strict=True))
    drawn = [
        *_lines(aliases, alias_top, version_top),
        *(_alias(alias, top) for alias, top in zip(aliases, alias_top, strict=True)),
        *(_version(one, version_top[one["Version"]]) for one in versions),
    ]
    svg = el(
        "svg", *drawn, cls="cs", viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=". ".join(map(_said, aliases))
    )
    return Html(el("div", svg, cls="ch") + _not_drawn(len(shown.aliases) - len(aliases)))


def _not_drawn(number: int) -> Html:
    return el("p", small(f"{number} more alias{'' if number == 1 else 'es'} not drawn.")) if number else Html("")


def where(route: AliasRoute) -> str:
    """Where an alias sends its calls, in words."""
    if not route.weights:
        return f"all to {_named(route.version)}"
    return ", ".join(f"{percent(share)} to {version}" for version, share in route.shares)


def _said(route: AliasRoute) -> str:
    if not route.weights:
        return f"{route.name} points at {_named(route.version)}"
    parts = " and ".join(f"{percent(share)} to version {version}" for version, share in route.shares)
    return f"{route.name} sends {parts}"


def _named(version: str) -> str:
    return version if version.startswith("$") else f"version {version}"


def _drawn(shown: Versions, aliases: Sequence[AliasRoute]) -> list[Any]:
    """$LATEST, what the aliases point at, and the newest others, in the order they have."""
    wanted = {"$LATEST", *(version for alias in aliases for version, _ in alias.shares)}
    for one in shown.configurations:
        if len(wanted) >= _VERSIONS:
            break
        wanted.add(one["Version"])
    return [one for one in shown.configurations if one["Version"] in wanted]


def _tops(number: int, height: int) -> list[int]:
    """The upper edges of `number` boxes in the middle of the picture."""
    first = (height - (number * _PITCH - (_PITCH - _BOX))) // 2
    return [first + place * _PITCH for place in range(number)]


def _lines(aliases: Sequence[AliasRoute], tops: Sequence[int], version_top: dict[str, int]) -> list[Html]:
    ends = [
        (route, share, top, version_top[version], version)
        for route, top in zip(aliases, tops, strict=True)
        for version, share in route.shares
        if version in version_top
    ]
    arriving = {version: [end for end in ends if end[4] == version] for version in version_top}
    found = []
    for end in ends:
        route, share, top, target, version = end
        # A canary's two lines leave one above the other, the upper one to the upper version.
        others = [one[3] for one in ends if one[0] is route]
        leave = top + _BOX / 2 + (0 if len(others) == 1 else -5 if target == min(others) else 5)
        place = arriving[version].index(end) - (len(arriving[version]) - 1) / 2
        arrive = target + _BOX / 2 + place * 8
        found.append(_line(leave, arrive, _look(route, version), _wide(route, share)))
    return found


def _look(route: AliasRoute, version: str) -> str:
    if not route.weights:
        return "ln1 sf"
    return "ln1 sw" if version == route.version else "ln1 sa dash"


def _wide(route: AliasRoute, share: float) -> float:
    return max(2.0, _WIDEST * share) if route.weights else 2.0


def _line(leave: float, arrive: float, look: str, wide: float) -> Html:
    start, half, end = _ALIAS_WIDTH + 1, (_ALIAS_WIDTH + _VERSION_LEFT) / 2, _VERSION_LEFT
    path = f"M{start} {leave:g}C{half:g} {leave:g} {half:g} {arrive:g} {end} {arrive:g}"
    return el("path", cls=look, style=f"stroke-width:{wide:.3g}", d=path)


def _alias(route: AliasRoute, top: int) -> Html:
    return Html(
        _box(0, top, _ALIAS_WIDTH)
        + _text(13, top + 16, short(route.name, _NAME), "mt bd")
        + ": "
        + _text(13, top + 29, short(where(route), _WORDS + 2), "s")
        + _LINE_END
    )


def _version(one: Any, top: int) -> Html:
    latest = one["Version"].startswith("$")
    words = one.get("Description") or one["LastModified"][:16].replace("T", " ")
    middle = top + 22
    told = (
        _text(354, middle, one["Version"] if latest else f"version {one['Version']}", "bd"),
        _text(432, middle, one["CodeSha256"][:6], "s mt"),
        _text(494, middle, short(words, _WORDS), "s"),
        _text(688, middle, "editable" if latest else "fixed", "s", "end"),
    )
    return Html(_box(_VERSION_LEFT, top, _WIDTH - _VERSION_LEFT - 1) + join(*told, by=", ") + _LINE_END)


def _box(left: int, top: int, wide: int) -> Html:
    return el("rect", cls="bxs", x=f"{left}.5", y=f"{top}.5", width=str(wide), height=str(_BOX), rx="5")


def _text(x: int, y: int, words: str, cls: str, anchor: str | None = None) -> Html:
    return el("text", words, cls=cls, x=str(x), y=str(y), text_anchor=anchor)
