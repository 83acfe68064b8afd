"""Where a region listens: on loopback alone, on the port of the home's last region where that is free.

A shell that `lambdalab env` has set up, a client and a Terraform provider go on working when the region starts again.
"""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from lambdalab.store.files import write_private

_LOOPBACK = "127.0.0.1"


def listen(remembered: Path) -> socket.socket:
    """A listening socket. `remembered` is the file that keeps its port for the next region."""
    try:
        listener = _listening(_last(remembered))
    except OSError:  # another program has it now
        listener = _listening(0)
    listener.setblocking(False)
    write_private(remembered, str(listener.getsockname()[1]).encode())
    return listener


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last one's connections may be closing yet
        listener.bind((_LOOPBACK, port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def _last(remembered: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        port = int(remembered.read_text())
        return port if 1024 <= port < 1 << 16 else 0
    return 0
