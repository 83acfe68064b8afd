"""What a backend asks of a family of runtimes: the runtime's own directory, and the command that starts it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from lambdalab.runtimes import executable
from lambdalab.runtimes.backends.base import CannotStart, SandboxSpec
from lambdalab.runtimes.executable import Where
from lambdalab.runtimes.interpreters import Interpreter

BOOTSTRAPS = Path(__file__).parents[1] / "bootstraps"
"""The programs of ours that functions see at /var/runtime, a directory for each family."""


@dataclass(frozen=True, slots=True)
class Brought:
    """A program of the package's: the file, and its path as functions see it."""

    file: Path
    shown: str

    def check(self, where: Where, architecture: str) -> None:
        """Raise `CannotStart` where it cannot be executed, or `RuntimeUnavailable` where AWS would execute it."""
        why: str | None = "permission denied"
        if os.access(self.file, os.X_OK):
            with self.file.open("rb") as file:
                why = executable.refusal(file.read(executable.START), where, architecture)
        if why is not None:
            raise self.refused(why)

    def refused(self, why: str) -> CannotStart:
        """What it means that it cannot be executed, in the words of the Runtime Interface Emulator."""
        return CannotStart("Runtime.InvalidEntrypoint", f"fork/exec {self.shown}: {why}")


@dataclass(frozen=True, slots=True)
class Start:
    """A runtime's start command, and the variables that it needs beside the system's.

    `{task}`, `{opt}`, `{runtime}` and `{tmp}` stand for the paths that the process will see. The function's own
    variables go before `variables`, as on AWS, where PYTHONPATH or NODE_PATH may be set. `unmapped`, if any, is the
    command for where the process sees real paths instead of /var/task and /opt. `program` is the package's own, where
    that is what the command starts: whether it can be executed is for the backend to say, which knows where.
    """

    argv: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    unmapped: tuple[str, ...] = ()
    program: Brought | None = None


class Family(ABC):
    """How one language's functions are run. One object for a region; used from the event loop's thread."""

    name: ClassVar[str]

    def __init__(self, clients: Path) -> None:
        """`clients` is where directories for /var/runtime are made; it is shared by all families."""
        self.clients = clients

    @abstractmethod
    async def client(self, found: Interpreter) -> Path:
        """The directory that functions see at /var/runtime, made and compiled for the interpreter on first use.

        Called again and again, one call at a time; no part of any function's init. Raises `RuntimeUnavailable`
        when something that it is made of is missing.
        """

    @abstractmethod
    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:
        """The command that runs the function of `spec`. Raises `CannotStart` when its package has no program."""
