"""Freezing a container and giving it its share of the processor: its own control groups where they can be
written, signals where it is this machine's root that asks, else the engine's API, in the background.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path

from lambdalab.model.limits import MB_PER_CPU
from lambdalab.runtimes.backends.cgroup import PERIOD_US
from lambdalab.runtimes.backends.docker.engine import Engine

_ROOT = Path("/sys/fs/cgroup")


class Control:
    """One container's. `pid` is its first process on this machine, None where the engine is elsewhere.

    It is what `ConfinedSandbox` takes for a group.
    """

    def __init__(self, engine: Engine, container: str, pid: int | None) -> None:
        self._engine = engine
        self._container = container
        groups = _groups(pid) if pid is not None else {}
        self._cpu = _writable(groups.get("cpu"), "cpu.cfs_quota_us") or _writable(groups.get(""), "cpu.max")
        freezer = _writable(groups.get(""), "cgroup.freeze")
        self._freeze_fd = os.open(freezer, os.O_WRONLY | os.O_CLOEXEC) if freezer else -1
        self._signals = pid is not None and os.geteuid() == 0
        self._wanted = self._frozen = False
        self._asking = False

    @property
    def how_it_freezes(self) -> str:
        """In words, for the fidelity."""
        return "cgroup" if self._freeze_fd >= 0 else "by signal" if self._signals else "the engine's pause"

    @property
    def freezes(self) -> bool:
        """Whether `freeze` is to be used, and not signals."""
        return self._freeze_fd >= 0 or not self._signals

    @property
    def shares_cpu(self) -> bool:
        """Always, one way or the other."""
        return True

    def freeze(self, *, frozen: bool) -> None:
        """Stop every process, or let them run on."""
        if self._freeze_fd >= 0:
            os.pwrite(self._freeze_fd, b"1" if frozen else b"0", 0)
            return
        self._wanted = frozen
        if not self._asking:
            self._asking = True
            self._engine.later(self._ask())

    async def _ask(self) -> None:
        """Pause and unpause until it is as wanted: calls that overtake each other would leave it as nobody wants."""
        api = self._engine.api
        try:
            while self._wanted != self._frozen:
                wanted = self._wanted
                await self._engine.call(api.pause if wanted else api.unpause, self._container)
                self._frozen = wanted
        finally:
            self._asking = False

    def share_cpu(self, memory_mb: int) -> None:
        """From now on the processor time that `memory_mb` brings."""
        quota = max(PERIOD_US * memory_mb // MB_PER_CPU, 1000)
        if self._cpu is not None:
            with contextlib.suppress(OSError):
                if self._cpu.name == "cpu.max":
                    self._cpu.write_text(f"{quota} {PERIOD_US}")
                else:
                    self._cpu.with_name("cpu.cfs_period_us").write_text(str(PERIOD_US))
                    self._cpu.write_text(str(quota))
                return
        self._engine.later(self._update(quota))

    async def _update(self, quota: int) -> None:
        update = partial(self._engine.api.update_container, cpu_period=PERIOD_US, cpu_quota=quota)
        await self._engine.call(update, self._container)

    def remove(self) -> bool:
        """The engine removes the groups; returns that nothing is left to do."""
        if self._freeze_fd >= 0:
            os.close(self._freeze_fd)
            self._freeze_fd = -1
        return True


def _groups(pid: int) -> dict[str, Path]:
    """The directories of a process's control groups by controller; version 2's under the empty name."""
    found: dict[str, Path] = {}
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base = _ROOT / "unified" if (_ROOT / "unified").is_dir() else _ROOT
            found[""] = base / path.lstrip("/")
        for name in controllers.split(","):
            if name:
                found[name] = _ROOT / controllers / path.lstrip("/")
    return found


def _writable(directory: Path | None, file: str) -> Path | None:
    path = directory / file if directory is not None else None
    return path if path is not None and os.access(path, os.W_OK) else None
