"""What both of this machine's backends need to start a sandbox: interpreter, client, layers, group, log pipe."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lambdalab.runtimes.backends import cgroup
from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.backends.cgroup import Controllers, Group
from lambdalab.runtimes.backends.supervisor import Child, Command, Supervisor
from lambdalab.runtimes.backends.watch import Watch
from lambdalab.runtimes.interpreters import Interpreter, Interpreters
from lambdalab.runtimes.python_client import compile_client


class Launcher:
    """Shared by the backends of one region. `state` is a directory for what sandboxes need on disk."""

    def __init__(
        self, supervisor: Supervisor, watch: Watch, interpreters: Interpreters, controllers: Controllers, client: Path, state: Path
    ) -> None:
        self.supervisor = supervisor
        self.watch = watch
        self.client = client
        self.state = state
        self._interpreters = interpreters
        self._controllers = controllers
        shutil.rmtree(state / "tmp", ignore_errors=True)  # what a killed region's sandboxes left
        self.nothing = state / "nothing"
        self.nothing.mkdir(parents=True, exist_ok=True)
        cgroup.remove_stale(controllers)

    async def interpreter(self, runtime: str) -> Interpreter:
        """The runtime's interpreter, with the client compiled for it. Raises `RuntimeUnavailable`."""
        found = await self._interpreters.find(runtime)
        await compile_client(self.client, found.path, found.version, found.library_path)
        return found

    def environment(self, spec: SandboxSpec, interpreter: Interpreter, places: Mapping[str, str]) -> dict[str, str]:
        """The process's variables, with the places filled in."""
        filled = {name: _fill(value, places) for name, value in spec.environment.items()}
        if interpreter.library_path:
            filled["LD_LIBRARY_PATH"] = f"{interpreter.library_path}:{filled.get('LD_LIBRARY_PATH', '')}"
        return filled

    def group(self, spec: SandboxSpec) -> Group | None:
        """A control group for the sandbox, where any may be made."""
        if not self._controllers.directories():
            return None
        return Group(self._controllers, spec.id, memory_mb=spec.memory_mb, tmp_mb=spec.ephemeral_mb)

    def layers(self, layers: Sequence[Path]) -> Path | None:
        """One directory with all layers' content, later ones over earlier ones; None without layers."""
        if len(layers) <= 1:
            return layers[0] if layers else None
        name = hashlib.sha256("\n".join(map(str, layers)).encode()).hexdigest()[:32]
        merged = self.state / "layers" / name
        if not merged.exists():
            aside = merged.with_name(f".{name}-{os.getpid()}")
            for layer in layers:
                shutil.copytree(layer, aside, symlinks=True, dirs_exist_ok=True)
            aside.rename(merged)
        return merged

    async def spawn(self, command: Command, group: Group | None) -> tuple[Child, int]:
        """Start the command; the child, and the read end of its log pipe."""
        read, write = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(read, False)
        try:
            return await self.supervisor.spawn(command, write), read
        except BaseException:
            os.close(read)
            if group is not None:
                group.remove()
            raise
        finally:
            os.close(write)


def _fill(value: str, places: Mapping[str, str]) -> str:
    for name, path in places.items():
        value = value.replace(f"{{{name}}}", path)
    return value
