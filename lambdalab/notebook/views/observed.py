"""What was observed of calls through aliases: where they went, beside where they should, and how they fared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lambdalab.notebook.views import shares
from lambdalab.notebook.views.figures import count, duration
from lambdalab.notebook.views.figures import percent as of
from lambdalab.notebook.views.html import Html, el, join, mono, muted, short
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import Column, below, note, section, table

if TYPE_CHECKING:
    from lambdalab.client.versions import AliasRoute, ObservedCall, Versions

_BARS, _ROWS = 1, 4
"""Splits and rows that are shown: one canary at a time is what people try."""
_NAME = 30
_ENOUGH = 3.0
"""The variance below which chance explains nearly anything: no judgement is given."""
_TWO_SIGMA = 1.96


def sections(shown: Versions) -> list[Html]:
    """A section for each canary that was called, and one table of all calls through aliases."""
    called = [route for route in shown.aliases if shown.calls.get(route.name)]
    if not called:
        return []
    bars = [_split(route, shown.calls[route.name]) for route in called if route.weights][:_BARS]
    warnings = [
        below(warning)
        for route in called
        if route.weights and (warning := _worse(shown.function, route, shown.calls[route.name]))
    ]
    return [*bars, section(_table(called, shown), *warnings[:_BARS])]


def _split(route: AliasRoute, calls: Sequence[ObservedCall]) -> Html:
    looks = (shares.FIRST, shares.SECOND)
    parts = []
    for look, (version, share) in zip(looks, route.shares, strict=False):
        number = sum(call.version == version for call in calls)
        words = f"{of(number, len(calls))}, set {shares.percent(share)}"
        parts.append(shares.Share(look, f"version {version}", number, words))
    said = ", ".join(f"{part.number} to {part.name}" for part in parts)
    name = short(route.name, _NAME)
    label = f"Of {count(len(calls), 'call')} through {name}: {said}"
    title = f"Where the last {count(len(calls), 'call')} through {name} went"
    return section(shares.bar(parts, label, _chance(route, calls)), label=title)


def _chance(route: AliasRoute, calls: Sequence[ObservedCall]) -> str:
    """Whether so many calls to the primary are what its weight gives by chance (two standard deviations)."""
    _, share = route.shares[0]
    variance = len(calls) * share * (1 - share)
    if variance < _ENOUGH:
        return "too few calls to judge the split"
    expected, near = len(calls) * share, _TWO_SIGMA * math.sqrt(variance)
    number = sum(call.version == route.version for call in calls)
    word = "within" if abs(number - expected) <= near else "outside"
    return f"{word} chance of the weights ({expected:.0f} ± {near:.0f})"


def _table(called: Iterable[AliasRoute], shown: Versions) -> Html:
    columns = [Column("Through"), Column("Version"), *(Column(name, right=True) for name in _FIGURES)]
    rows = [row for route in called for row in _rows(short(route.name, _NAME), shown.calls[route.name])]
    left = el("p", muted(f"{count(len(rows) - _ROWS, 'row')} not shown.")) if len(rows) > _ROWS else ""
    return Html(table(columns, rows[:_ROWS], caption="Calls through aliases") + left)


def _rows(name: str, calls: Sequence[ObservedCall]) -> list[tuple[object, ...]]:
    versions = sorted({call.version for call in calls}, key=lambda one: (len(one), one), reverse=True)
    return [(mono(name), one, *_figures([call for call in calls if call.version == one])) for one in versions]


_FIGURES = ("Calls", "Errors", "p50", "p99", "Cold")


def _figures(calls: Sequence[ObservedCall]) -> tuple[object, ...]:
    times = sorted(call.duration_ms for call in calls)
    failed = sum(not call.ok for call in calls)
    return (
        f"{len(calls):,}",
        join(icon("error", "er"), f"{failed:,}") if failed else "0",
        duration(_percentile(times, 50)),
        duration(_percentile(times, 99)),
        f"{sum(call.cold for call in calls):,}",
    )


def _percentile(ordered: Sequence[float], percent: int) -> float:
    """The nearest rank: a value that was measured."""
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]


def _worse(function: str, route: AliasRoute, calls: Sequence[ObservedCall]) -> Html | None:
    """A warning when the canary fails more often than the version it is tried against."""
    (primary, _), (canary, _), *_ = route.shares
    failed, number = _failures(calls, canary)
    before, out_of = _failures(calls, primary)
    if not failed or (out_of and failed / number <= before / out_of):
        return None
    them = "failed none" if not before else f"{before:,} of {out_of:,}"
    versus = f"version {primary} {them}." if out_of else f"version {primary} was not called."
    return note(
        "warn",
        f"Version {canary} failed {failed:,} of its {count(number, 'call')} ({of(failed, number)}); {versus} ",
        muted("Send everything back with "),
        mono(f"%lambda rollback {function} {route.name}"),
        cls="wa",
    )


def _failures(calls: Sequence[ObservedCall], version: str) -> tuple[int, int]:
    of_it = [call for call in calls if call.version == version]
    return sum(not call.ok for call in of_it), len(of_it)
