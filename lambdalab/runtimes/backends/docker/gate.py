"""A container that waits for its word: started, but for its own program.

An engine takes 70 ms to start a container, whatever runs in it. So the next one of a version is started before anybody
asks for it, with a shell that waits at the gate and then becomes the image's own entrypoint: the runtime, its memory
and its time begin with the word.

With the word come the function's own variables. The shell, and the loader of every program, would heed some of them
(LD_PRELOAD, say): code of the function's would run before any call. Those that neither heeds are there at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lambdalab.runtimes.backends.docker.attached import Words
from lambdalab.runtimes.backends.docker.engine import Engine

_WAIT = r"""n='
'
while IFS= read -r word; do
  [ -n "$word" ] || exec env "$@" </dev/null
  eval "set -- $word \"\$@\""
done
"""
"""A line for each variable, then an empty one. At the end of the connection it ends.

The variables are never the shell's own: it would not let all of them be set, and would heed others.
"""
_OURS = re.compile(r"AWS_|LAMBDA_|_")
"""How the names begin that nothing but Lambda's runtimes heeds."""


class Gate:
    """The gate of one container, whose image has a shell. `attach` before it is started."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._words = Words()
        self.before = {name: value for name, value in environment.items() if _OURS.match(name)}
        """The variables that the container is created with."""
        self._then = [quoted(f"{name}={environment[name]}") for name in environment.keys() - self.before.keys()]

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """What the container starts, so that it becomes `argv` once the gate is open."""
        return ("/bin/sh", "-c", _WAIT, "lambda", *argv)

    async def attach(self, engine: Engine, container: str) -> None:
        """Connect to its standard input."""
        await self._words.connect(engine, container)

    def open(self) -> None:
        """Let it go on, with the variables that it lacks."""
        self._words.say("\n".join([*self._then, ""]))

    def close(self) -> None:
        """Hang up; harmless when done twice."""
        self._words.close()


def quoted(word: str) -> str:
    """A word as the shell reads it, in one line: `$n` is the end of a line."""
    return "'" + word.replace("'", "'\\''").replace("\n", "'\"$n\"'") + "'"
