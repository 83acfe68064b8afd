"""Markers: where the next page begins, as text that clients hand back unread."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from lambdalab.errors import InvalidParameterValue

T = TypeVar("T")


def marker(*place: str | int) -> str:
    """A marker for the place of a page's last entry."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def read(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The place that a marker names; None without one. Raises `InvalidParameterValue` for text that is none."""
    if not text:
        return None
    try:
        place = json.loads(base64.urlsafe_b64decode(text))
        if isinstance(place, list) and len(place) == len(kinds) and all(map(_is_part, place, kinds)):
            return tuple(place)
    except (ValueError, TypeError, RecursionError):
        pass
    raise InvalidParameterValue(f"The marker {text!r} is not one that this operation gave.")


def page(
    entries: Iterable[T], params: Mapping[str, Any], most: int, place: Callable[[T], str | int], kind: type = str
) -> tuple[Sequence[T], str | None]:
    """The entries of one page, and the marker of the next one.

    `entries` are in the order of their `place`s, which are all of one `kind`.
    """
    after = read(params.get("Marker"), kind)
    left = [entry for entry in entries if after is None or place(entry) > after[0]]
    size = min(params.get("MaxItems", most), most)
    shown = left[:size]
    return shown, marker(place(shown[-1])) if len(left) > size and shown else None


def _is_part(part: object, kind: type) -> bool:
    """Whether a part of a place is one that the store can look up: SQLite's integers have 64 bits."""
    if isinstance(part, int):
        return kind is int and abs(part) < 2**63
    return kind is str and isinstance(part, str) and part.isascii()
