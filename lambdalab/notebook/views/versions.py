"""Versions and aliases: the picture, what was observed, what differs; what publishing and moving an alias did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.notebook.views import observed, version_difference
from lambdalab.notebook.views.alias_picture import picture, where
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count, duration, megabytes, size
from lambdalab.notebook.views.html import Html, el, mono, muted, short
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import (
    Column,
    Figure,
    badge,
    below,
    card,
    details,
    figures,
    head,
    next_steps,
    section,
    status,
    table,
    title,
)
from lambdalab.notebook.views.shares import percent

if TYPE_CHECKING:
    from lambdalab.client.versions import AliasChange, Publication, Versions

_ROWS = 6
_WORDS, _NAME = 40, 24
"""Characters of a description and of an alias's name in the table."""


def html(shown: Versions) -> str:
    """The display of a function's versions."""
    counted = f"{count(len(shown.configurations) - 1, 'version')}, {_aliases(len(shown.aliases))}"
    difference = [version_difference.difference(shown.difference)] if shown.difference else []
    return output(
        card(
            f"Versions and aliases of {shown.function}",
            head(icon("versions", "mut"), title(shown.function, code=True), muted(counted)),
            *_overview(shown),
            *observed.sections(shown),
            *difference,
            next_steps(*_next(shown)),
        )
    )


def alias_html(change: AliasChange) -> str:
    """The display of an alias that was made, moved or deleted."""
    word, words = _what_happened(change)
    top = head(
        icon("versions", "mut"),
        title(f"{change.function}:{change.name}", code=True),
        badge(word, "ok") if word == "Unchanged" else status("ok", word),
        muted(words),
    )
    after = f"%lambda versions {change.function}"
    steps = (after,) if change.route is None else (f"%lambda invoke {change.function}:{change.name}", after)
    return output(card(f"Alias {change.name} {word.lower()}", top, *_overview(change.versions), next_steps(*steps)))


def publication_html(shown: Publication) -> str:
    """The display of a version that was published, or need not be."""
    one, name = shown.configuration, f"{shown.function}:{shown.version}"
    if not shown.new:
        words = muted("same code and settings as $LATEST, nothing published")
        return output(
            card(
                f"Version {shown.version} unchanged",
                head(icon("versions", "mut"), title(name, code=True), badge("Unchanged", "ok"), words),
            )
        )
    items = [
        Figure("Runtime", one.get("Runtime", ""), mono(one.get("Handler", ""))),
        Figure("Memory", megabytes(one["MemorySize"])),
        Figure("Package", size(one["CodeSize"]), mono(f"sha {one['CodeSha256'][:6]}")),
    ]
    if one.get("Description"):
        items.append(Figure("Description", short(one["Description"], _WORDS)))
    return output(
        card(
            f"Version {shown.version} of {shown.function} published",
            head(
                icon("versions", "mut"),
                title(name, code=True),
                status("ok", "Published"),
                muted(f"in {duration(shown.seconds * 1000)}"),
            ),
            section(figures(items)),
            next_steps(
                f"%lambda invoke {name}",
                f"%lambda alias {shown.function} production {shown.version}",
                f"%lambda versions {shown.function}",
            ),
        )
    )


def _what_happened(change: AliasChange) -> tuple[str, str]:
    if change.route is None:
        return "Deleted", f"it had {where(change.before)}" if change.before else ""
    if change.before is None:
        return "Created", where(change.route)
    if change.before == change.route:
        return "Unchanged", where(change.route)
    return "Moved", f"{where(change.route)}; before, {where(change.before)}"


def _overview(shown: Versions) -> list[Html]:
    """The picture, and the same as a table: folded where there is a picture."""
    drawn, rows = picture(shown), _table(shown)
    if not drawn:
        return [section(rows)]
    return [section(drawn, below(details("As a table", rows)))]


def _table(shown: Versions) -> Html:
    columns = [Column("Version"), Column("Code"), Column("Description"), Column("Changed"), Column("Aliases")]
    rows = [_row(one, shown) for one in shown.configurations[:_ROWS]]
    older = len(shown.configurations) - _ROWS
    left = el("p", muted(f"{count(older, 'older version')} not shown.")) if older > 0 else ""
    return Html(table(columns, rows, caption=f"Versions of {shown.function}", caption_hidden=True) + left)


def _row(one: Mapping[str, Any], shown: Versions) -> tuple[object, ...]:
    version = one["Version"]
    pointing = [
        f"{short(alias.name, _NAME)} {percent(share)}" if alias.weights else short(alias.name, _NAME)
        for alias in shown.aliases
        for pointed, share in alias.shares
        if pointed == version
    ]
    more = [f"and {len(pointing) - 2} more"] if len(pointing) > 2 else []
    return (
        version,
        mono(one["CodeSha256"][:6]),
        short(one.get("Description", ""), _WORDS),
        one["LastModified"][:19].replace("T", " "),
        ", ".join([*pointing[:2], *more]) or muted("none"),
    )


def _next(shown: Versions) -> tuple[str, ...]:
    name = shown.function
    canary = next((alias for alias in shown.aliases if alias.weights), None)
    if canary is not None:
        (other,) = canary.weights
        return f"%lambda alias {name} {canary.name} {other}", f"%lambda rollback {name} {canary.name}"
    published = [one["Version"] for one in shown.configurations[1:]]
    if not published:
        return (f"%lambda publish {name}",)
    if not shown.aliases:
        return (f"%lambda alias {name} production {published[0]}",)
    alias = shown.aliases[0]
    others = [version for version in published if version != alias.version]
    if not others or alias.version.startswith("$"):
        return (f"%lambda publish {name}",)
    return (f"%lambda alias {name} {alias.name} {alias.version} --canary {others[0]}=10%",)


def _aliases(number: int) -> str:
    return f"{number} alias{'' if number == 1 else 'es'}"
