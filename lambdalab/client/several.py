"""Settings that hold several things: one text in the place of a list would be read letter by letter."""

from __future__ import annotations

from collections.abc import Mapping

from lambdalab.errors import BadOption


def check_lists(**settings: object) -> None:
    """Raises `BadOption` for the first of `settings` that is a text, or bytes."""
    for name, value in settings.items():
        if isinstance(value, str | bytes):
            raise BadOption(f"{name} is {value!r}; it takes a list: {name}=[{value!r}].")


def check_dict(name: str, value: object, example: str) -> None:
    """Raises `BadOption` where a setting is neither a dict nor None (not given). `example` is one."""
    if value is not None and not isinstance(value, Mapping):
        raise BadOption(f"{name} is {value!r}; it takes a dict, such as {name}={example}.")
