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
        if len(place) == len(kinds) and all(isinstance(part, kind) for part, kind in zip(place, kinds, strict=True)):
            return tuple(place)
    except (ValueError, TypeError):
        pass
    raise InvalidParameterValue(f"The marker {text!r} is not one that this operation gave.")


def page(
    entries: Iterable[T], params: Mapping[str, Any], most: int, place: Callable[[T], str | int]
) -> tuple[Sequence[T], str | None]:
    """The entries of one page, and the marker of the next one. `entries` are in the order of their `place`s."""
    after = read(params.get("Marker"), object)
    left = [entry for entry in entries if after is None or place(entry) > after[0]]
    size = min(params.get("MaxItems", most), most)
    shown = left[:size]
    return shown, marker(place(shown[-1])) if len(left) > size and shown else None
