"""Extensions of an image that has no shell: every program is started by the engine, in a container that only waits.

The container's first program is the one that holders have, from a volume. The engine starts the extensions in it, and
the runtime when it is time; each has a connection for its output, and at that one's end its status is asked for. This
takes an engine longer than the launcher, and its processes are below nothing that could be watched: they are measured,
frozen and bounded as on an engine elsewhere. Only the machine's root can send one of them a signal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any

from lambdalab.errors import LabError
from lambdalab.runtimes.backends import programs
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.launching import OPT, Starter
from lambdalab.runtimes.backends.docker.network import is_here
from lambdalab.runtimes.backends.docker.output import Output

DIRECTORY, PROGRAM = "/var/rapid", "init"
"""Where the program that waits is shown: where AWS has the one that starts extensions."""
_LOOK_SECONDS = 0.02
_NOT_STARTED = 126
_SIGNALS = {"TERM": signal.SIGTERM, "KILL": signal.SIGKILL}


class Executor(Starter):
    """Starts the programs of one container. `local` when the engine's processes are this machine's."""

    below = False

    def __init__(self, names: Sequence[str], *, local: bool) -> None:
        super().__init__(names)
        self.may_signal = local and os.geteuid() == 0
        self._argv: tuple[str, ...] = ()
        self._engine: Engine | None = None
        self._container = ""
        self._output: Output | None = None
        self._runtime = ""

    def command(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The program that waits."""
        self._argv = tuple(argv)
        return (f"{DIRECTORY}/{PROGRAM}",)

    async def attach(self, engine: Engine, container: str) -> None:
        """Know the container; there is nothing to speak to in it."""
        self._engine, self._container = engine, container

    async def begin(self, output: Output) -> None:
        """Start the extensions, all at once. Raises a `LabError`."""
        self._output = output
        starts = (self._start(name, (f"{OPT}/{programs.DIRECTORY}/{name}",), programs.HIDDEN) for name in self.names)
        await asyncio.gather(*starts)

    def say(self, word: str) -> None:
        """`start`, `TERM` or `KILL`."""
        if self._engine is not None:
            self._engine.later(self._start_runtime() if word == "start" else self._signal(_SIGNALS[word]))

    def close(self) -> None:
        """Nothing is held: the connections are the output's."""

    async def _start_runtime(self) -> None:
        try:
            await self._start(None, self._argv, ())
        except LabError as why:
            if self._output is not None:
                self._output.say(str(why))
            self.tell(None, Exit("exited", status=_NOT_STARTED))

    async def _start(self, name: str | None, argv: Sequence[str], hidden: Sequence[str]) -> None:
        engine, output = self._engine, self._output
        assert engine is not None, "attach() comes first"
        assert output is not None, "begin() comes first"
        # A name without a value takes the variable away.
        create = partial(engine.api.exec_create, self._container, list(argv), environment=list(hidden))
        made = str((await engine.call(create))["Id"])
        if name is None:
            self._runtime = made
        attached = await engine.call(partial(engine.api.exec_start, made, socket=True))
        output.attach_program(attached, lambda: engine.later(self._find_out(name, made)), extension=name is not None)

    async def _find_out(self, name: str | None, made: str) -> None:
        """It writes no more: how did it end? It may live on; then this waits."""
        while (seen := await self._seen(made))["Running"] or seen["ExitCode"] is None:
            await asyncio.sleep(_LOOK_SECONDS)
        self.tell(name, programs.read_shell_status(int(seen["ExitCode"])))

    async def _seen(self, made: str) -> dict[str, Any]:
        assert self._engine is not None, "attach() comes first"
        seen: dict[str, Any] = await self._engine.call(self._engine.api.exec_inspect, made)
        return seen

    async def _signal(self, number: int) -> None:
        if self.may_signal and self._runtime:
            pid = int((await self._seen(self._runtime))["Pid"])
            if pid and is_here(pid, self._container):
                with contextlib.suppress(OSError):
                    os.kill(pid, number)
