"""Control groups, where the region may make them: hard limits, the CPU share, and freezing.

Two layouts are met: version 1's controllers in directories of their own (pids, memory, cpu), and version 2's
single tree, of which only `cgroup.freeze` and `cgroup.kill`'s directory are used: its controllers need a
delegation that a notebook's process does not have. Nothing here is required; what cannot be had is enforced
by the watch instead.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from lambdalab.model.limits import MB_PER_CPU

PERIOD_US = 20_000
"""The quota's period: short enough for 0.2 s of work to be within 2 % of its share (`speed.md`)."""
MAX_PROCESSES = 1024
_ROOT = Path("/sys/fs/cgroup")
_NAME = "lambdalab"


@dataclass(frozen=True, slots=True)
class Controllers:
    """The directories below which groups are made, None where they cannot be."""

    memory: Path | None = None
    cpu: Path | None = None
    pids: Path | None = None
    freezer: Path | None = None

    def directories(self) -> list[Path]:
        """Those there are."""
        return [path for path in (self.memory, self.cpu, self.pids, self.freezer) if path is not None]


def find(root: Path = _ROOT, own: Path = Path("/proc/self/cgroup")) -> Controllers:
    """What may be used on this machine. Makes the lab's own directory where it is allowed to."""
    return Controllers(
        memory=_usable(root / "memory", "memory.limit_in_bytes"),
        cpu=_usable(root / "cpu", "cpu.cfs_quota_us"),
        pids=_usable(root / "pids", "pids.max"),
        freezer=_usable(_version_two(root, own), "cgroup.freeze"),
    )


def _version_two(root: Path, own: Path) -> Path:
    """The directory of version 2's tree that this process is in."""
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::"):
                base = root / "unified" if (root / "unified").is_dir() else root
                return base / line[3:].lstrip("/")
    return root / "unified"


def _usable(parent: Path, file: str) -> Path | None:
    directory = parent / _NAME
    try:
        directory.mkdir(exist_ok=True)
        probe = directory / f"{os.getpid()}-probe"
        probe.mkdir()
        usable = os.access(probe / file, os.W_OK)
        probe.rmdir()
    except OSError:
        return None
    return directory if usable else None


class Group:
    """One sandbox's groups, one in each controller there is. Their names begin with the region's pid."""

    def __init__(self, controllers: Controllers, name: str) -> None:
        self._controllers = controllers
        self._name = f"{os.getpid()}-{name}"
        self._directories = [parent / self._name for parent in controllers.directories()]
        for directory in self._directories:
            directory.mkdir(exist_ok=True)
        self._write(controllers.pids, "pids.max", MAX_PROCESSES)
        self._freeze_fd = -1
        if controllers.freezer is not None:
            self._freeze_fd = os.open(controllers.freezer / self._name / "cgroup.freeze", os.O_WRONLY | os.O_CLOEXEC)

    @property
    def procs_files(self) -> list[str]:
        """The files that a process writes itself to, to join."""
        return [str(directory / "cgroup.procs") for directory in self._directories]

    @property
    def freezes(self) -> bool:
        """Whether `freeze` does anything."""
        return self._freeze_fd >= 0

    @property
    def shares_cpu(self) -> bool:
        """Whether `share_cpu` does anything."""
        return self._controllers.cpu is not None

    def freeze(self, *, frozen: bool) -> None:
        """Stop every process of the group, or let them run on."""
        if self._freeze_fd >= 0:
            os.pwrite(self._freeze_fd, b"1" if frozen else b"0", 0)

    def limit_memory(self, memory_mb: int, tmp_mb: int) -> None:
        """The wall behind the watch, which keeps the memory size. /tmp is memory too, and not counted by AWS."""
        self._write(self._controllers.memory, "memory.limit_in_bytes", (memory_mb + tmp_mb + 64) << 20)

    def share_cpu(self, memory_mb: int) -> None:
        """From now on the processor time that `memory_mb` brings: 1769 MB are one vCPU."""
        self._write(self._controllers.cpu, "cpu.cfs_period_us", PERIOD_US)
        self._write(self._controllers.cpu, "cpu.cfs_quota_us", max(PERIOD_US * memory_mb // MB_PER_CPU, 1000))

    def remove(self) -> bool:
        """Remove the groups; returns whether all are gone (they are once their last process is)."""
        if self._freeze_fd >= 0:
            os.close(self._freeze_fd)
            self._freeze_fd = -1
        gone = True
        for directory in self._directories:
            try:
                directory.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                gone = False
        return gone

    def _write(self, parent: Path | None, file: str, value: int) -> None:
        if parent is not None:
            with contextlib.suppress(OSError):
                (parent / self._name / file).write_text(str(value))


def remove_stale(controllers: Controllers) -> None:
    """Remove the groups that dead regions left. Those of a living one may be empty and still be meant for use."""
    for parent in controllers.directories():
        with contextlib.suppress(OSError):
            for directory in parent.iterdir():
                if directory.is_dir() and not _is_alive(directory.name.partition("-")[0]):
                    with contextlib.suppress(OSError):
                        directory.rmdir()


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:  # another person's
        return True
    return True
