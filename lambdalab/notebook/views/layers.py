"""Layers: what was published, a layer's versions, all layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lambdalab.notebook.views import blocks
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import count, duration, size
from lambdalab.notebook.views.html import Html, el, join, mono, muted, short
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import (
    Column,
    Figure,
    badge,
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

if TYPE_CHECKING:
    from lambdalab.client.layers import LayerPublication, LayerVersions

_ROWS = 20
_WORDS = 60
_UNFOLDED = 12
"""Contents that are shown unfolded."""


def publication_html(shown: LayerPublication) -> str:
    """The display of a layer's version that was published, or need not be."""
    name = f"{shown.layer}:{shown.version}"
    if not shown.new:
        words = muted("this version has the same content: nothing published")
        return output(
            card(
                f"Layer {name} unchanged",
                head(icon("layer", "mut"), title(name, code=True), badge("Unchanged", "ok"), words),
            )
        )
    return output(
        card(
            f"Layer {name} published",
            head(
                icon("layer", "mut"),
                title(name, code=True),
                status("ok", "Published"),
                muted(f"in {duration(shown.seconds * 1000)}"),
            ),
            section(figures(_figures(shown.document))),
            _contents(shown),
            _how_to_use(name),
            next_steps(f"%lambda layer {shown.layer}"),
        )
    )


def versions_html(shown: LayerVersions) -> str:
    """The display of a layer's versions."""
    top = head(icon("layer", "mut"), title(shown.layer, code=True), muted(count(len(shown.versions), "version")))
    if not shown.versions:
        words = el(
            "p",
            "There is no version of this layer. Publish one with ",
            mono(f"%lambda layer {shown.layer} --requirements requests"),
            ", or from a cell that begins with ",
            mono(f"%%lambda layer {shown.layer}"),
            ".",
        )
        return output(card(f"Layer {shown.layer}: no version", top, section(words)))
    columns = [
        Column("Version"),
        Column("Description"),
        Column("Runtimes"),
        Column("Architecture"),
        Column("Published"),
        Column("Used by"),
    ]
    rows = [(*_row(one), _users(shown.users.get(one["Version"], ()))) for one in shown.versions[:_ROWS]]
    return output(
        card(
            f"Versions of layer {shown.layer}",
            top,
            section(
                table(columns, rows, caption=f"Versions of {shown.layer}", caption_hidden=True),
                _left(len(shown.versions) - _ROWS, "older version"),
            ),
            _how_to_use(f"{shown.layer}:{shown.versions[0]['Version']}"),
        )
    )


def list_html(layers: Sequence[Mapping[str, Any]]) -> str:
    """The display of a region's layers."""
    top = head(icon("layer", "mut"), title("Layers"), muted(count(len(layers), "layer")))
    if not layers:
        words = el("p", "There is no layer yet. ", mono("%lambda help layer"), " tells how to publish one.")
        return output(card("No layers", top, section(words)))
    columns = [
        Column("Name"),
        Column("Newest"),
        Column("Description"),
        Column("Runtimes"),
        Column("Architecture"),
        Column("Published"),
    ]
    rows = []
    for one in layers[:_ROWS]:
        newest, *others = _row(one["LatestMatchingVersion"])
        rows.append((mono(one["LayerName"]), newest, *others))
    return output(
        card(
            f"{count(len(layers), 'layer')} in this region",
            top,
            section(
                table(columns, rows, caption="Layers of this region", caption_hidden=True),
                _left(len(layers) - _ROWS, "more layer"),
            ),
            next_steps(f"%lambda layer {layers[0]['LayerName']}"),
        )
    )


def _figures(document: Mapping[str, Any]) -> list[Figure]:
    items = [
        Figure("Runtimes", _listed(document, "CompatibleRuntimes")),
        Figure("Architecture", _listed(document, "CompatibleArchitectures")),
        Figure("Package", size(document["Content"]["CodeSize"]), mono(f"sha {document['Content']['CodeSha256'][:6]}")),
    ]
    if document.get("Description"):
        items.append(Figure("Description", short(document["Description"], _WORDS)))
    return items


def _contents(shown: LayerPublication) -> Html:
    if not shown.contents:
        return Html("")
    listed = blocks.code("\n".join(shown.contents))
    if len(shown.contents) <= _UNFOLDED:
        return section(listed, label="Contains")
    return section(details(f"Contains {count(len(shown.contents), 'package')}", listed))


def _how_to_use(name: str) -> Html:
    return section(
        el("p", muted("A function gets it at "), mono("/opt"), muted(": "), mono(f"%lambda config NAME --layer {name}"))
    )


def _row(one: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        one["Version"],
        short(one.get("Description", ""), _WORDS),
        _listed(one, "CompatibleRuntimes"),
        _listed(one, "CompatibleArchitectures"),
        one["CreatedDate"][:19].replace("T", " "),
    )


def _listed(one: Mapping[str, Any], member: str) -> object:
    return ", ".join(one.get(member, ())) or muted("any")


def _users(names: Sequence[str]) -> object:
    shown = [mono(name) for name in names[:3]]
    more = muted(f"and {len(names) - 3} more") if len(names) > 3 else ""
    return join(*shown, more) if names else muted("nobody")


def _left(number: int, noun: str) -> Html:
    return el("p", muted(f"{count(number, noun)} not shown.")) if number > 0 else Html("")
