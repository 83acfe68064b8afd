"""A running container as a sandbox. Where its processes are this machine's own, it is watched as they are."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import processes
from lambdalab.runtimes.backends.base import Exit, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.confined import ConfinedSandbox
from lambdalab.runtimes.backends.docker.control import Control
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.running import Container
from lambdalab.runtimes.backends.programs import Talk
from lambdalab.runtimes.backends.started import Started
from lambdalab.runtimes.backends.supervisor import Child
from lambdalab.runtimes.backends.watch import Watch


class _Ender:
    """What a `ConfinedSandbox` ends its processes by."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def kill(self, pid: int) -> None:  # noqa: ARG002 - the container is known
        """Kill and remove it."""
        self._container.kill()


class LocalSandbox(ConfinedSandbox):
    """A container whose processes this machine sees: measured, frozen and ended by looking at them."""

    def __init__(
        self, spec: SandboxSpec, container: Container, control: Control, *, fidelity: Fidelity, watch: Watch
    ) -> None:
        assert container.pid is not None
        self._container = container
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._how = Exit("stopped")
        self._before_runtime: list[int] | None = None
        output = container.output
        super().__init__(
            spec,
            Started(Child(container.pid, ended), output.log_fd, control, extensions_log_fd=output.extensions_log_fd),
            fidelity=fidelity,
            supervisor=_Ender(container),
            watch=watch,
            read_exit=lambda _: self._how,
            extensions=container.extensions,
            holders=1 if container.extensions else 0,
            address=container.address,
        )
        container.exited.add_done_callback(lambda exited: self._container_ended(exited.result(), ended))

    def _container_ended(self, how: Exit, ended: asyncio.Future[int]) -> None:
        self._how = how
        if not ended.done():
            ended.set_result(0)

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:  # noqa: ARG002
        """Whether it comes from the container's address."""
        owned = self._container.owns(peer)
        if owned and self._members.runtime is None:
            runtime = self._find_runtime()
            if runtime is not None:
                self._know_runtime(runtime)
        return owned

    def _find_runtime(self) -> int | None:
        """The first process is the engine's init; the runtime is what it started, or what the launcher started last.

        None before that.
        """
        if self._line is None:
            return next(iter(processes.children(self._members.first)), self._members.first)
        if self._before_runtime is None:
            return None
        # The launcher's next child after the extensions is the runtime, and then comes what reads the words.
        started = processes.children(self._members.launcher())
        return next((pid for pid in started if pid not in self._before_runtime), None)

    def _talk(self, started: Started) -> Talk | None:  # noqa: ARG002 - the words go through the engine
        return self._container.listen(self._program_ended)

    def start_runtime(self) -> None:
        """All extensions have registered."""
        self._before_runtime = processes.children(self._members.launcher())
        super().start_runtime()

    def terminate_runtime(self) -> None:
        """SIGTERM; by the engine where there is no launcher and its processes are another user's."""
        if self._line is None and os.geteuid() != 0:
            self._container.terminate()
        else:
            super().terminate_runtime()

    def flush_log(self, done: Callable[[], None]) -> None:
        """Once a mark behind everything written so far has come through the engine."""
        self._container.output.flush(done)


class RemoteSandbox(Sandbox):
    """A container of an engine whose processes are not this machine's: everything is asked of the engine."""

    def __init__(
        self, spec: SandboxSpec, container: Container, control: Control, engine: Engine, *, fidelity: Fidelity
    ) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.fidelity = fidelity
        self._spec = spec
        self._container = container
        self._control = control
        self._engine = engine
        self._peak_kb = 0
        self._measuring = False
        self._frozen = False
        self._shared = False
        self._ending: Exit | None = None
        self._killed_runtime = False
        self.extensions = container.extensions
        self.local_address = container.address
        self._launcher = container.listen(self._program_ended)
        container.exited.add_done_callback(self._ended)

    @property
    def log_fd(self) -> int:
        """The read end of its log."""
        return self._container.output.log_fd

    @property
    def extensions_log_fd(self) -> int:
        """The read end of the extensions' log."""
        return self._container.output.extensions_log_fd

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:  # noqa: ARG002
        """By its address, where that is the container's own; by the port alone elsewhere, and the fidelity says so."""
        owned = self._container.owns(peer)
        self._measure()
        return owned

    def flush_log(self, done: Callable[[], None]) -> None:
        """Once nothing has come for a while."""
        self._container.output.flush(done)

    def begin_invocation(self) -> None:
        """Thaw; from the first invocation on the CPU share holds."""
        if self._frozen:
            self._frozen = False
            self._control.freeze(frozen=False)
        if not self._shared:
            self._shared = True
            self._control.share_cpu(self._spec.memory_mb)

    def end_invocation(self) -> None:
        """Ask what it holds now."""
        self._measure()

    def freeze(self) -> None:
        """Have the engine pause it."""
        if self._ending is None and not self.exited.done():
            self._frozen = True
            self._control.freeze(frozen=True)

    def max_memory_mb(self) -> int:
        """The most that the engine was heard to say."""
        return -(-self._peak_kb // 1024)

    def _measure(self) -> None:
        if not self._measuring and self._ending is None:
            self._measuring = True
            self._engine.later(self._ask_memory())

    async def _ask_memory(self) -> None:
        try:
            top = partial(self._engine.api.top, self._container.id, "-eo pid,rss")
            self._peak_kb = max(self._peak_kb, resident_kilobytes(await self._engine.call(top)))
        finally:
            self._measuring = False

    def start_runtime(self) -> None:
        """All extensions have registered."""
        self._say("start")

    def terminate_runtime(self) -> None:
        """SIGTERM: through the launcher, else to the container, which is the runtime alone."""
        if self._launcher is not None:
            self._launcher.say("TERM")
        else:
            self._container.terminate()

    def kill_runtime(self) -> None:
        """SIGKILL."""
        self._killed_runtime = True
        self._say("KILL")

    def _say(self, word: str) -> None:
        if self._launcher is not None:
            self._launcher.say(word)

    def _program_ended(self, name: str | None, end: Exit) -> None:
        if self._ending is not None:
            return
        if name is None and end.signal == signal.SIGKILL and not self._killed_runtime:
            # For passing its memory size, perhaps: the engine tells that of a container that has ended.
            self._container.end()
        elif self.on_program_end is not None:
            self.on_program_end(name, end)

    def stop(self) -> None:
        """Kill and remove it."""
        if self._ending is None:
            self._ending = Exit("stopped")
            self._container.kill()

    def _ended(self, exited: asyncio.Future[Exit]) -> None:
        how = self._ending or exited.result()
        self._ending = how
        self._container.kill()
        self._control.remove()
        if not self.exited.done():
            self.exited.set_result(how)


def resident_kilobytes(top: dict[str, Any]) -> int:
    """The resident memory of all processes in an engine's answer to `top`, 0 where it does not tell."""
    titles = [str(title).upper() for title in top.get("Titles") or ()]
    if "RSS" not in titles:
        return 0
    column = titles.index("RSS")
    return sum(int(row[column]) for row in top.get("Processes") or () if str(row[column]).isdecimal())
