"""A `%%lambda` cell without a body reaches the magic, which has more to say of it than IPython.

IPython refuses it with the advice to write `%lambda`, which is another command: it looks only whether the body is "".
"""

from __future__ import annotations

import re

_LINE = re.compile(r"%%lambda(\s+[^?].*)?\s*")
"""The only line of such a cell; `%%lambda?` asks for IPython's own help."""


def with_body(lines: list[str]) -> list[str]:
    """The lines of a cell, with an empty one as the body where there is none: one of `input_transformers_cleanup`."""
    return [*lines, "\n"] if len(lines) == 1 and _LINE.fullmatch(lines[0].rstrip()) else lines


# IPython leaves out those that say so when a console asks whether the cell is complete: there the body is yet to come.
with_body.has_side_effects = True  # type: ignore[attr-defined]
