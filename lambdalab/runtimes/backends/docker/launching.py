"""A container's extensions: what starts them, before the runtime.

Mostly the launcher is the container's first program; for an image without a shell see `executing`.

The launcher is the sandboxes' own script (`programs`). A container inherits no descriptors, so its words come by the
standard input, over a connection of their own; its reports come marked on stderr, among the extensions' output, while
all of the runtime's output is on stdout. No further call of the engine is needed, and the processes are one tree.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence

from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker.attached import Words
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.output import Output
from lambdalab.runtimes.backends.docker.reports import Reports
from lambdalab.runtimes.backends.programs import Ended

OPT = "/opt"
_DESCRIPTORS = "exec 3>&2 4>&2 2>&1"
"""Reports and the extensions' output on stderr, the runtime's stdout and stderr on stdout."""


class Starter(ABC):
    """What starts one container's extensions. `attach` before the container is started, `begin` once it is.

    It is the region's end of a conversation (`programs.Talk`).
    """

    below = True
    """Whether all processes are below the container's first one."""
    may_signal = True
    """Whether it can send the runtime a signal."""
    reports: Reports | None = None
    """What comes among the extensions' output."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._ended: Ended | None = None
        self._early: list[tuple[str | None, Exit]] = []

    def listen(self, ended: Ended) -> None:
        """Have `ended` told of each program's end from the loop's next turn on, of those that came before too."""
        self._ended = ended
        for one in self._early:
            asyncio.get_running_loop().call_soon(ended, *one)
        self._early.clear()

    def tell(self, name: str | None, end: Exit) -> None:
        """A program has ended."""
        if self._ended is None:
            self._early.append((name, end))
        else:
            self._ended(name, end)

    @abstractmethod
    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What the container starts so that it becomes the runtime's command `argv` in the end."""

    @abstractmethod
    async def attach(self, engine: Engine, container: str) -> None:
        """Connect to the container that was made."""

    async def begin(self, output: Output) -> None:  # noqa: B027 - a launcher has begun with its container
        """Start the extensions of the container that runs."""

    @abstractmethod
    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`: start the runtime, or send it a signal."""

    @abstractmethod
    def close(self) -> None:
        """Hang up; harmless when done twice."""


class Launcher(Starter):
    """The sandboxes' launcher, as the container's first program."""

    reports: Reports

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self.reports = Reports(self.tell)
        self._words = Words()

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The launcher, with the runtime's command."""
        return tuple(programs.launcher(OPT, (), argv, mark=self.reports.mark, descriptors=_DESCRIPTORS))

    async def attach(self, engine: Engine, container: str) -> None:
        """Connect to its standard input."""
        await self._words.connect(engine, container)

    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`."""
        self._words.say(word)

    def close(self) -> None:
        """Hang up; harmless when done twice."""
        self._words.close()
