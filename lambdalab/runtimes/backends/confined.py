"""A sandbox made of this machine's processes: what the namespaces and the process backends have in common.

The memory size is kept by looking (what all its processes hold, every few milliseconds) and by reading the
high-water mark at the end of each invocation, so that even a short excess is noticed. Control groups add walls
behind that where they can be had, and freeze and share the processor more exactly.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import hidden, processes, sockets
from lambdalab.runtimes.backends.base import Exit, Kept, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.cgroup import MAX_PROCESSES, MB_PER_CPU
from lambdalab.runtimes.backends.cpu_share import CpuShare
from lambdalab.runtimes.backends.kept import KeptDirectory, KeptMount
from lambdalab.runtimes.backends.memory import Memory
from lambdalab.runtimes.backends.programs import Line, Talk
from lambdalab.runtimes.backends.supervisor import Child
from lambdalab.runtimes.backends.temporary import Temporary
from lambdalab.runtimes.backends.watch import Watch
from lambdalab.trees import remove_tree

_MB = 1 << 20
_TREE_EVERY = 4
_A_FEW = range(9, 65)
"""So many processes are looked for each time: it may be the beginning of a bomb, and takes no time yet."""
_MORE = 16
_HIDDEN_EVERY = 4
_STOPPING_LOOKS = 20
"""Where nothing bounds how fast processes come, stopping them all may fail: the next freeze, or the limit, will do."""
_DYING_LOOKS = 200
"""How long, a second of looks, what was killed for its memory may take to give it back."""
_OWN_TMP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ReadExit = Callable[[int], Exit]
"""How a backend reads a `waitpid` status."""


class Ender(Protocol):
    """What ends a sandbox's processes: the supervisor, or a container's engine."""

    def kill(self, pid: int) -> None:
        """End `pid`, its descendants, and what they left behind; off the caller's path."""


class Grouped(Protocol):
    """What holds a sandbox's processes together: this machine's control groups, or a container."""

    @property
    def freezes(self) -> bool:
        """Whether `freeze` is to be used, and not signals."""

    @property
    def shares_cpu(self) -> bool:
        """Whether `share_cpu` does anything."""

    def freeze(self, *, frozen: bool) -> None:
        """Stop every process, or let them run on."""

    def share_cpu(self, memory_mb: int) -> None:
        """From now on the processor time that `memory_mb` brings."""

    def remove(self) -> bool:
        """Remove it; returns whether all of it is gone."""


@dataclass(frozen=True, slots=True)
class Started:
    """A sandbox's first process, the read end of its log pipe, and what holds its processes together.

    With extensions also the launcher's line and the read end of the pipe that the extensions write to.
    """

    child: Child
    log_fd: int
    group: Grouped | None
    line: socket.socket | None = None
    extensions_log_fd: int = -1


def read_status(status: int) -> Exit:
    """A process that is waited for directly."""
    if os.WIFSIGNALED(status):
        return Exit("signal", signal=os.WTERMSIG(status))
    return Exit("exited", status=os.WEXITSTATUS(status))


