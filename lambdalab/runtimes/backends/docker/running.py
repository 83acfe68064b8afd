"""A container of a function from its creation to its removal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from lambdalab.errors import LabError
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.gate import Gate
from lambdalab.runtimes.backends.docker.launching import Starter
from lambdalab.runtimes.backends.docker.network import Holder, Reach
from lambdalab.runtimes.backends.docker.output import FAR_SECONDS, NEAR_SECONDS, Output
from lambdalab.runtimes.backends.programs import Ended, Talk

_NEVER_CALLED_SECONDS = 5.0
_A_DAY = 24 * 3600
_AGAIN_SECONDS = 0.02
Released = Callable[[], None]


def read_code(code: int, *, out_of_memory: bool) -> Exit:
    """An exit code as an engine gives it: a signal n is 128 + n, which exit(128 + n) cannot be told from."""
    if out_of_memory and code:
        return Exit("out_of_memory", signal=signal.SIGKILL)
    if 128 < code <= 128 + 31:
        return Exit("signal", signal=code - 128)
    return Exit("exited", status=code)


class Container:
    """A container from its creation to its removal: what the local and the remote sandbox share.

    `exited` is done once its end is known and all its output is here. `kill` is safe at any time and any number
    of times.
    """

    def __init__(
        self,
        engine: Engine,
        container: str,
        reach: Reach,
        holder: Holder,
        released: Released,
        starter: Starter | None = None,
        gate: Gate | None = None,
    ) -> None:
        self.id = container
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.starter = starter
        self._gate = gate
        self.output = Output(
            self._output_ended,
            silence=NEAR_SECONDS if reach.local else FAR_SECONDS,
            extensions=starter is not None,
            reports=starter.reports if starter is not None else None,
        )
        self.pid: int | None = None
        self.called = False
        self._engine = engine
        self._reach = reach
        self._holder = holder
        self._released = released
        self._began = asyncio.get_running_loop().time()
        self._killed = False

    async def attach(self) -> None:
        """Read its output from the first byte on: before it is started."""
        parameters = {"stdout": 1, "stderr": 1, "stream": 1}
        self.output.attach(await self._engine.call(self._engine.api.attach_socket, self.id, parameters))
        if self.starter is not None:
            await self.starter.attach(self._engine, self.id)
        if self._gate is not None:
            await self._gate.attach(self._engine, self.id)

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions that are started in it."""
        return self.starter.names if self.starter is not None else ()

    @property
    def watched(self) -> bool:
        """Whether its processes are this machine's, below its first one."""
        return self.pid is not None and (self.starter is None or self.starter.below)

    @property
    def address(self) -> str:
        """Where this machine reaches what listens in it; empty where it does not."""
        return self._holder.address if self._reach.identified else ""

    def listen(self, ended: Ended) -> Talk | None:
        """What starts its extensions, and tells `ended` of each end once all that was written before it is here."""
        if self.starter is not None:
            self.starter.listen(lambda name, how: self.output.flush(lambda: ended(name, how)))
        return self.starter

    def terminate(self) -> None:
        """Send its program SIGTERM, by way of the engine's init."""
        self._engine.later(self._terminate())

    async def _terminate(self) -> None:
        while not self._killed and not self.exited.done():
            with contextlib.suppress(LabError):  # what is being unpaused takes no signal yet
                await self._engine.call(self._engine.api.kill, self.id, "SIGTERM")
                return
            await asyncio.sleep(_AGAIN_SECONDS)

    def end(self) -> None:
        """Kill it, so that its end tells why: what it ended by is asked of the engine, as when it ends by itself."""
        self._engine.later(self._engine.call(self._engine.api.kill, self.id))

    async def start(self) -> None:
        """Start it with its extensions, and find its process where that is this machine's."""
        await self._engine.call(self._engine.api.start, self.id)
        if self._reach.local:
            seen = await self._engine.call(self._engine.api.inspect_container, self.id)
            self.pid = int(seen["State"]["Pid"]) or None
            if self.pid is not None and self.watched:
                self.output.mark_through(self.pid)
        if self.starter is not None:
            await self.starter.begin(self.output)

    def open_gate(self) -> None:
        """Let the program of one that waits begin."""
        self._began = asyncio.get_running_loop().time()
        if self._gate is not None:
            self._gate.open()

    def owns(self, peer: tuple[str, int]) -> bool:
        """Whether a connection comes from it, as far as addresses tell."""
        owned = peer[0] == self._holder.address if self._reach.identified else True
        self.called = self.called or owned
        return owned

    def kill(self) -> None:
        """End it and remove it, off the caller's path."""
        if self._killed:
            return
        self._killed = True
        if not self.called and asyncio.get_running_loop().time() - self._began > _NEVER_CALLED_SECONDS:
            self.output.say(
                f"the container never called the Runtime API at {self._reach.call}: if its program has a client, a "
                "firewall of this machine stands between (ufw and firewalld refuse containers by default)"
            )
        if self.pid is not None:
            with contextlib.suppress(OSError):
                os.kill(self.pid, signal.SIGKILL)
        self._engine.later(self._remove())

    async def _remove(self) -> None:
        try:
            await self._engine.call(partial(self._engine.api.remove_container, self.id, force=True))
        finally:
            for line in (self.starter, self._gate):
                if line is not None:
                    line.close()
            self.output.close()
            self._end(Exit("stopped"))
            self._released()

    def _output_ended(self) -> None:
        if self._killed:
            self._end(Exit("stopped"))
        else:
            self._engine.later(self._find_out())

    async def _find_out(self) -> None:
        """Its output is over: how did it end? It may live on without any; then this waits for its end."""
        api = self._engine.api
        try:
            code = await _waiting(api, self.id)
            state = (await self._engine.call(api.inspect_container, self.id))["State"]
        except Exception:  # noqa: BLE001 - it was removed meanwhile, or the engine is gone: it has ended
            self._end(Exit("stopped"))
            return
        how = read_code(code, out_of_memory=bool(state.get("OOMKilled")))
        self._end(how if self.called else replace(how, refused=self.output.refusal))

    def _end(self, how: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(how)


async def _waiting(api: Any, container: str) -> int:
    """A container's exit code. On a thread of its own: a function that closed its output holds it until it ends."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def tell(code: int | None, problem: Exception | None) -> None:
        if not ended.done():
            ended.set_exception(problem) if problem is not None else ended.set_result(code or 0)

    def wait() -> None:
        code, problem = None, None
        try:
            code = int(api.wait(container, timeout=_A_DAY)["StatusCode"])
        except Exception as why:  # noqa: BLE001 - whatever it is, the loop hears of it
            problem = why
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, code, problem)

    threading.Thread(target=wait, name="lambdalab-wait", daemon=True).start()
    return await ended
