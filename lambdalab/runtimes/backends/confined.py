"""A sandbox made of this machine's processes: what the namespaces and the process backends have in common.

Who its processes are is told by `members.py`, how they are stopped between invocations by `freezing.py`, which limits
are kept by looking at them by `limits.py`, what becomes of its /tmp by `own_tmp.py`. Control groups add walls behind
the limits where they can be had, and freeze and share the processor more exactly. Here is what the engine asks of it:
its invocations, its extensions and its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from lambdalab.model.invocation import Fidelity
from lambdalab.model.limits import MB_PER_CPU
from lambdalab.runtimes.backends import processes, sockets
from lambdalab.runtimes.backends.base import Exit, Kept, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.cpu_share import CpuShare
from lambdalab.runtimes.backends.freezing import Freezing
from lambdalab.runtimes.backends.limits import Limits
from lambdalab.runtimes.backends.members import Members
from lambdalab.runtimes.backends.memory import Memory
from lambdalab.runtimes.backends.own_tmp import OwnTmp
from lambdalab.runtimes.backends.programs import Line, Talk
from lambdalab.runtimes.backends.started import Started
from lambdalab.runtimes.backends.watch import Watch

_MB = 1 << 20
_DYING_LOOKS = 200
"""How long, a second of looks, what was killed for its memory may take to give it back."""
ReadExit = Callable[[int], Exit]
"""How a backend reads a `waitpid` status."""


class Ender(Protocol):
    """What ends a sandbox's processes: the supervisor, or a container's engine."""

    def kill(self, pid: int) -> None:
        """End `pid`, its descendants, and what they left behind; off the caller's path."""


def read_status(status: int) -> Exit:
    """A process that is waited for directly."""
    if os.WIFSIGNALED(status):
        return Exit("signal", signal=os.WTERMSIG(status))
    return Exit("exited", status=os.WEXITSTATUS(status))


