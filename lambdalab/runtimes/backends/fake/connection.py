"""The connections of a fake sandbox to its environment's port, and how an answer is read from one."""

from __future__ import annotations

import asyncio
import socket


class Connections:
    """Those to the Runtime API at `runtime_api`, host and port. `addresses` are their own ends."""

    def __init__(self, runtime_api: str) -> None:
        self.addresses: set[tuple[str, int]] = set()
        self._runtime_api = runtime_api

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new one."""
        host, _, port = self._runtime_api.rpartition(":")
        # Bound first: the Runtime API asks for the address before this task hears that it is connected.
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind(("127.0.0.1", 0))
        self.addresses.add(connection.getsockname())
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        return await asyncio.open_connection(sock=connection)


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    """The next answer: its status, its headers by their names in small letters, its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split(" ")[1]), headers, content
