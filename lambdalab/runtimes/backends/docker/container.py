"""A container's settings, from a specification: pure, and all that confines it in one place. Never a bind mount.

Source of the numbers: `lambda-contract.md` section 17; of the options: Docker's Engine API 1.41.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.runtimes.backends.base import SandboxSpec
from lambdalab.runtimes.backends.cgroup import MAX_PROCESSES

USER_ID, GROUP_ID = 993, 990
FILES = 1024
_MB = 1 << 20
_MARGIN_MB = 64


@dataclass(frozen=True, slots=True)
class Program:
    """What a container starts: None where the image's own entrypoint, command or directory stands."""

    image: str
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class Mounted:
    """The volumes that a container sees: of the function's package, of its layers, of the program that waits."""

    task: str | None = None
    opt: str | None = None
    rapid: str | None = None


def settings(
    spec: SandboxSpec,
    program: Program,
    mounted: Mounted,
    *,
    network: str,
    labels: Mapping[str, str],
    environment: Mapping[str, str],
    watched: bool,
    listens: bool = False,
) -> dict[str, Any]:
    """The body of the request that creates the container.

    `watched`: the memory size is kept by looking. `listens`: its first program takes words by its standard input,
    which ends with the connection that they come by.
    """
    made: dict[str, Any] = {
        "Image": program.image,
        "User": f"{USER_ID}:{GROUP_ID}",
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": {**labels, "lambdalab.environment": spec.id},
        "AttachStdout": True,
        "AttachStderr": True,
        "AttachStdin": listens,
        "OpenStdin": listens,
        "StdinOnce": listens,
        "HostConfig": _confinement(spec, mounted, network, watched=watched),
    }
    if program.entry_point is not None:
        made["Entrypoint"] = list(program.entry_point)
    if program.command is not None:
        made["Cmd"] = list(program.command)
    if program.directory is not None:
        made["WorkingDir"] = program.directory
    return made


def _confinement(spec: SandboxSpec, mounted: Mounted, network: str, *, watched: bool) -> dict[str, Any]:
    # /tmp is memory of the container's, and not of the function's size: where the size is kept by looking at what
    # the processes hold, the wall stands behind both. Where nobody looks, the wall is the size itself.
    memory = (spec.memory_mb + (spec.ephemeral_mb + _MARGIN_MB if watched else 0)) * _MB
    mounts = [(mounted.task, "/var/task"), (mounted.opt, "/opt"), (mounted.rapid, "/var/rapid")]
    return {
        "NetworkMode": network,
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": f"rw,exec,nosuid,nodev,size={spec.ephemeral_mb}m,mode=1777"},  # noqa: S108
        "Mounts": [
            {
                "Type": "volume",
                "Source": volume,
                "Target": target,
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            }
            for volume, target in mounts
            if volume is not None
        ],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": memory,
        "MemorySwap": memory,
        "PidsLimit": MAX_PROCESSES,
        # The first to go when the machine's memory is full, before the region and the notebook.
        "OomScoreAdj": 1000,
        "Ulimits": [{"Name": "nofile", "Soft": FILES, "Hard": FILES}, {"Name": "core", "Soft": 0, "Hard": 0}],
        "LogConfig": {"Type": "none"},
        # As the first process of its namespace a runtime would not die of its own signals.
        "Init": True,
        # No shared memory beside /tmp, as on Lambda.
        "IpcMode": "none",
    }
