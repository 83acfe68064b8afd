"""What the kernel makes of a file that a function brings as a program, by the file's first bytes.

A shell that is handed such a file takes any text for a script of its own; AWS's supervisor, which is no shell, does
not. The words are those of its refusals, as the Runtime Interface Emulator gives them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

START = 256
"""How many of a file's first bytes are looked at: as many as Linux reads of a `#!` line."""
_MAPPED = ("/opt/", "/var/", "/tmp/")  # noqa: S108 - where a function sees other things than this machine has there
Exists = Callable[[str], bool]


def refusal(start: bytes, exists: Exists) -> str | None:
    """Why a file that begins so cannot be executed; None where nothing speaks against it."""
    if start[:2] != b"#!":
        return None if start[:4] == b"\x7fELF" else "exec format error"
    words = start[2:].partition(b"\n")[0].replace(b"\t", b" ").split(b" ")
    interpreter = next(filter(None, words), b"")
    if not interpreter:
        return "exec format error"
    # A line that ends as on Windows names an interpreter whose name ends in a carriage return.
    if interpreter.endswith(b"\r") or not exists(interpreter.decode("utf-8", "surrogateescape")):
        return "no such file or directory"
    return None


def on_this_machine(interpreter: str) -> bool:
    """Whether a sandbox of this machine has the interpreter, as far as that can be told from outside."""
    return interpreter.startswith(_MAPPED) or not interpreter.startswith("/") or Path(interpreter).exists()


def somewhere(interpreter: str) -> bool:  # noqa: ARG001
    """Where nobody looked: what an image has is the image's."""
    return True
