"""The region's own endpoint for containers: what a function's SDK calls at 127.0.0.1 is not there for it.

Connections are passed on as they are; the region checks the signature of every request.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from urllib.parse import urlsplit

from lambdalab.runtimes.backends.docker.network import Reach

_CHUNK = 1 << 16


class Relay:
    """Listens where containers reach this machine, and passes on to the region's endpoints."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._ports: dict[str, asyncio.Server] = {}

    async def endpoint(self, url: str) -> str:
        """The URL by which a container reaches what this machine calls `url`."""
        parts = urlsplit(url)
        if not _is_loopback(parts.hostname or ""):
            return url
        server = self._ports.get(parts.netloc)
        if server is None:
            host, port = parts.hostname or "", parts.port or 80

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await _pass_on(reader, writer, host, port)

            server = self._ports[parts.netloc] = await asyncio.start_server(serve, self._reach.listen, 0)
        own = server.sockets[0].getsockname()[1]
        return parts._replace(netloc=f"{self._reach.call}:{own}").geturl()

    def close(self) -> None:
        """Listen no more."""
        for server in self._ports.values():
            server.close()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
