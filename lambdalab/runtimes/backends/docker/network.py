"""The network of functions' containers, and its addresses held ready.

A bridge of the lab's own on which containers see the gateway but not each other. Giving a container an address
takes an engine 100 ms and more, one at a time; so containers that only wait hold addresses, and a function's
container joins the network of one. Its address says whose a connection to a Runtime API is.

Podman's bridges have no such setting, but keep from each other: there each holder has a bridge of its own, and one
more holder keeps the lab's, whose address the containers call.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lambdalab.errors import LabError, RuntimeUnavailable
from lambdalab.runtimes.backends.docker import pause
from lambdalab.runtimes.backends.docker.engine import Engine
from lambdalab.runtimes.backends.docker.ownership import SHARED, Owner

NAME = "lambdalab"
_SPARE = 2
_KEPT = 8
_REFILL_AFTER_SECONDS = 0.5
"""When the cold start that took a holder is over, so as not to slow it."""
_HOST = "host.docker.internal"
_HOST_GATEWAY = f"{_HOST}:host-gateway"


@dataclass(frozen=True, slots=True)
class Reach:
    """How containers call this machine: the address listened on, and the host they call.

    `local` when the engine's processes are this machine's own; `identified` when a connection's address is the
    container's own, so that it says whose it is. `apart` when containers do not reach each other:
    bridges of a Podman before 4.2 do not keep from each other.
    """

    listen: str
    call: str
    local: bool
    identified: bool
    apart: bool = True


@dataclass(frozen=True, slots=True)
class Holder:
    """A waiting container, its address, and the network that it alone is on; empty where it is on the lab's."""

    id: str
    address: str
    network: str = ""


class Network:
    """The lab's network on one engine. `open` first."""

    def __init__(self, engine: Engine, owner: Owner, callback: str) -> None:
        self._engine = engine
        self._owner = owner
        self._callback = callback
        self.image = ""
        self._hosts: list[str] = []
        self._spare: deque[Holder] = deque()
        self._one_each = self._closed = False
        self._making: set[asyncio.Task[None]] = set()
        self.reach = Reach("", "", local=False, identified=False)

    async def open(self) -> None:
        """Make what is missing: the image, the network, the first holder; find how this machine is reached.

        Raises a `LabError`.
        """
        api, facts = self._engine.api, self._engine.facts
        self.image = await self._engine.call(pause.image, api, facts.architecture)
        gateway = await self._engine.call(_network, api)
        if self._callback == _HOST and not facts.desktop:
            self._hosts = [_HOST_GATEWAY]
        # Podman's bridge is there, with its address, only while a container is on it.
        first = await self._hold()
        try:
            self.reach = reach(gateway, self._callback, unix=facts.unix, desktop=facts.desktop, podman=facts.podman)
            if self.reach.local and not await self._is_ours(first):
                self.reach = replace(self.reach, local=False)
            self.reach = replace(self.reach, apart=not facts.podman or _major_minor(facts.version) >= (4, 2))
        except LabError:
            await self.drop(first)
            raise
        self._one_each = facts.podman
        if not self._one_each:
            self._spare.append(first)
        self._refill()

    async def take(self) -> Holder:
        """A holder for one container alone."""
        asyncio.get_running_loop().call_later(_REFILL_AFTER_SECONDS, self._refill)
        return self._spare.popleft() if self._spare else await self._hold()

    async def give_back(self, holder: Holder) -> None:
        """Its container has ended: it may hold for another."""
        if len(self._spare) < _KEPT:
            self._spare.append(holder)
        else:
            await self.drop(holder)

    async def drop(self, holder: Holder) -> None:
        """Remove it."""
        if holder.id:
            with contextlib.suppress(LabError):
                await self._engine.call(partial(self._engine.api.remove_container, holder.id, force=True, v=True))
        if holder.network:
            with contextlib.suppress(LabError):
                await self._engine.call(self._engine.api.remove_network, holder.network)

    def close(self) -> None:
        """Make no more; those there are end with everything that carries the owner's label."""
        self._closed = True
        for task in self._making:
            task.cancel()

    def _refill(self) -> None:
        missing = 0 if self._closed else _SPARE - len(self._spare) - len(self._making)
        for _ in range(missing):
            self._making.add(task := asyncio.get_running_loop().create_task(self._make()))
            task.add_done_callback(self._making.discard)

    async def _make(self) -> None:
        with contextlib.suppress(LabError):  # who needs one will meet the same problem, and has somebody to tell
            self._spare.append(await self._hold())

    async def _hold(self) -> Holder:
        api, own = self._engine.api, f"{NAME}-{secrets.token_hex(8)}" if self._one_each else ""
        if own:
            await self._engine.call(partial(api.create_network, own, driver="bridge", labels=self._owner.labels))
        settings = {
            "Image": self.image,
            "Hostname": "sandbox.localdomain",
            "Labels": self._owner.labels,
            "HostConfig": {
                "NetworkMode": own or NAME,
                "ReadonlyRootfs": True,
                "CapDrop": ["ALL"],
                "SecurityOpt": ["no-new-privileges"],
                "LogConfig": {"Type": "none"},
                "IpcMode": "none",
                "PidsLimit": 8,
                "Memory": 16 << 20,
                "ExtraHosts": self._hosts,
            },
        }
        made = ""
        try:
            made = str((await self._engine.call(api.create_container_from_config, settings))["Id"])
            await self._engine.call(api.start, made)
            seen = await self._engine.call(api.inspect_container, made)
            return Holder(made, str(seen["NetworkSettings"]["Networks"][own or NAME]["IPAddress"]), own)
        except BaseException:
            await self.drop(Holder(made, "", own))
            raise

    async def _is_ours(self, holder: Holder) -> bool:
        """Whether the engine's process numbers are this machine's: its cgroups name the container."""
        seen = await self._engine.call(self._engine.api.inspect_container, holder.id)
        return is_here(int(seen["State"]["Pid"]), holder.id)