class ConfinedSandbox(Sandbox):
    """Processes below one child of the supervisor, of which the first `holders` only hold the sandbox.

    Its /tmp is the directory `private_tmp` of this machine, or a mount of its own (`mounts_tmp`). With `extensions`
    the launcher comes after the holders.
    """

    def __init__(
        self,
        spec: SandboxSpec,
        started: Started,
        *,
        fidelity: Fidelity,
        paths: tuple[tuple[bytes, bytes], ...] = (),
        supervisor: Ender,
        watch: Watch,
        read_exit: ReadExit = read_status,
        private_tmp: Path | None = None,
        mounts_tmp: bool = False,
        extensions: tuple[str, ...] = (),
        holders: int = 0,
        address: str = "127.0.0.1",
        own_file: Path | None = None,
    ) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.fidelity = fidelity
        self.paths = paths
        self.extensions = extensions
        self.local_address = address
        self._own_file = own_file
        self._spec = spec
        child = self._child = started.child
        self._log_fd = started.log_fd
        self._extensions_log_fd = started.extensions_log_fd
        self._line = self._talk(started)
        self._supervisor = supervisor
        self._watch = watch
        self._group = started.group
        self._read_exit = read_exit
        self._members = Members(child.pid, holders, launched=self._line is not None)
        self._freezing = Freezing(self._members, started.group, holder_too=private_tmp is not None)
        self._memory = Memory(spec.memory_mb * _MB)
        self._limits = Limits(self._members, self._memory, gated=child.gated, tmp=private_tmp, tmp_mb=spec.ephemeral_mb)
        self._tmp = OwnTmp(private_tmp, mounted=mounts_tmp)
        self._cpu = CpuShare(min(spec.memory_mb / MB_PER_CPU, 6.0))
        self._shared = False
        self._runtime_killed: int | None = None
        self._stopped = False
        self._ending: Exit | None = None
        child.exited.add_done_callback(self._ended)
        watch.add(self)

    def _talk(self, started: Started) -> Talk | None:
        """The conversation with its launcher; None without one."""
        return Line(started.line, self._program_ended) if started.line is not None else None

    @property
    def log_fd(self) -> int:
        """The read end of its log pipe."""
        return self._log_fd

    @property
    def extensions_log_fd(self) -> int:
        """The read end of the extensions' pipe."""
        return self._extensions_log_fd

    # -- who speaks

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:
        """Whether one of its processes holds the socket at the other end."""
        inode = sockets.inode_of(peer, local)
        pid = self._members.with_socket(inode) if inode else None
        if pid is None:
            return False
        self._know_runtime(pid)
        return True

    def _know_runtime(self, pid: int) -> None:
        members = self._members
        if members.runtime is None and (self._line is None or pid in processes.children(members.launcher())):
            members.runtime = pid
            self._limits.know_runtime(pid)
            self._tmp.hold(pid)
            self._freezing.await_end_of(pid)

    # -- invocations

    def begin_invocation(self) -> None:
        """Thaw; from the first invocation on the CPU share holds."""
        if self._freezing.frozen:
            self._freezing.set_frozen(frozen=False)
        if not self._shared:
            self._shared = True
            if self._group is not None and self._group.shares_cpu:
                self._group.share_cpu(self._spec.memory_mb)
                self._cpu.exact = True
        self._watch.add(self)

    def end_invocation(self) -> None:
        """Read the high-water mark, and stop looking."""
        self._limits.read_memory()
        self._watch.remove(self)
        self._cpu.rest(self._freezing.set_stopped)

    def freeze(self) -> None:
        """Stop every process until the next invocation."""
        if not self.exited.done() and self._ending is None and not self._freezing.runtime_over:
            self._watch.remove(self)
            self._limits.look_for_hidden()
            self._limits.read_memory()
            self._freezing.set_frozen(frozen=True)

    def max_memory_mb(self) -> int:
        """The most its processes were seen to hold, in MB rounded up."""
        return -(-self._memory.peak // _MB)

    def held_mb(self) -> int:
        """What its processes were seen to hold last: at a look, at the end of a call, or when they were frozen."""
        return self._memory.held // _MB

    def look(self) -> None:
        """End it when it is over a limit; else keep its share of the processor."""
        passed = self._limits.look()
        if passed is None:
            if self._shared and not self._cpu.exact and self._members.runtime is not None:
                self._cpu.look(self._members.processor_seconds(), self._freezing.set_stopped)
        elif passed.reason == "out_of_memory":
            self._out_of_memory(passed)
        else:
            self._end(passed)

    def _out_of_memory(self, passed: Exit) -> None:
        """End the runtime, of which its extensions are told; all of it where there are none, or that does not help."""
        runtime = self._members.runtime
        if self._line is None or runtime is None or self._runtime_killed is not None:
            if self._runtime_killed is None or self._limits.looks > self._runtime_killed + _DYING_LOOKS:
                self._end(passed)
            return
        self._runtime_killed = self._limits.looks
        processes.signal_all(processes.tree(runtime), signal.SIGKILL)
        self.kill_runtime()  # by the launcher too: the processes may be another user's

    # -- extensions

    def start_runtime(self) -> None:
        """All extensions have registered."""
        if self._line is not None:
            self._line.say("start")

    def terminate_runtime(self) -> None:
        """SIGTERM, through the launcher where there is one: it knows the process."""
        self._signal_runtime(signal.SIGTERM, "TERM")

    def kill_runtime(self) -> None:
        """SIGKILL."""
        self._signal_runtime(signal.SIGKILL, "KILL")

    def _signal_runtime(self, number: int, word: str) -> None:
        if self._line is not None:
            self._line.say(word)
        elif self._members.runtime is not None and not self.exited.done():
            processes.signal_all([self._members.runtime], number)

    def _program_ended(self, name: str | None, end: Exit) -> None:
        if name is None and self._runtime_killed is not None:
            end = Exit("out_of_memory", signal=signal.SIGKILL)
        if self._ending is None and self.on_program_end is not None:
            self.on_program_end(name, end)

    # -- the end

    def keep(self) -> Kept | None:
        """Its own directory for /tmp, or its mount of it, which is held open."""
        if self._ending is not None and self._ending.reason == "tmp_full":
            return None  # what comes after it would end for the same
        if self._tmp.would_go and not self.exited.done():
            # What holds the sandbox will not do: the first one's /tmp is the machine's.
            self._members.look()
            for pid in self._members.seen[:1]:
                self._tmp.hold(pid)
        return self._tmp.keep()

    def stop(self) -> None:
        """End it, whatever it does."""
        self._stopped = True
        self._end(Exit("stopped"))
        if self.exited.done():
            self._remove_files()

    def _end(self, why: Exit) -> None:
        self._watch.remove(self)
        if self._ending is None and not self.exited.done():
            self._ending = why
            self._supervisor.kill(self._child.pid)

    def _ended(self, status: asyncio.Future[int]) -> None:
        self._watch.remove(self)
        self._freezing.close()
        if self._ending is None:
            # What it left behind (a daemon, say) ends with it.
            self._supervisor.kill(self._child.pid)
        self._limits.close()
        if self._line is not None:
            self._line.close()
        if not self.exited.done():
            self.exited.set_result(self._ending or self._read_exit(status.result()))
        if self._stopped:
            self._remove_files()
        self._remove_group()

    def _remove_files(self) -> None:
        self._tmp.remove()
        if self._own_file is not None:
            self._own_file.unlink(missing_ok=True)

    def _remove_group(self, tries: int = 50) -> None:
        if self._group is not None and not self._group.remove() and tries:
            asyncio.get_running_loop().call_later(0.05, self._remove_group, tries - 1)
