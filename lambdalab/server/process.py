"""Putting a region together and running it: store, engine, gateway, uvicorn, on uvloop's event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import uvicorn
import uvloop

import lambdalab.api.families  # noqa: F401 - they register their operations
from lambdalab.api import collecting, concurrency, starting, versions
from lambdalab.api.gateway import Gateway
from lambdalab.api.http import Held, HttpProtocol
from lambdalab.api.lifecycle import Lifecycle
from lambdalab.api.region import Region
from lambdalab.api.signature import Credentials
from lambdalab.clock import LabClock, SystemClock
from lambdalab.config import Settings
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.provisioning import Provisioning
from lambdalab.engine.room import Room, machine
from lambdalab.runtimes.backends import probe
from lambdalab.runtimes.backends.docker.backend import DockerSettings
from lambdalab.runtimes.backends.supervisor import Supervisor
from lambdalab.server import ending, keys, signals
from lambdalab.server.listening import listen
from lambdalab.server.ready import Ready
from lambdalab.sources.aws import AwsServices
from lambdalab.sources.child import Child
from lambdalab.store.attachments import AttachmentStore
from lambdalab.store.database import Database
from lambdalab.store.files import write_private
from lambdalab.store.functions import FunctionStore
from lambdalab.store.layers import LayerStore
from lambdalab.store.packages import PackageStore
from lambdalab.store.sealing import Sealer
from lambdalab.store.shelf import Shelf
from lambdalab.trees import remove_tree
from lambdalab.version import __version__

_COLLECT_EVERY = 20_000
"""Objects between two looks of the collector: an invocation makes some fifty, and no cycles."""
_REMOVING_SECONDS = 5.0
_log = logging.getLogger("lambdalab.server")


def run(settings: Settings, supervisor: Supervisor, ready: Ready) -> None:
    """Run the region until it ends. Blocks. Raises `LabError` when it cannot start."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with contextlib.ExitStack() as last:
        if "LAMBDALAB_OWNER_FD" in os.environ:
            # An isolated lab's home ends with it, also when its owner could not clean up.
            last.callback(remove_tree, settings.home, _REMOVING_SECONDS)
        # Its loop is C: a warm call costs the region less of the processor than on asyncio's own.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, supervisor, ready, last))


