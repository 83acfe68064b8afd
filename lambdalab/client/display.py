"""How results show themselves as HTML, without this layer knowing how: the views fill the table when first needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any

DISPLAYS: dict[type, Callable[[Any], str]] = {}
"""By type of result: the function that renders it."""
_providers: list[Callable[[], None]] = []


def provide(fill: Callable[[], None]) -> None:
    """Say what fills `DISPLAYS`; called once, by the package's door."""
    _providers.append(fill)


def html_of(value: object) -> str | None:
    """The HTML of a result; None where there are no views."""
    while type(value) not in DISPLAYS and _providers:
        _providers.pop()()
    render = DISPLAYS.get(type(value))
    return None if render is None else render(value)


def _refuse(_: object, name: str, *value: object) -> None:
    raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} {name!r}: a result is a record")


class Displayed:
    """A result that shows itself. Subclasses have a one-line `__repr__` that never reads as a number."""

    __slots__ = ()

    def __init_subclass__(cls) -> None:
        """Frozen records refuse every name alike.

        What `dataclass` makes for those with slots knows its class as it was without them, and for a name that is no
        field's, such as a property's, fails with a TypeError about itself (Python 3.11).
        """
        if "__dataclass_params__" in cls.__dict__:
            cls.__setattr__ = _refuse  # type: ignore[method-assign]
            cls.__delattr__ = _refuse  # type: ignore[method-assign]

    def _repr_html_(self) -> str | None:
        return html_of(self)
