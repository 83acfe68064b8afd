"""Whose a container or volume is: labels that tell a running region's from a crashed one's."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OWNER = "lambdalab.owner"
HOME = "lambdalab.home"
SHARED = "lambdalab.shared"
"""On what regions share and none removes: the network."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A region's process: its machine, the machine's boot, its id and the moment of its start there.

    `home` is the lab's home as a short hash: one region at a time has it.
    """

    machine: str
    boot: str
    pid: int
    started: str
    home: str

    @classmethod
    def here(cls, home: Path) -> Owner:
        """This process, for the lab of a home."""
        pid = os.getpid()
        return cls(_machine(), _boot(), pid, _started(pid), hashlib.sha256(str(home).encode()).hexdigest()[:12])

    @property
    def labels(self) -> dict[str, str]:
        """What this region's containers and volumes carry."""
        return {OWNER: f"{self.machine}/{self.boot}/{self.pid}/{self.started}", HOME: self.home}

    def has_left(self, labels: Mapping[str, str]) -> bool:
        """Whether what carries these labels belongs to a region that is no more."""
        if labels.get(OWNER) == self.labels[OWNER] or OWNER not in labels:
            return False
        if labels.get(HOME) == self.home:
            return True  # one region at a time has a home, and it is ours now
        try:
            machine, boot, pid, started = labels[OWNER].split("/")
        except ValueError:
            return False
        if machine != self.machine:
            return False  # another machine's region on the same engine: not ours to judge
        return boot != self.boot or _started(int(pid)) != started


def _machine() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with contextlib.suppress(OSError):
            text = Path(path).read_text().strip()
            if text:
                return hashlib.sha256(f"lambdalab {text}".encode()).hexdigest()[:12]
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    return "unknown"


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty when there is none, or where it cannot be told."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in {"Z", "X"} else fields[19]  # what nobody has waited for yet is no more all the same
    except (OSError, IndexError):
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        pass
    return "0"
