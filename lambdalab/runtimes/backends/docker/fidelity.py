"""What a container enforces, in words."""

from __future__ import annotations

from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends.docker.network import Reach

BACKEND = "docker"


def fidelity(reach: Reach, freeze: str, *, watched: bool = True, signalled: bool = True) -> Fidelity:
    """Of a container whose engine is reached in this way; `freeze` says how it is frozen.

    `watched`: its processes are, where they are this machine's. `signalled`: the runtime alone can be sent a signal.
    """
    network = "an address of its own, through the engine's bridge"
    if not reach.apart:
        network += "; a Podman before 4.2 lets containers of the lab reach each other"
    if not reach.identified:
        network += "; its Runtime API is known by the port alone; the Telemetry API does not reach into it"
    return Fidelity(
        backend=BACKEND,
        level=3,
        memory="watched every 5 ms and by high-water mark, cgroup behind"
        if reach.local and watched
        else "cgroup, /tmp included; used memory asked of the engine before and after a call, peaks between unseen",
        cpu="cgroup quota",
        time="enforced",
        file_system="the image's own root, read-only",
        tmp="own, of the configured size; empty again after a failure or a timeout, which AWS keeps",
        processes="cgroup, 1,024" if signalled else "cgroup, 1,024; at the end the runtime gets no SIGTERM",
        network=network,
        freeze=freeze,
    )
