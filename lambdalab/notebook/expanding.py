"""`{name}` and `$name` in a line's words, as IPython expands them in other magics; JSON and `$LATEST` stay.

IPython's own expansion works on the whole line with Python's format: it takes `{"n":10}` for the text "n" in ten
columns. So the magics turn it off, and this one looks at what cannot be JSON: an object's brace is followed by a
quote or a brace, a name's is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import BadOption

_SEEN = re.compile(
    r"\{\{(?P<braces>[A-Za-z_][^{}]*)\}\}|\{(?P<expression>(?P<first>[A-Za-z_]\w*)[^{}]*)\}"
    r"|\$\$(?P<dollar>[A-Za-z_]\w*)|\$(?P<name>[A-Za-z_]\w*)"
)


@dataclass(frozen=True, slots=True)
class Names:
    """The notebook's variables, and those of the function that the line stands in."""

    everywhere: dict[str, Any]
    here: Mapping[str, Any]

    def expand(self, word: str) -> str:
        """`word` with the values of the names in it; what is no variable's name stays as it is written.

        `{}` may hold an expression that begins with a variable; `{{name}}` and `$$name` are `{name}` and `$name`
        themselves. A value that is not text is written as JSON, where JSON has it. Raises `BadOption` for an
        expression that fails.
        """
        return _SEEN.sub(self._value, word)

    def _value(self, found: re.Match[str]) -> str:
        if found["braces"] is not None:
            return f"{{{found['braces']}}}" if self._known(re.split(r"\W", found["braces"])[0]) else found[0]
        if found["dollar"] is not None:
            return f"${found['dollar']}" if self._known(found["dollar"]) else found[0]
        name = found["name"] or found["first"]
        if not self._known(name):
            return found[0]
        try:
            return _as_words(eval(found["name"] or found["expression"], self.everywhere, self.here))  # noqa: S307 - the reader's own line
        except SyntaxError:  # a path's {proxy+}
            return found[0]
        except Exception as problem:  # whatever the expression raises
            raise BadOption(
                f"{found[0]} cannot be had: {type(problem).__name__}: {problem}. Written as {{{found[0]}}} it is text."
            ) from problem

    def _known(self, name: str) -> bool:
        return name in self.here or name in self.everywhere


def _as_words(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value)
    except (TypeError, ValueError):
        return str(value)
