"""The connection to an engine: found as the docker command finds its own, spoken to from threads.

The SDK is imported when an engine is first looked for; importing it takes longer than a cold start. Its calls
block, so each runs in a thread of this module's own pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import stat
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from lambdalab import extras
from lambdalab.errors import EngineUnavailable, LabError
from lambdalab.runtimes.backends.docker import certificates, problems, tunnel
from lambdalab.runtimes.backends.docker.tunnel import Tunnel

_THREADS = 16
_TIMEOUT = 120
_LOOK_SECONDS = 5
_SETTLING_SECONDS = 5
"""How long calls under way are waited for at the end: but for a pull or a build, which leave nothing of ours, a second
would do."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What an engine says of itself. `architecture` is the kernel's word for it ("x86_64", "aarch64")."""

    url: str
    version: str
    system: str
    architecture: str
    podman: bool
    desktop: bool
    unix: bool

    def __str__(self) -> str:
        return f"{'Podman' if self.podman else 'Docker'} {self.version} on {self.system}"


class Engine:
    """An engine that answered. Made by `connect`; `close` it at the end. `way` is the tunnel to it, if there is one."""

    def __init__(self, api: Any, facts: Facts, way: Tunnel | None = None) -> None:
        self.api = api
        self.facts = facts
        self._way = way
        self._threads = ThreadPoolExecutor(_THREADS, "lambdalab-docker")
        self._background: set[asyncio.Task[None]] = set()
        self._under_way: set[Future[Any]] = set()
        self._finishing = False

    async def call(self, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call of the SDK in a thread. Raises a `LabError` that says what is wrong and what to do."""
        if self._finishing:
            raise EngineUnavailable("The region is ending: it asks the engine for nothing more.")
        return await self._in_thread(partial(what, *args, **kwargs))

    async def _in_thread(self, what: Callable[[], T]) -> T:
        job = self._threads.submit(self._do, what)
        self._under_way.add(job)
        job.add_done_callback(self._under_way.discard)
        try:
            return await asyncio.wrap_future(job)
        except Exception as problem:
            raise problems.explained(problem) from problem

    def _do(self, what: Callable[[], T]) -> T:
        if self._way is not None:
            self._way.keep()
        return what()

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do it in the background. What goes wrong there is nobody's: what is left is found by its label."""
        self._background.add(task := asyncio.get_running_loop().create_task(_quietly(work)))
        task.add_done_callback(self._background.discard)

    async def finish(self, last: Callable[[], T]) -> T:
        """Begin no other call, wait for those under way, and then do the `last`, which finds all that they made.

        A call's thread goes on when nobody waits for it any more: what it makes is there a moment after.
        """
        self._finishing = True
        await asyncio.to_thread(wait, set(self._under_way), _SETTLING_SECONDS)
        return await self._in_thread(last)

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.api.close()
        if self._way is not None:
            self._way.close()


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(LabError):
        await work


def installed() -> bool:
    """Whether the docker package can be imported. Does not import it."""
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("docker") is not None


def connect(environ: Mapping[str, str] = os.environ) -> Engine:
    """The first engine that answers. Blocks. Raises `EngineUnavailable`, with every place that was looked at."""
    if not installed():
        raise EngineUnavailable(f"Docker needs the docker package: {extras.how_to_install('docker')}.")
    tried: list[str] = []
    for place in _places(environ):
        try:
            return _open(place, environ)
        except Exception as problem:  # noqa: BLE001 - every kind of refusal is a reason to look on
            tried.append(f"{shown(place.url)} ({problems.reason(problem)})")
    if not tried:
        raise EngineUnavailable(
            "No Docker engine is on this machine: there is no socket of one, and DOCKER_HOST names none. "
            "Install Docker Engine, Docker Desktop, Colima or Podman, or name one with DOCKER_HOST."
        )
    raise EngineUnavailable(f"No Docker engine answers at {', '.join(tried)}. {problems.way_out(tried)}")


def shown(url: str) -> str:
    """An address without the password that somebody put into it."""
    return re.sub(r":[^:@/]*@", ":***@", url)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an engine may be. `tls` is the docker command's context's own; where None the variables say it."""

    url: str
    tls: Any = None


def _open(place: _Place, environ: Mapping[str, str]) -> Engine:
    from lambdalab.runtimes.backends.docker.sdk import Client  # noqa: PLC0415 - slow to import

    way = Tunnel(place.url) if place.url.startswith(tunnel.SCHEME) else None
    options: dict[str, Any] = {"base_url": f"unix://{way.path}" if way else place.url}
    try:
        if way is None and (tls := place.tls or certificates.find(environ, place.url)):
            options["tls"] = tls
        looking = Client(**options, timeout=_LOOK_SECONDS)
        facts = _facts(looking, place.url)
        looking.close()
        return Engine(Client(**options, timeout=_TIMEOUT, num_pools=4, max_pool_size=64), facts, way)
    except Exception as problem:
        said = way.said if way is not None and problems.is_connection(problem) else ""
        if way is not None:
            way.close()
        if said:
            raise EngineUnavailable(said) from problem
        raise


def present(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether there may be an engine: a setting that names one, or a socket. Asks nobody."""
    return installed() and bool(environ.get("DOCKER_HOST") or any(map(_is_socket, _sockets(environ))))


def _places(environ: Mapping[str, str]) -> Iterator[_Place]:
    """Where an engine may be: DOCKER_HOST alone if it is set, else the docker command's context, else sockets."""
    from docker.context import ContextAPI  # noqa: PLC0415

    if environ.get("DOCKER_HOST"):
        yield _Place(environ["DOCKER_HOST"])
        return
    named = environ.get("DOCKER_CONTEXT") or None
    try:
        context = ContextAPI.get_context(named)
    except Exception:  # noqa: BLE001 - a broken configuration of the docker command's is not ours
        context = None
    if named and context is None:
        raise EngineUnavailable(
            f"DOCKER_CONTEXT is {named!r}, a context that the docker command does not have: `docker context ls` "
            "says which there are."
        )
    if context is not None and context.Name != "default" and context.Host:
        yield _Place(str(context.Host), context.TLSConfig)
    yield from (_Place(f"unix://{path}") for path in _sockets(environ) if _is_socket(path))


def _sockets(environ: Mapping[str, str]) -> list[Path]:
    home = Path(environ.get("HOME", "/"))
    running = environ.get("XDG_RUNTIME_DIR")
    mine = [Path(running, "docker.sock"), Path(running, "podman/podman.sock")] if running else []
    return [
        Path("/var/run/docker.sock"), home / ".docker/run/docker.sock", home / ".colima/default/docker.sock", *mine,
        Path("/run/podman/podman.sock"),
    ]  # fmt: skip


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False


def _facts(api: Any, url: str) -> Facts:
    told, info = api.version(), api.info()
    components = [str(one.get("Name", "")) for one in told.get("Components") or ()]
    system = str(info.get("OperatingSystem", "an unknown system"))
    return Facts(
        url=url,
        version=str(told.get("Version", "")),
        system=system,
        architecture=str(info.get("Architecture") or platform.machine()),
        podman=any("Podman" in name for name in components),
        desktop=system == "Docker Desktop",
        unix=url.startswith("unix://"),
    )
