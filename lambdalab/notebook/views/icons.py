"""The shapes beside the words: 16 by 16, stroked, never the only carrier of a meaning."""

from __future__ import annotations

from lambdalab.notebook.views.html import Html, el

_PATHS = {
    "ok": '<circle cx="8" cy="8" r="6.4"/><path d="M5.2 8.2l2 2L11 6.3"/>',
    "error": '<circle cx="8" cy="8" r="6.4"/><path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"/>',
    "timeout": '<circle cx="8" cy="8.6" r="5.8"/><path d="M8 5.6v3.2l2 1.3M6.2 1h3.6"/>',
    "memory": (
        '<rect x="3.5" y="3.5" width="9" height="9" rx="1.5"/>'
        '<path d="M6 1.2v2M10 1.2v2M6 12.8v2M10 12.8v2M1.2 6h2M1.2 10h2M12.8 6h2M12.8 10h2"/>'
    ),
    "throttled": '<circle cx="8" cy="8" r="6.4"/><path d="M4.8 8h6.4"/>',
    "cold": ('<path d="M8 1.6v12.8M2.5 4.8l11 6.4M13.5 4.8l-11 6.4M6.2 2.6L8 4.2l1.8-1.6M6.2 13.4L8 11.8l1.8 1.6"/>'),
    "warm": (
        '<circle cx="8" cy="8" r="3.2"/><path d="M8 1.3v1.6M8 13.1v1.6M1.3 8h1.6M13.1 8h1.6'
        'M3.3 3.3l1.1 1.1M11.6 11.6l1.1 1.1M12.7 3.3l-1.1 1.1M4.4 11.6l-1.1 1.1"/>'
    ),
    "warn": '<path d="M8 2l6.4 11.5H1.6z"/><path d="M8 6.4v3.2M8 11.6v.1"/>',
    "info": '<circle cx="8" cy="8" r="6.4"/><path d="M8 7.4v3.8M8 4.9v.1"/>',
    "function": ('<path d="M3.2 2.5h2.3c1 0 1.4.5 1.8 1.5l3.2 8c.4 1 .8 1.5 1.8 1.5h.6M7.9 6.4L3.4 13.5"/>'),
    "versions": (
        '<circle cx="3.4" cy="8" r="2"/><circle cx="12.6" cy="3.6" r="2"/><circle cx="12.6" cy="12.4" r="2"/>'
        '<path d="M5.2 7.1l5.6-2.7M5.2 8.9l5.6 2.7"/>'
    ),
    "layer": '<path d="M8 2l6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3"/>',
    "settings": (
        '<path d="M2 4.5h6M12 4.5h2M2 11.5h2M8 11.5h6"/>'
        '<circle cx="10" cy="4.5" r="2"/><circle cx="6" cy="11.5" r="2"/>'
    ),
    "concurrency": '<path d="M2.5 4h11M2.5 8h7M2.5 12h9"/>',
    "log": '<path d="M2.5 3.5h11M2.5 8h11M2.5 12.5h6"/>',
}


def icon(name: str, cls: str = "") -> Html:
    """The icon `name`, hidden from screen readers: the word beside it says the same."""
    return el("svg", Html(_PATHS[name]), cls=f"i {cls}".strip(), viewBox="0 0 16 16", aria_hidden="true")
