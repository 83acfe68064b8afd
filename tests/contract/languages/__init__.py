"""The contract's handlers in every language: a module for each, with the same names and the same behaviour.

echo         returns its event
fails        raises the language's plain error with the message `no ` + event["what"]
exits        ends its process with status 3
crashes      ends its process by SIGSEGV
hangs        sleeps for a minute
writes       writes the line `written` to its output, returns null
big          returns a string of 6 MiB + 200 characters
waits        sleeps for 0.4 s, returns "waited"
counts       returns how often this environment was called, counted in the program's own memory
hogs         takes hold of 400 MB, touching all of it, in steps of at most 10 MB
keeps        returns whether the file `kept` was in the temporary directory ($TMPDIR, else /tmp), and makes it
environment  returns its environment variables
about        returns {"id", "arn", "memory", "left", "name"} from the context (memory as the context has it)
reads        for each path of the event: its size (or a directory's number of names), or a word of the error
layered      returns what the layer's library says: the string "from the layer"
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from lambdalab.model import runtime


class Missing(Exception):
    """What building the handlers needs is not on this machine; the message says what."""


@dataclass(frozen=True)
class Language:
    """One family of runtimes, and its handlers.

    `package(directory, runtime)` and `layer(directory, runtime)` fill a directory; they raise `Missing`.
    `handler(name)` is the handler's string. `error_type` is what `fails` is reported as, by runtime where it
    differs. `unable` names the behaviours ("hogs", or "provided.al2:hogs") that cannot be shown, with the reason.
    """

    family: str
    package: Callable[[Path, str], None]
    layer: Callable[[Path, str], None]
    handler: Callable[[str], str]
    error_type: str | dict[str, str]
    memory: int = 128
    timeout: int = 3
    missing_handler: str = "nothing"
    missing_type: str = "Runtime.HandlerNotFound"
    unable: dict[str, str] = field(default_factory=dict)


@cache
def languages():
    """All of them, by family."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.LANGUAGE.family: module.LANGUAGE for module in modules}


def tested_runtimes():
    """The names of the runtimes that the contract is held to: those of these languages that AWS has not blocked."""
    return [one.name for one in runtime.known().values() if one.family in languages() and not one.blocked]
