"""The region's end in order: the same way whoever asks for it, a client, a signal, its owner's end, or nobody for long.

The order is that of what depends on what. Nobody finds the region any more, and no call begins; what runs is ended,
and its last lines are read, an extension's farewell included; these lines are written; only then come the process that
serves the rest of AWS, and what is on an engine. The database is closed by `process.run`, when no task is left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable

import uvicorn

from lambdalab.api.region import Region
from lambdalab.runtimes.backends.base import Backend
from lambdalab.runtimes.backends.supervisor import Supervisor

_log = logging.getLogger("lambdalab.server")


async def end(
    region: Region, server: uvicorn.Server, serving: asyncio.Task[None], backend: Backend, supervisor: Supervisor
) -> None:
    """End everything of the region's. Raises what the server failed with, if that is why it ends."""
    _log.info("ending: %s", region.lifecycle.why or "the server failed")
    region.settings.region_file.unlink(missing_ok=True)
    server.should_exit = True
    region.provisioning.close()
    region.dispatcher.snapshots.close()
    region.environments.close()
    await asyncio.wait({serving})
    await _whatever_comes(region.environments.closed())
    # Whoever asked may be more patient with us than with what follows: `docker stop` kills after ten seconds.
    region.logs.flush()
    await _whatever_comes(region.child.close())
    await _whatever_comes(backend.close())
    await _whatever_comes(supervisor.close())
    _log.info("ended after %d requests", region.lifecycle.requests)
    serving.result()


async def _whatever_comes(step: Awaitable[None]) -> None:
    """One step: its failure is told in the log and keeps no other from being done."""
    try:
        await step
    except Exception:  # noqa: BLE001 - whatever it is, the rest has to end
        _log.exception("the region's end was not all in order")
