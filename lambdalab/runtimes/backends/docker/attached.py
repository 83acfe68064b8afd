"""Connections to a program in a container, as the SDK gives them: what it writes, and words to it.

Read on the loop where that can be, else by a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from lambdalab.runtimes.backends.docker.engine import Engine

_CHUNK = 1 << 16


def own_socket(attached: Any) -> socket.socket | None:
    """A descriptor of our own, for the SDK's response closes its own when nobody holds it any more.

    None where the connection is none of the kernel's alone: TLS, SSH.
    """
    if isinstance(attached, ssl.SSLSocket) or not hasattr(attached, "fileno"):
        return None
    return socket.socket(fileno=os.dup(attached.fileno()))


class Words:
    """Words to a container's first program, by its standard input. `connect` before it is started."""

    def __init__(self) -> None:
        self._attached: Any = None
        self._socket: socket.socket | None = None

    async def connect(self, engine: Engine, container: str) -> None:
        """Take the standard input of a container that was made for it."""
        self._attached = await engine.call(engine.api.attach_socket, container, {"stdin": 1, "stream": 1})
        self._socket = own_socket(self._attached)

    def say(self, word: str) -> None:
        """A line of a few bytes, which the connection always has room for."""
        to = self._socket or self._attached
        if to is not None:
            with contextlib.suppress(OSError):
                to.send(f"{word}\n".encode())

    def close(self) -> None:
        """Hang up, which ends the standard input; harmless when done twice."""
        for one in (self._socket, self._attached):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.close()
        self._socket = self._attached = None


class Reader:
    """Reads what `attach_socket` or `exec_start` returned: `take` gets what comes, and nothing at the end."""

    def __init__(self, attached: Any, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._paused = False
        self._socket = own_socket(attached)
        if self._socket is None:
            threading.Thread(target=self._read_blocking, args=(attached,), daemon=True).start()
        else:
            self._socket.setblocking(False)
            self._loop.add_reader(self._socket, self._read)

    def pause(self, *, paused: bool) -> None:
        """Read no more for now, or read on; a thread reads on."""
        if self._socket is None or paused == self._paused:
            return
        self._paused = paused
        if paused:
            self._loop.remove_reader(self._socket)
        else:
            self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Read no more; harmless when done twice."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
        self._take(data)

    def _read_blocking(self, attached: Any) -> None:
        receive = getattr(attached, "recv", None) or attached.read
        while True:
            try:
                data = bytes(receive(_CHUNK))
            except OSError:
                data = b""
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._take, data)
            if not data or self._loop.is_closed():
                return
