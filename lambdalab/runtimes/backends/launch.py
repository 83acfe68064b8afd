"""What both of this machine's backends need to start a sandbox: interpreter, client, layers, group, log pipe."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lambdalab.errors import RuntimeUnavailable
from lambdalab.model import runtime
from lambdalab.model.image import Image
from lambdalab.runtimes import catalogue, executable, families
from lambdalab.runtimes.backends import cgroup, programs
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.backends.cgroup import Controllers, Group
from lambdalab.runtimes.backends.command import Command
from lambdalab.runtimes.backends.merging import merge
from lambdalab.runtimes.backends.started import Started
from lambdalab.runtimes.backends.supervisor import Supervisor
from lambdalab.runtimes.backends.watch import Watch
from lambdalab.runtimes.families.base import Brought, Family
from lambdalab.runtimes.interpreters import Interpreter, Interpreters
from lambdalab.trees import keep_newest, making, remove_tree

_WAITING = os.cpu_count() or 1
_MERGED = 16
"""Merged layers that a region finds of the ones before it, the last ones used: they are copies, and large."""
_REFILL_AFTER_SECONDS = 0.2
"""When the cold start that took a waiting process is over, so as not to slow it."""
_SYSTEM = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:{opt}/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:{runtime}:{runtime}/lib:{task}:{task}/lib:{opt}/lib",
    "LAMBDA_TASK_ROOT": "{task}",
    "LAMBDA_RUNTIME_DIR": "{runtime}",
}
"""Where things are, for every runtime (`lambda-contract.md` section 17)."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A runtime that can be started: its interpreter, and the directory for /var/runtime."""

    family: Family
    interpreter: Interpreter
    client: Path


@dataclass(frozen=True, slots=True)
class Program:
    """What is started in a sandbox, with all its variables, and the extensions that the command starts first.

    `brought` is the package's own program, where that is what the command starts.
    """

    argv: list[str]
    variables: dict[str, str]
    extensions: tuple[str, ...] = ()
    brought: Brought | None = None

    def mapped(self, change: Callable[[str], str], *, but: Collection[str]) -> Program:
        """The same with every word changed, and every value but those of the variables `but`."""
        return replace(
            self,
            argv=[change(word) for word in self.argv],
            variables={name: value if name in but else change(value) for name, value in self.variables.items()},
        )


