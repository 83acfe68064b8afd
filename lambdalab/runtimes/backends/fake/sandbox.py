"""A fake sandbox: tasks of this process instead of processes, and what tests see and set of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping

from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends.base import Exit, Kept, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.fake.connection import Connections
from lambdalab.runtimes.backends.fake.extension import Extension, FakeExtension
from lambdalab.runtimes.backends.fake.handler import FakeExit, FakeHooks, Handler
from lambdalab.runtimes.backends.fake.runtime import FakeRuntime

FIDELITY = Fidelity(
    backend="fake",
    level=0,
    memory="not enforced",
    cpu="not enforced",
    time="enforced",
    file_system="not enforced",
    tmp="not enforced",
    processes="not enforced",
    network="not enforced",
    freeze="not enforced",
)


class FakeKept(Kept):
    """What a sandbox left: nothing, and whether that was let go."""

    def __init__(self) -> None:
        self.released = False

    def release(self) -> None:
        """Remember it."""
        self.released = True


class FakeSandbox(Sandbox):
    """One polling task, and one for each extension.

    `frozen`, `memory_mb` and `deaf` (to SIGTERM) are for tests to read and to set; `signals` are those that the
    runtime got, `left` is what was kept of it.
    """

    def __init__(
        self, spec: SandboxSpec, handler: Handler | None, extensions: Mapping[str, Extension], hooks: FakeHooks
    ) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.fidelity = FIDELITY
        self.spec = spec
        self.frozen = False
        self.memory_mb = 16
        self.now_mb: int | None = None
        self.left: FakeKept | None = None
        self._log_fd, self._log = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._connections = Connections(spec.runtime_api)
        self.extensions = tuple(extensions)
        self.deaf = False
        self.signals: list[str] = []
        self._extensions_log_fd, self._extensions_log = (
            os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if extensions else (-1, -1)
        )
        self._program = FakeRuntime(spec, handler, hooks, self._connections, write=self._write, end=self._end)
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._extend(name, run)) for name, run in extensions.items()]
        self._runtime = None if extensions else loop.create_task(self._program.run())

    @property
    def log_fd(self) -> int:
        """The read end of its log."""
        return self._log_fd

    @property
    def extensions_log_fd(self) -> int:
        """The read end of the extensions' log."""
        return self._extensions_log_fd

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:  # noqa: ARG002
        """Whether it is a connection of one of the tasks."""
        return peer in self._connections.addresses

    def begin_invocation(self) -> None:
        """Thaw."""
        self.frozen = False

    def end_invocation(self) -> None:
        """Nothing is watched."""

    def freeze(self) -> None:
        """Remember to be frozen."""
        self.frozen = True

    def max_memory_mb(self) -> int:
        """What the test set."""
        return self.memory_mb

    def held_mb(self) -> int:
        """What the test set, else the most that it held."""
        return self.memory_mb if self.now_mb is None else self.now_mb

    def keep(self) -> Kept:
        """Something for the next sandbox."""
        self.left = FakeKept()
        return self.left

    def stop(self) -> None:
        """End the tasks."""
        self._end(Exit("stopped"))

    def _end(self, end: Exit) -> None:
        if self.exited.done():
            return
        if self.extensions and end.reason != "stopped":
            self._end_runtime(end)
            return
        self.exited.set_result(end)
        for task in (*self._tasks, self._runtime):
            if task is not None:
                task.cancel()
        for log in (self._log, self._extensions_log):
            if log >= 0:
                os.close(log)

    def _write(self, text: str) -> None:
        os.write(self._log, f"{text}\n".encode())

    # -- extensions

    def start_runtime(self) -> None:
        """Start polling."""
        self._runtime = asyncio.get_running_loop().create_task(self._program.run())

    def terminate_runtime(self) -> None:
        """The runtime ends, unless it is deaf."""
        self.signals.append("TERM")
        if not self.deaf:
            self._end(Exit("exited", status=0))

    def kill_runtime(self) -> None:
        """It ends."""
        self.signals.append("KILL")
        self._end(Exit("signal", signal=9))

    def _write_for_extension(self, text: str) -> None:
        os.write(self._extensions_log, f"{text}\n".encode())

    def _end_runtime(self, end: Exit) -> None:
        if self._runtime is not None:
            self._runtime.cancel()
            self._runtime = None
            self._report(None, end)

    def _report(self, name: str | None, end: Exit) -> None:
        if self.on_program_end is not None and not self.exited.done():
            self.on_program_end(name, end)

    async def _extend(self, name: str, run: Extension) -> None:
        try:
            await run(FakeExtension(name, self._connections, self._write_for_extension))
        except FakeExit as ended:
            self._report(name, ended.end)
        except Exception as problem:
            self._report(name, Exit("exited", status=1))
            if not isinstance(problem, (ConnectionError, asyncio.IncompleteReadError)):
                raise
        else:
            self._report(name, Exit("exited", status=0))