async def _serve(settings: Settings, supervisor: Supervisor, ready: Ready, last: contextlib.ExitStack) -> None:
    """Run the region. `last` is closed when no task is left that could write: in it are the database and the logs."""
    clock = SystemClock()
    _allow_many_files()
    pairs = keys.load_or_make(settings.credentials_file, settings.account)
    listener = listen(settings.home / "port")
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    await supervisor.attach()
    clients, sandboxes = settings.home / "clients", settings.home / "sandboxes"
    docker = DockerSettings(settings.home, clients, settings.images, settings.docker_callback, may_pull=settings.pull)
    backend, isolation = await probe.prepare(settings.backend, clock, supervisor, clients, sandboxes, docker)
    database = Database(settings.home / "region.db")
    last.callback(database.close)
    functions = FunctionStore(database, Sealer(settings.home / "environment.key"))
    functions.forget_copies()
    unsettled = functions.settle_all()
    packages = PackageStore(settings.home / "packages")
    logs = LogStore(settings.home / "logs", clock)
    last.callback(logs.flush)
    environments = Environments(
        backend,
        clock,
        logs,
        packages,
        access=_function_access(pairs.function, endpoint),
        keep_warm_seconds=settings.keep_warm_seconds,
        lifetime_seconds=settings.lifetime_seconds,
        room=Room(machine),
    )
    dispatcher = Dispatcher(environments, clock)
    child = Child(settings, clock, endpoint, _function_access(pairs.function, endpoint))
    lifecycle = Lifecycle(clock, settings.idle_seconds)
    supervisor.on_end = partial(lifecycle.end, "the end of its sandboxes' supervisor")
    signals.heed(lifecycle.end)  # nothing was made yet that a death by a signal would leave behind
    region = Region(
        settings,
        clock,
        LabClock(clock, settings.clock_rate, settings.clock_ahead),
        functions,
        AttachmentStore(database),
        LayerStore(database),
        Shelf(database),
        packages,
        environments,
        dispatcher,
        Provisioning(environments, dispatcher.admission),
        logs,
        child,
        AwsServices(child, settings.account, settings.region),
        lifecycle,
        endpoint,
        isolation,
        _locator(pairs.person, endpoint, settings.region),
    )
    environments.cold_starts.before_start = partial(starting.before_start, region)
    collecting.begin(region)
    concurrency.restore(region)
    versions.restore(region, unsettled)
    known = {
        pair.access_key_id: Credentials(pair.access_key_id, pair.secret_access_key, pair.account)
        for pair in (pairs.person, pairs.function)
    }
    server = _HttpServer(Gateway(region, known), lifecycle)
    # What was made up to here lives as long as the region: the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 20)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    _announce(settings, pairs.person, endpoint)
    _watch_owner(lifecycle)
    ready.ready()
    _log.info("ready at %s, home %s, backend %s", endpoint, settings.home, backend.name)
    try:
        await asyncio.wait({serving, asyncio.create_task(lifecycle.ending.wait())}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ending.end(region, server, serving, backend, supervisor)


class _HttpServer(uvicorn.Server):
    """uvicorn, quiet and lean: what AWS does not send costs time on every answer."""

    def __init__(self, app: Gateway, lifecycle: Lifecycle) -> None:
        super().__init__(
            uvicorn.Config(
                cast("Any", app),  # its own protocol calls it, not ASGI
                http=cast("Any", partial(HttpProtocol, Held(), lifecycle)),
                ws="none",
                loop="asyncio",
                lifespan="off",
                proxy_headers=False,
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=300,
                timeout_graceful_shutdown=1,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them: uvicorn would send itself what it caught once more before the region has ended (`signals`)."""
        yield


def _allow_many_files() -> None:
    """An environment needs some ten descriptors; five hundred of them are more than a process may have at first."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _locator(pair: keys.KeyPair, endpoint: str, region: str) -> Callable[[str], str]:
    """Presigned links to packages, made by botocore as a client would make them."""

    def locate(sha256: str) -> str:
        from botocore.auth import SigV4QueryAuth  # noqa: PLC0415 - slow to import, seldom needed
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.credentials import Credentials as Signer  # noqa: PLC0415

        request = AWSRequest("GET", f"{endpoint}/_lambdalab/code", params={"sha256": sha256})
        signer = Signer(pair.access_key_id, pair.secret_access_key)
        SigV4QueryAuth(signer, "lambdalab", region, expires=600).add_auth(request)
        return str(request.url)

    return locate


def _function_access(pair: keys.KeyPair, endpoint: str) -> dict[str, str]:
    """What lets a function's SDK reach this region, as the role's credentials do on AWS."""
    return {
        "AWS_ACCESS_KEY_ID": pair.access_key_id,
        "AWS_SECRET_ACCESS_KEY": pair.secret_access_key,
        "AWS_SESSION_TOKEN": pair.token,
        "AWS_ENDPOINT_URL": endpoint,
    }


def _announce(settings: Settings, pair: keys.KeyPair, endpoint: str) -> None:
    document = {
        "endpoint": endpoint,
        "pid": os.getpid(),
        "access_key_id": pair.access_key_id,
        "secret_access_key": pair.secret_access_key,
        "account": settings.account,
        "region": settings.region,
        "version": __version__,
        "started_at": int(SystemClock().now().timestamp() * 1000),
    }
    write_private(settings.region_file, json.dumps(document, indent=2).encode())


def _watch_owner(lifecycle: Lifecycle) -> None:
    """An isolated region ends when its owner does: the pipe from it closes."""
    text = os.environ.get("LAMBDALAB_OWNER_FD")
    if text is not None:
        fd, loop = int(text), asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(fd)
            lifecycle.end("its owner has ended")

        loop.add_reader(fd, gone)