class Launcher:
    """Shared by the backends of one region. `state` is a directory for what sandboxes need on disk."""

    def __init__(
        self,
        supervisor: Supervisor,
        watch: Watch,
        interpreters: Interpreters,
        controllers: Controllers,
        clients: Path,
        state: Path,
    ) -> None:
        self.supervisor = supervisor
        self.watch = watch
        self.state = state
        self._families = families.load(clients)
        self._interpreters = interpreters
        self._controllers = controllers
        self.tmp = state / "tmp"
        remove_tree(self.tmp)  # what a killed region's sandboxes left
        self.tmp.mkdir(parents=True, mode=0o700)
        keep_newest(state / "layers", _MERGED)
        self.nothing = state / "nothing"
        self.nothing.mkdir(parents=True, exist_ok=True)
        cgroup.remove_stale(controllers)
        self._one_at_a_time: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._waiting: deque[tuple[Group, int]] = deque()

    async def ready(self, name: str) -> Ready:
        """A runtime's interpreter, with the client made for it. Raises `RuntimeUnavailable`."""
        found = await self._interpreters.find(name)
        family = self._families.get(runtime.known()[name].family)
        if family is None:
            raise RuntimeUnavailable(f"{name} is not offered by this version of LambdaLab.")
        # By family: what one takes seconds to make on its first use does not hold up the functions of another.
        async with self._one_at_a_time[family.name]:
            return Ready(family, found, await family.client(found))

    async def prepare(self, name: str, image: Image | None) -> None:
        """Make a runtime ready, and have processes wait. Raises `RuntimeUnavailable`, for every image too."""
        if image is not None:
            raise RuntimeUnavailable("an image function needs a Docker engine; the sandbox runs zip packages only.")
        await self.ready(name)
        self.prefork()

    def program(self, ready: Ready, spec: SandboxSpec, places: Mapping[str, str]) -> Program:
        """What to start in a sandbox whose paths are `places`. Raises `CannotStart` and `RuntimeUnavailable`."""
        start = ready.family.start(ready.interpreter, spec)
        where = executable.in_sandbox(spec.code, spec.layers)
        if start.program is not None:
            start.program.check(where, spec.architecture)
        variables = {name: _fill(value, places) for name, value in (*_SYSTEM.items(), *start.variables.items())}
        variables |= spec.environment
        if ready.interpreter.library_path:
            own = variables.get("LD_LIBRARY_PATH", "")
            variables["LD_LIBRARY_PATH"] = f"{ready.interpreter.library_path}:{own}"
        words = start.argv if places["opt"] == "/opt" or not start.unmapped else start.unmapped
        argv = [_fill(word, places) for word in words]
        if not catalogue.family(runtime.known()[spec.runtime]).brings_its_own:  # AWS has wrappers for its own only
            argv = _wrapped(argv, variables)
        extensions = programs.find(spec.layers, where, spec.architecture)
        if extensions:
            hidden = [name for name in start.variables if name not in spec.environment]
            argv = programs.launcher(places["opt"], hidden, argv)
        return Program(argv, variables, extensions, start.program)

    def layers(self, layers: Sequence[Path]) -> Path | None:
        """One directory with all layers' content, later ones over earlier ones; None without layers."""
        if len(layers) <= 1:
            return layers[0] if layers else None
        name = hashlib.sha256("\n".join(map(str, layers)).encode()).hexdigest()[:32]
        merged = self.state / "layers" / name
        if merged.exists():
            os.utime(merged)
        else:
            with making(merged) as aside:
                merge(layers, aside)
        return merged

    async def spawn(self, command: Command, spec: SandboxSpec, *, launcher: bool = False) -> Started:
        """Start the command, in control groups where any may be made; with a line if it is a `launcher`.

        Raises `OSError` when it cannot be started.
        """
        start = self._start_launcher if launcher else self._start
        if not self._controllers.directories():
            return await start(command, None, None)
        try:
            waiting = self._waiting.popleft()
        except IndexError:
            group, number = Group(self._controllers, f"{spec.id}-{uuid.uuid4().hex[:8]}"), None
        else:
            group, number = waiting
        asyncio.get_running_loop().call_later(_REFILL_AFTER_SECONDS, self.prefork)
        group.limit_memory(spec.memory_mb, spec.ephemeral_mb)
        if number is None:
            command = replace(command, cgroups=group.procs_files)
        try:
            return await start(command, group, number)
        except (BrokenPipeError, FileNotFoundError):
            # The waiting process had died, or lost its groups; the next one may have too, or a new one is forked.
            if number is None:
                raise
            return await self.spawn(command, spec, launcher=launcher)

    def prefork(self) -> None:
        """Have a process for each core wait in groups of its own: joining them is slow."""
        while self._controllers.directories() and len(self._waiting) < _WAITING:
            group = Group(self._controllers, f"waiting-{uuid.uuid4().hex}")
            try:
                self._waiting.append((group, self.supervisor.prefork(group.procs_files)))
            except OSError:  # the supervisor has ended, and the region is about to
                group.remove()
                return

    def close(self) -> None:
        """Let go of the groups that nobody came to use; their processes end with the supervisor."""
        while self._waiting:
            self._waiting.pop()[0].remove()

    async def _start(
        self, command: Command, group: Group | None, preforked: int | None, more: Sequence[int] = ()
    ) -> Started:
        read, write = _pipe()
        try:
            return Started(await self.supervisor.spawn(command, (write, *more), preforked), read, group)
        except BaseException:
            os.close(read)
            if group is not None:
                group.remove()
            raise
        finally:
            os.close(write)

    async def _start_launcher(self, command: Command, group: Group | None, preforked: int | None) -> Started:
        ours, theirs = socket.socketpair()
        read, write = _pipe()
        try:
            started = await self._start(command, group, preforked, (theirs.fileno(), write))
        except BaseException:
            ours.close()
            os.close(read)
            raise
        finally:
            theirs.close()
            os.close(write)
        return replace(started, line=ours, extensions_log_fd=read)


def _pipe() -> tuple[int, int]:
    """A pipe whose read end is for the loop."""
    read, write = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(read, False)
    return read, write


def _wrapped(argv: list[str], variables: Mapping[str, str]) -> list[str]:
    """The command through the function's wrapper script, if it names one; a shell tells 127 when there is none."""
    wrapper = variables.get("AWS_LAMBDA_EXEC_WRAPPER")
    return ["/bin/sh", "-c", 'exec "$0" "$@"', wrapper, *argv] if wrapper else argv


def _fill(value: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        value = value.replace(f"{{{name}}}", path)
    return value
