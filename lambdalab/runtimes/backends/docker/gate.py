"""A container that waits for its word: started, but for its own program.

An engine takes 70 ms to start a container, whatever runs in it. So the next one of a version is started before anybody
asks for it, with a shell that waits at the gate and then becomes the image's own entrypoint: the runtime, its memory
and its time begin with the word.
"""

from __future__ import annotations

from collections.abc import Sequence

from lambdalab.runtimes.backends.docker.attached import Words
from lambdalab.runtimes.backends.docker.engine import Engine

_WAIT = 'read -r _ && exec "$@" </dev/null'
"""Without a word, at the end of the connection, it ends."""


class Gate:
    """The gate of one container, whose image has a shell. `attach` before it is started."""

    def __init__(self) -> None:
        self._words = Words()

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What the container starts, so that it becomes `argv` once the gate is open."""
        return ("/bin/sh", "-c", _WAIT, "lambda", *argv)

    async def attach(self, engine: Engine, container: str) -> None:
        """Connect to its standard input."""
        await self._words.connect(engine, container)

    def open(self) -> None:
        """Let it go on."""
        self._words.say("go")

    def close(self) -> None:
        """Hang up; harmless when done twice."""
        self._words.close()