def is_here(pid: int, container: str) -> bool:
    """Whether process `pid` of this machine is the container's."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def reach(gateway: str, callback: str, *, unix: bool, desktop: bool, podman: bool) -> Reach:
    """How containers reach this machine. `callback` is the setting, empty when there is none.

    Raises `RuntimeUnavailable` when no way is known.
    """
    if callback:
        try:
            address = socket.gethostbyname(callback)
        except OSError:
            address = ""  # a name that only the containers know
        if address and can_listen(address):
            return Reach(address, callback, local=False, identified=False)
        return Reach("0.0.0.0", callback, local=False, identified=False)  # noqa: S104 - only known peers are answered
    if desktop:
        return Reach("127.0.0.1", _HOST, local=False, identified=False)
    if unix and gateway and can_listen(gateway):
        return Reach(gateway, gateway, local=True, identified=True)
    host = "host.containers.internal" if podman else _HOST
    why = f"{gateway or 'its gateway'} is not an address of it" if unix else "the engine is reached over the network"
    raise RuntimeUnavailable(
        f"Containers of the Docker engine have no known way back to this machine: {why}. "
        f"Name the host by which they reach it: LAMBDALAB_DOCKER_CALLBACK={host}, or an IP address."
    )


def can_listen(address: str) -> bool:
    """Whether this machine has the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        try:
            attempt.bind((address, 0))
        except OSError:
            return False
    return True


def _network(api: Any) -> str:
    """The network's gateway; the network is made if it is not there. Blocks."""
    for _ in range(2):
        found = [one for one in api.networks(names=[NAME]) if one["Name"] == NAME]
        if found:
            return _gateway(api.inspect_network(found[0]["Id"]))
        with contextlib.suppress(Exception):  # another region may make it at this moment
            api.create_network(
                NAME,
                driver="bridge",
                check_duplicate=True,
                labels={SHARED: "1"},
                options={"com.docker.network.bridge.enable_icc": "false"},
            )
    raise RuntimeUnavailable(f"The Docker engine did not make the network {NAME!r}: `docker network ls` says what is.")


def _major_minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _gateway(network: Mapping[str, Any]) -> str:
    configurations = (network.get("IPAM") or {}).get("Config") or [{}]
    return str(configurations[0].get("Gateway", ""))
