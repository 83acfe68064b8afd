"""OS-only runtimes: the package brings the program. `provided.*` looks for `bootstrap`, go1.x for the handler."""

from __future__ import annotations

import os
from pathlib import Path

from lambdalab.runtimes.backends.base import CannotStart, SandboxSpec
from lambdalab.runtimes.families.base import Brought, Family, Start
from lambdalab.runtimes.interpreters import Interpreter


class Provided(Family):
    """`bootstrap` in the package, else in a layer (the last one that has it wins, as layers overlay each other)."""

    name = "provided"

    async def client(self, found: Interpreter) -> Path:  # noqa: ARG002 - the program needs none
        """An empty directory: the program speaks to the Runtime API itself."""
        return _empty(self.clients)

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:  # noqa: ARG002
        """The bootstrap. Text of the refusal: the Runtime Interface Emulator's."""
        if _is_file(spec.code / "bootstrap"):
            return _brought("{task}/bootstrap", spec.code / "bootstrap", "/var/task/bootstrap")
        for layer in reversed(spec.layers):
            if _is_file(layer / "bootstrap"):
                return _brought("{opt}/bootstrap", layer / "bootstrap", "/opt/bootstrap")
        raise CannotStart(
            "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"
        )


class Go(Family):
    """go1.x, which AWS no longer creates: the handler's name is the program's, run as a custom runtime.

    Programs of that time spoke another protocol; those built with today's aws-lambda-go, or with the tag
    `lambda.norpc`, speak the Runtime API, and only they run.
    """

    name = "go"

    async def client(self, found: Interpreter) -> Path:  # noqa: ARG002
        """An empty directory."""
        return _empty(self.clients)

    def start(self, found: Interpreter, spec: SandboxSpec) -> Start:  # noqa: ARG002
        """The program that the handler names."""
        program = Path(os.path.normpath(spec.code / spec.handler))
        if not program.is_relative_to(spec.code) or not _is_file(program):
            raise CannotStart("PathError", f"fork/exec /var/task/{spec.handler}: no such file or directory")
        return _brought(f"{{task}}/{spec.handler}", program, f"/var/task/{spec.handler}")


def _brought(argument: str, program: Path, shown: str) -> Start:
    return Start((argument,), program=Brought(program, shown))


def _is_file(path: Path) -> bool:
    return path.is_file()


def _empty(clients: Path) -> Path:
    directory = clients / "none"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
