"""What this machine lets a sandbox be: looked at once, when the region starts; the Docker engine when it is needed."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from lambdalab.clock import Clock
from lambdalab.errors import LabError
from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends import cgroup, namespaces, process
from lambdalab.runtimes.backends.base import Backend
from lambdalab.runtimes.backends.cgroup import Controllers
from lambdalab.runtimes.backends.docker.backend import DockerBackend, DockerSettings
from lambdalab.runtimes.backends.launch import Launcher
from lambdalab.runtimes.backends.namespaces import NamespacesBackend
from lambdalab.runtimes.backends.process import ProcessBackend
from lambdalab.runtimes.backends.routing import Backends
from lambdalab.runtimes.backends.supervisor import Supervisor
from lambdalab.runtimes.backends.watch import Watch
from lambdalab.runtimes.interpreters import Interpreters


@dataclass(frozen=True, slots=True)
class Level:
    """One isolation level: whether it is to be had here, why not, and what it enforces."""

    backend: str
    available: bool
    reason: str
    fidelity: Fidelity


@dataclass(frozen=True, slots=True)
class Isolation:
    """What was found, and what was chosen from it: `chosen` runs what this machine has an interpreter of."""

    levels: tuple[Level, ...]
    chosen: str
    backends: Backends

    async def all_levels(self) -> tuple[Level, ...]:
        """The levels with Docker's, whose engine is asked now."""
        docker = self.backends.docker
        try:
            found = await docker.find()
        except LabError as missing:
            return (*self.levels, Level(docker.name, False, str(missing), docker.fidelity))
        return (*self.levels, Level(docker.name, True, str(found.engine.facts), docker.fidelity))


async def prepare(
    setting: str,
    clock: Clock,
    supervisor: Supervisor,
    clients: Path,
    state: Path,
    docker: DockerSettings | None = None,
) -> tuple[Backend, Isolation]:
    """Look, and make the backends that `setting` allows ("auto", "namespaces", "process" or "docker").

    Raises `LabError` when a level was asked for that is not to be had.
    """
    controllers = cgroup.find()
    interpreters = Interpreters()
    sandbox = await _look_at_namespaces(controllers)
    hardened = Level("process", True, "", process.fidelity(controllers))
    if setting == "namespaces" and not sandbox.available:
        raise LabError(
            f"LAMBDALAB_BACKEND is 'namespaces', but {sandbox.reason}. Use LAMBDALAB_BACKEND=auto or process."
        )
    watch = Watch(clock)
    launcher = Launcher(supervisor, watch, interpreters, controllers, clients, state)
    containers = DockerBackend(docker or DockerSettings(state, clients), watch)
    local: Backend
    if sandbox.available and setting != "process":
        local = NamespacesBackend(launcher, sandbox.fidelity)
    else:
        local = ProcessBackend(launcher, hardened.fidelity, controllers)
    backends = Backends(setting, local, containers, interpreters, clock, namespaces=sandbox.available)
    return backends, Isolation((hardened, sandbox), backends.name, backends)


async def _look_at_namespaces(controllers: Controllers) -> Level:
    reason = await why_no_namespaces()
    return Level("sandbox", not reason, reason, namespaces.fidelity(controllers))


async def why_no_namespaces() -> str:
    """Why bubblewrap's namespaces cannot be had here; empty when they can. Tries them."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return "bubblewrap (bwrap) is not installed: get it with `apt install bubblewrap` or `dnf install bubblewrap`"
    try:
        attempt = await asyncio.create_subprocess_exec(
            bwrap, "--unshare-user", "--unshare-pid", "--uid", "993", "--gid", "990", "--ro-bind", "/", "/",
            "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--size", "1048576", "--tmpfs", "/tmp", "true",  # noqa: S108
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await asyncio.wait_for(attempt.communicate(), 10)
    except (OSError, TimeoutError) as problem:
        return f"bubblewrap did not run: {problem}"
    if attempt.returncode == 0:
        return ""
    return f"the kernel or the container refuses namespaces ({said.decode(errors='replace').strip()})"
