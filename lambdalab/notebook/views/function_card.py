"""The card of a deployed function: what it is now, and what the deployment changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.notebook.views import blocks, changes
from lambdalab.notebook.views.css import output
from lambdalab.notebook.views.figures import duration, megabytes, seconds, size, vcpu
from lambdalab.notebook.views.html import Html, join, mono, muted, with_code
from lambdalab.notebook.views.icons import icon
from lambdalab.notebook.views.kit import (
    Figure,
    badge,
    below,
    card,
    details,
    figures,
    head,
    next_steps,
    note,
    section,
    status,
    title,
)
from lambdalab.notebook.views.shapes import Deployed

_MOST_PACKAGES = 12
"""Packages that are named."""
_SHORT_DIFFERENCE = 12
"""Lines of a difference that are shown unfolded."""


def html(deployment: Deployed) -> str:
    """The display of `deployment`: one row when nothing changed."""
    if deployment.created or deployment.changes:
        return output(_changed_card(deployment))
    return output(_unchanged_card(deployment))


def _unchanged_card(deployment: Deployed) -> Html:
    words = muted("same code and settings, nothing deployed")
    name = join(icon("function", "mut"), title(deployment.name, code=True))
    return card(f"Function {deployment.name} unchanged", head(name, badge("Unchanged", "ok"), words))


def _changed_card(deployment: Deployed) -> Html:
    word = "Created" if deployment.created else "Updated"
    return card(
        f"Function {deployment.name} {word.lower()}",
        head(
            icon("function", "mut"),
            title(deployment.name, code=True),
            status("ok", word),
            muted(f"in {duration(deployment.seconds * 1000)}"),
        ),
        section(settings(deployment.configuration), _packages(deployment.packages)),
        _changes(deployment),
        _notes(deployment),
        next_steps(
            f"%lambda invoke {deployment.name}", f"%lambda logs {deployment.name}", f"%lambda publish {deployment.name}"
        ),
    )


def settings(configuration: Mapping[str, Any]) -> Html:
    """The settings that every function has, as a strip of figures."""
    memory: int = configuration["MemorySize"]
    items = [
        Figure("Runtime", configuration.get("Runtime", ""), mono(configuration.get("Handler", ""))),
        Figure("Memory", megabytes(memory), vcpu(memory)),
        Figure("Timeout", seconds(configuration["Timeout"])),
        Figure("Architecture", configuration.get("Architectures", ["x86_64"])[0]),
        Figure("Package", size(configuration["CodeSize"]), mono(f"sha {configuration['CodeSha256'][:6]}")),
    ]
    variables = configuration.get("Environment", {}).get("Variables", {})
    if variables:
        items.append(Figure("Environment", mono(", ".join(sorted(variables)))))
    return figures(items)


def _packages(packages: Sequence[str]) -> Html:
    if not packages:
        return Html("")
    more = f" and {len(packages) - _MOST_PACKAGES} more" if len(packages) > _MOST_PACKAGES else ""
    return below(muted("Installed: "), ", ".join(packages[:_MOST_PACKAGES]), more)


def _changes(deployment: Deployed) -> Html:
    if deployment.created:
        return Html("")
    change = _code_change(deployment)
    return section(changes.as_table(deployment.changes, "What changed", change), _code(change))


def _notes(deployment: Deployed) -> Html:
    if not deployment.notes:
        return Html("")
    return section(
        *(note("warn", with_code(f"{words[:1].upper()}{words[1:]}."), cls="wa") for words in deployment.notes)
    )


def _code_change(deployment: Deployed) -> blocks.Difference | None:
    before, now = deployment.old_source, deployment.new_source
    return None if before is None or now is None or before == now else blocks.difference(before, now)


def _code(change: blocks.Difference | None) -> Html:
    if change is None:
        return Html("")
    short = len(change.lines) <= _SHORT_DIFFERENCE
    return below(details("Code changes", blocks.listing(change.lines), unfolded=short))
