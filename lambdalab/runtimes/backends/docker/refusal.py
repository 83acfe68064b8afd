"""What the engine's init writes where a container's program cannot be executed.

What an image has is known to the engine alone.
"""

from __future__ import annotations

import re

_TINI = re.compile(r"\[FATAL tini \(\d+\)\] exec (.+) failed: (.+)\n")
"""Docker's init is tini. (Podman's, catatonit, does not name the program.)"""


def read(line: bytes) -> str | None:
    """The refusal in the Runtime Interface Emulator's words, which are those of Go's library; None where it is none."""
    found = _TINI.fullmatch(line.decode("utf-8", "replace"))
    if found is None:
        return None
    program, why = found[1], found[2].lower()
    if "/" not in program:
        return f'exec: "{program}": executable file not found in $PATH'
    return f"fork/exec {program}: {why}"
