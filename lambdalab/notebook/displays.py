"""How results show themselves: which view renders what, and in this shell whether as a card, a line, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lambdalab.client.display import DISPLAYS


def fill() -> None:
    """Give every type of result its view. The views are imported here: with the first result, not before."""
    from lambdalab.client import concurrency as running  # noqa: PLC0415
    from lambdalab.client import configuring, deployment, lab  # noqa: PLC0415
    from lambdalab.client import invocation as calls  # noqa: PLC0415
    from lambdalab.client import layers as published  # noqa: PLC0415
    from lambdalab.client import logs as lines  # noqa: PLC0415
    from lambdalab.client import versions as kept  # noqa: PLC0415
    from lambdalab.notebook.actions.functions import Deleted  # noqa: PLC0415
    from lambdalab.notebook.views import (  # noqa: PLC0415
        concurrency,
        deleted,
        doctor,
        function_card,
        function_list,
        invocation,
        layers,
        logs,
        settings,
        versions,
    )

    DISPLAYS.update(
        {
            calls.Invocation: invocation.html,
            deployment.Deployment: function_card.html,
            configuring.FunctionSettings: settings.html,
            lab.FunctionList: function_list.html,
            lab.Doctor: doctor.html,
            lines.LogView: logs.html,
            kept.Versions: versions.html,
            kept.AliasChange: versions.alias_html,
            kept.Publication: versions.publication_html,
            published.LayerPublication: layers.publication_html,
            published.LayerVersions: layers.versions_html,
            published.LayerList: layers.list_html,
            running.Concurrency: concurrency.html,
            Deleted: deleted.html,
        }
    )


class Displays:
    """Sets IPython's formatters for the types of results. The results themselves know only their card."""

    def __init__(self, formatter: Any) -> None:
        self._form = "card"
        self._html = formatter.formatters["text/html"]
        self._itself = formatter.ipython_display_formatter

    def use(self, form: str) -> None:
        """`card` (the results' own HTML), `line` (their `repr`), or `none`."""
        if form == self._form:
            return
        fill()
        self._form = form
        for kind in DISPLAYS:
            _set(self._html, kind, _no_html if form == "line" else None)
            _set(self._itself, kind, _nothing if form == "none" else None)


def _set(formatter: Any, kind: type, call: Callable[[object], None] | None) -> None:
    formatter.pop(kind, None)
    if call is not None:
        formatter.for_type(kind, call)


def _no_html(value: object) -> None:
    """No HTML form: the front end takes the text."""


def _nothing(value: object) -> None:
    """Displayed by showing nothing."""
