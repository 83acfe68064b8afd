"""The hardened process: for machines where no namespace can be made, a Binder container above all.

A fresh interpreter at real paths, confined by Landlock to reading what it needs and writing its own temporary
directory; no new privileges; no system call that is for other processes (seccomp), and none that starts too many of
its own; resource limits; its own session, below a process that adopts what it leaves behind. What this level cannot do
it says: it has no sandbox.localdomain, so that an extension listens at localhost, and the machine's ports are all
environments'.
"""

from __future__ import annotations

import os
import resource
import tempfile
from dataclasses import replace
from pathlib import Path

from lambdalab.model.image import Image
from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import cgroup, etc, landlock, seccomp
from lambdalab.runtimes.backends.base import Backend, Place, Sandbox, SandboxSpec
from lambdalab.runtimes.backends.command import Command
from lambdalab.runtimes.backends.confined import ConfinedSandbox
from lambdalab.runtimes.backends.kept import KeptDirectory
from lambdalab.runtimes.backends.launch import Launcher, Ready
from lambdalab.runtimes.backends.supervisor import NotExecuted
from lambdalab.trees import remove_tree

_READABLE = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/dev/urandom")
_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")
_ON_AWS = {"task": b"/var/task", "opt": b"/opt", "runtime": b"/var/runtime"}
_FILES = 1024
_BEHIND_MB = 10 * 1024
"""How far above the memory size the kernel's own limit stands: it fails allocations where AWS kills, so it is
only the wall behind the watch. It counts what is reserved, not what is used: 1,024 threads have 8 GB of stacks.
RLIMIT_DATA, never RLIMIT_AS, which breaks most runtimes (`runtimes.md`)."""


class ProcessBackend(Backend):
    """Starts hardened processes."""

    name = "process"

    def __init__(self, launcher: Launcher, fidelity: Fidelity, controllers: cgroup.Controllers) -> None:
        self._launcher = launcher
        self._gated = 0 if controllers.pids else cgroup.MAX_PROCESSES
        self.fidelity = fidelity
        self._landlock = landlock.abi() > 0
        self._etc = [f"/etc/{name}" for name in (*etc.shown(), *etc.CHANGING, "passwd", "group")]
        self._seccomp = seccomp.available()

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Find the interpreter, compile the client for it, and have processes wait."""
        await self._launcher.prepare(runtime, image)
        return Place(self.name)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the runtime as a confined process."""
        ready = await self._launcher.ready(spec.runtime)
        tmp = self._tmp(spec)
        try:
            return await self._start(ready, spec, tmp)
        except BaseException:
            remove_tree(tmp)  # no sandbox came to be that would
            raise

    async def _start(self, ready: Ready, spec: SandboxSpec, tmp: Path) -> Sandbox:
        layers = self._launcher.layers(spec.layers) or self._launcher.nothing
        places = {"task": str(spec.code), "opt": str(layers), "runtime": str(ready.client), "tmp": str(tmp)}
        program = self._launcher.program(ready, spec, places)
        command = Command(
            argv=program.argv,
            environment={"TMPDIR": str(tmp), **program.variables},
            directory=str(spec.code),
            limits=self._limits(spec),
            readable=(*_READABLE, *self._etc, *ready.interpreter.shown, *places.values()) if self._landlock else None,
            writable=(*_WRITABLE, str(tmp)),
            plain=True,
            filtered=self._seccomp,
            held=True,
            processes=self._gated,
        )
        try:
            started = await self._launcher.spawn(command, spec, launcher=bool(program.extensions))
        except NotExecuted as why:
            if program.brought is None or program.extensions:
                raise
            raise program.brought.refused(os.strerror(why.errno or 0).lower()) from None
        return ConfinedSandbox(
            spec,
            started,
            fidelity=self.fidelity if started.child.gated or not self._gated else _without_gate(self.fidelity),
            paths=tuple((places[name].encode(), path) for name, path in _ON_AWS.items()),
            supervisor=self._launcher.supervisor,
            watch=self._launcher.watch,
            private_tmp=tmp,
            extensions=program.extensions,
            holders=1,
        )

    def _tmp(self, spec: SandboxSpec) -> Path:
        """The directory that an earlier sandbox of the environment left, or a new one."""
        if isinstance(spec.kept, KeptDirectory):
            return spec.kept.take()
        return Path(tempfile.mkdtemp(prefix=f"{spec.id}-", dir=self._launcher.tmp))

    def _limits(self, spec: SandboxSpec) -> tuple[tuple[int, int], ...]:
        return (
            (resource.RLIMIT_NOFILE, _FILES),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, spec.ephemeral_mb << 20),
            (resource.RLIMIT_DATA, (spec.memory_mb + _BEHIND_MB) << 20),
        )

    async def close(self) -> None:
        """Sandboxes end with the supervisor; the groups of the waiting processes are let go."""
        self._launcher.close()


def fidelity(controllers: cgroup.Controllers) -> Fidelity:
    """What a hardened process of this machine enforces, in words."""
    abi = landlock.abi()
    return Fidelity(
        backend="process",
        level=1,
        memory="watched every 5 ms and by high-water mark; behind that 10 GB more to reserve for each process",
        cpu="cgroup quota" if controllers.cpu else "by stopping and continuing, within 5 %",
        time="enforced",
        file_system=f"real paths, read-only but for its own directory (Landlock {abi})" if abi else "not enforced",
        tmp="own directory at $TMPDIR, size watched; /tmp itself " + ("is closed" if abi else "is the machine's"),
        processes=f"{_counted(controllers)}; {_others(abi)}",
        network="the machine's, its ports too",
        freeze="cgroup" if controllers.freezer else "by signal",
    )


_AT_GATE = "counted one by one (seccomp), 1,024 with their threads"
_WATCHED = "watched, 1,024 with their threads"


def _counted(controllers: cgroup.Controllers) -> str:
    """What keeps the number of processes within AWS's limit."""
    if controllers.pids:
        return "cgroup, 1,024"
    return _AT_GATE if seccomp.gates() else _WATCHED


def _without_gate(expected: Fidelity) -> Fidelity:
    """Of a sandbox that was given no gate, although the kernel knows them."""
    return replace(expected, processes=expected.processes.replace(_AT_GATE, _WATCHED))


def _others(abi: int) -> str:
    """How far the region and the person's other processes are out of reach."""
    reached = ["limits and priorities"] if not seccomp.available() else []
    if abi < landlock.SCOPES_SIGNALS:
        reached.append("signals")
    return f"{' and '.join(reached)} of others in reach" if reached else "others out of reach (seccomp, Landlock)"
