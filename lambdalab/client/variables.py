"""Environment variables as a person gives them: names that AWS would refuse are refused here, with a way out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from lambdalab.client import several
from lambdalab.errors import BadOption
from lambdalab.model import limits


def check_names(names: Iterable[str]) -> None:
    """Raises `BadOption` for the first name that AWS does not take."""
    for name in names:
        if not limits.is_variable_name(name):
            raise BadOption(
                f"the environment variable {name!r} has a name that AWS does not take: at least two characters, a "
                f"letter first, then letters, digits and _. {_another(name)} would do."
            )


def checked(env: Mapping[str, str] | None) -> Mapping[str, str]:
    """The variables, none when nothing was given. Raises as `check_names` does, and for what is no text."""
    several.check_dict("env", env, '{"STAGE": "dev"}')
    check_names(env or ())
    for name, value in (env or {}).items():
        if not isinstance(value, str):
            raise BadOption(
                f"the environment variable {name!r} is {value!r}; it takes text, which it is in the function, too: "
                f"env={{{json.dumps(name)}: {json.dumps(str(value))}}}."
            )
    return env or {}


def _another(name: str) -> str:
    words = re.sub(r"\W", "_", name, flags=re.ASCII).strip("_")
    if not words[:1].isalpha():
        words = f"VAR_{words}".rstrip("_")
    return words if len(words) > 1 else f"{words}_VALUE"
