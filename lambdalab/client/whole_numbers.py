"""Settings that are whole numbers: anything else is refused here by name, where AWS's own refusal names neither."""

from __future__ import annotations

from lambdalab.errors import BadOption

_TAKE = {"memory": ("MB", 256), "ephemeral": ("MB", 1024), "timeout": ("seconds", 10)}


def check(**settings: object) -> None:
    """Raises `BadOption` for the first of `settings` that is neither a whole number nor None (not given)."""
    for name, value in settings.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            unit, example = _TAKE[name]
            raise BadOption(f"{name} is {value!r}; it takes a whole number of {unit}, such as {name}={example}.")