class ConfinedSandbox(Sandbox):
    """Processes below one child of the supervisor, of which the first `holders` only hold the sandbox.

    Its /tmp is the directory `private_tmp` of this machine, or a mount of its own (`mounts_tmp`).
    With `extensions` the launcher comes next and is one more of those; then come the runtime and, each below a
    shell that waits for its end, the extensions.
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
        self._private_tmp = private_tmp
        self._temporary = Temporary(private_tmp, spec.ephemeral_mb * _MB) if private_tmp is not None else None
        self._mounts_tmp = mounts_tmp
        self._tmp_fd = -1
        self._stopped = False
        self._holders = holders + (self._line is not None)
        self._runtime: int | None = None
        self._status_fd = self._runtime_fd = -1
        self._runtime_over = False
        self._members: list[int] = [child.pid]
        self._memory = Memory(spec.memory_mb * _MB)
        self._looks = 0
        self._runtime_killed: int | None = None
        self._frozen = False
        self._stopped_ones: set[int] = set()
        self._ending: Exit | None = None
        self._shared = False
        self._cpu = CpuShare(min(spec.memory_mb / MB_PER_CPU, 6.0))
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
        for pid in reversed(processes.tree(self._child.pid)):
            if inode and processes.has_socket(pid, inode):
                self._know_runtime(pid)
                return True
        return False

    def _know_runtime(self, pid: int) -> None:
        if self._runtime is None and (self._line is None or pid in processes.children(self._launcher())):
            self._runtime = pid
            with contextlib.suppress(OSError):
                self._status_fd = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
            self._hold_tmp(pid)
            if self._private_tmp is not None and self._group is not None and self._group.freezes:
                # Its holder is frozen with it: it could not tell of an end that comes meanwhile.
                with contextlib.suppress(OSError):
                    self._runtime_fd = os.pidfd_open(pid)
                    asyncio.get_running_loop().add_reader(self._runtime_fd, self._runtime_gone)

    def _runtime_gone(self) -> None:
        """Its holder has to end what is left: it may not be frozen meanwhile, nor stay so."""
        self._runtime_over = True
        self._forget_runtime()
        if self._frozen and not self.exited.done():
            self._set_frozen(frozen=False)

    def _forget_runtime(self) -> None:
        if self._runtime_fd >= 0:
            asyncio.get_running_loop().remove_reader(self._runtime_fd)
            os.close(self._runtime_fd)
            self._runtime_fd = -1

    # -- invocations

    def begin_invocation(self) -> None:
        """Thaw; from the first invocation on the CPU share holds."""
        if self._frozen:
            self._set_frozen(frozen=False)
        if not self._shared:
            self._shared = True
            if self._group is not None and self._group.shares_cpu:
                self._group.share_cpu(self._spec.memory_mb)
                self._cpu.exact = True
        self._watch.add(self)

    def end_invocation(self) -> None:
        """Read the high-water mark, and stop looking."""
        self._read_memory()
        self._watch.remove(self)
        self._cpu.rest(self._set_stopped)

    def freeze(self) -> None:
        """Stop every process until the next invocation."""
        if not self.exited.done() and self._ending is None and not self._runtime_over:
            self._watch.remove(self)
            self._look_for_hidden()
            self._read_memory()
            self._set_frozen(frozen=True)

    def _set_frozen(self, *, frozen: bool) -> None:
        self._frozen = frozen
        if self._group is not None and self._group.freezes:
            with contextlib.suppress(OSError):
                self._group.freeze(frozen=frozen)
        else:
            self._set_stopped(frozen)

    def _set_stopped(self, stopped: bool) -> None:
        """Stop them until nobody new is found; who was stopped is who is continued."""
        if stopped:
            for _ in range(_STOPPING_LOOKS):
                new = [pid for pid in self._own_processes() if pid not in self._stopped_ones]
                if not new:
                    break
                processes.signal_all(new, signal.SIGSTOP)
                self._stopped_ones.update(new)
        else:
            processes.signal_all(self._stopped_ones, signal.SIGCONT)
            self._stopped_ones.clear()

    def _own_processes(self) -> Sequence[int]:
        """The function's processes and the launcher, without what only holds the sandbox.

        Orphans are below what holds it; where nothing does, only what is below the runtime is found.
        """
        holders = self._holders - (self._line is not None)
        if holders:
            return processes.tree(self._child.pid)[holders:]
        return processes.tree(self._runtime) if self._runtime is not None else ()

    def _launcher(self) -> int:
        """The process that started the extensions and the runtime."""
        pid = self._child.pid
        for _ in range(self._holders - 1):
            pid = next(iter(processes.children(pid)), pid)
        return pid

    def max_memory_mb(self) -> int:
        """The most its processes were seen to hold, in MB rounded up."""
        return -(-self._memory.peak // _MB)

    def held_mb(self) -> int:
        """What its processes were seen to hold last: at a look, at the end of a call, or when they were frozen."""
        return self._memory.held // _MB

    def _read_memory(self) -> None:
        if self._memory.beside:
            self._look_for_hidden()
        if self._status_fd >= 0:
            try:
                status = os.pread(self._status_fd, 4096, 0)
            except OSError:  # it has gone
                status = b""
            self._memory.told(processes.peak_kilobytes(status) * 1024, processes.held_kilobytes(status) * 1024)
        if len(self._members) > self._holders + 1:
            self._memory.look(self._members[self._holders :])

    # -- limits

    def look(self) -> None:
        """Measure memory and processes; end the sandbox when it is over a limit; keep its CPU share."""
        self._looks += 1
        if self._looks % _TREE_EVERY == 0 or len(self._members) in _A_FEW or self._runtime is None:
            self._members = processes.tree(self._child.pid, MAX_PROCESSES + _MORE)
        # Once there is some at each look: what is being mapped would count twice.
        if (self._memory.beside or self._looks % _HIDDEN_EVERY == 1) and len(self._members) < _A_FEW.stop:
            self._look_for_hidden()
        if self._memory.look(self._members[self._holders :]):
            self._out_of_memory()
        elif self._too_many():
            self._end(Exit("too_many_processes", signal=signal.SIGKILL, limit=MAX_PROCESSES))
        elif self._temporary is not None and self._temporary.is_due() and self._tmp_is_full(self._temporary):
            self._end(Exit("tmp_full", signal=signal.SIGKILL, limit=self._spec.ephemeral_mb))
        elif self._shared and not self._cpu.exact and self._runtime is not None:
            self._cpu.look(self._processor_seconds(), self._set_stopped)

    def _out_of_memory(self) -> None:
        """End the runtime, of which its extensions are told; all of it where there are none, or that does not help."""
        if self._line is None or self._runtime is None or self._runtime_killed is not None:
            if self._runtime_killed is None or self._looks > self._runtime_killed + _DYING_LOOKS:
                self._end(Exit("out_of_memory", signal=signal.SIGKILL))
            return
        self._runtime_killed = self._looks
        processes.signal_all(processes.tree(self._runtime), signal.SIGKILL)
        self.kill_runtime()  # by the launcher too: the processes may be another user's

    def _processor_seconds(self) -> float:
        return sum(map(processes.processor_seconds, self._members[self._holders :]))

    def _too_many(self) -> bool:
        """Processes and threads, for which AWS has one limit; where they pass a gate, that keeps it."""
        if self._child.gated:
            return False
        return sum(map(processes.thread_count, self._members[self._holders :])) > MAX_PROCESSES

    def _tmp_is_full(self, temporary: Temporary) -> bool:
        self._members = processes.tree(self._child.pid)
        return temporary.is_full(hidden.look(self._members[self._holders :], str(temporary.directory)).unlinked)

    def _look_for_hidden(self) -> None:
        self._memory.beside = hidden.look(self._members[self._holders :]).memory

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
        elif self._runtime is not None and not self.exited.done():
            processes.signal_all([self._runtime], number)

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
        if self._private_tmp is not None:
            directory, self._private_tmp = self._private_tmp, None
            return KeptDirectory(directory)
        if self._tmp_fd < 0 and not self.exited.done():
            # What holds the sandbox will not do: the first one's /tmp is the machine's.
            for pid in processes.tree(self._child.pid)[self._holders :][:1]:
                self._hold_tmp(pid)
        fd, self._tmp_fd = self._tmp_fd, -1
        return KeptMount(fd) if fd >= 0 else None

    def _hold_tmp(self, pid: int) -> None:
        """Keep what is in a mount of the sandbox's own from going with its last process."""
        if self._mounts_tmp and self._tmp_fd < 0:
            with contextlib.suppress(OSError):
                # Not through a link: the function may have another root by now, with one to a place of the machine.
                self._tmp_fd = os.open(f"/proc/{pid}/root/tmp", _OWN_TMP)

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
        self._forget_runtime()
        if self._ending is None:
            # What it left behind (a daemon, say) ends with it.
            self._supervisor.kill(self._child.pid)
        if self._status_fd >= 0:
            os.close(self._status_fd)
            self._status_fd = -1
        if self._line is not None:
            self._line.close()
        if not self.exited.done():
            self.exited.set_result(self._ending or self._read_exit(status.result()))
        if self._stopped:
            self._remove_files()
        self._remove_group()

    def _remove_files(self) -> None:
        if self._private_tmp is not None:
            remove_tree(self._private_tmp)
        if self._tmp_fd >= 0:
            os.close(self._tmp_fd)
            self._tmp_fd = -1
        if self._own_file is not None:
            self._own_file.unlink(missing_ok=True)

    def _remove_group(self, tries: int = 50) -> None:
        if self._group is not None and not self._group.remove() and tries:
            asyncio.get_running_loop().call_later(0.05, self._remove_group, tries - 1)
