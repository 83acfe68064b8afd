"""What a sandbox leaves for the next one of its environment: its /tmp, which AWS keeps when it ends a runtime.

Where /tmp is a directory the next sandbox is given it. Where it is a mount of the sandbox's own, the mount goes
with its last process, but not what is in it while somebody holds it open: its content is copied into the next
sandbox's before the program runs there.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lambdalab.runtimes.backends import processes, tree_copy
from lambdalab.runtimes.backends.base import Kept
from lambdalab.runtimes.backends.tree_copy import DIRECTORY
from lambdalab.trees import remove_tree

_GATE = 'echo >&3; read -r _ <&3; exec "$0" "$@"'
_CLOSED = " </dev/null 3>&- 4>&-"
_READY_SECONDS = 10.0


class KeptDirectory(Kept):
    """A directory of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._given = False

    def release(self) -> None:
        """Remove it."""
        if not self._given:
            remove_tree(self.path)

    def take(self) -> Path:
        """The directory, which is whose takes it from now on."""
        self._given = True
        return self.path


class KeptMount(Kept):
    """A directory that is held open, whatever has become of the place where it was mounted."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to bring into another sandbox."""
        try:
            return self._fd < 0 or not os.listdir(self._path)  # noqa: PTH208 - a descriptor
        except OSError:
            return True

    def release(self) -> None:
        """Let go of it, and with it of the memory that it takes."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def copy_to(self, place: str) -> None:
        """Copy what is in it to the directory `place`; what the function itself had closed stays behind.

        The last name of `place` is not followed: the function may have put a link there. Raises `OSError`.
        """
        target = os.open(place, DIRECTORY)
        try:
            copying = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", tree_copy.__file__, str(self._fd), str(target), pass_fds=(self._fd, target),
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        finally:
            os.close(target)
        try:
            await copying.wait()
        finally:
            if copying.returncode is None:
                copying.kill()

    @property
    def _path(self) -> str:
        return f"/proc/self/fd/{self._fd}"


def gated(argv: Sequence[str], *, launcher: bool) -> list[str]:
    """The command behind a gate: it says on descriptor 3 that it is there, and waits for a line to go on.

    A `launcher` needs the descriptors itself.
    """
    return ["/bin/sh", "-c", _GATE if launcher else _GATE + _CLOSED, *argv]


async def open_gate(line: socket.socket, child: int, holders: int, kept: KeptMount) -> None:
    """Bring `kept` to the /tmp of a sandbox that waits at its gate, and let it go on.

    The one who waits comes after as many `holders`, from the process `child` down.
    """
    line.setblocking(False)
    with suppress(OSError, TimeoutError):  # it may have ended already, which is told by its exit
        async with asyncio.timeout(_READY_SECONDS):
            if await asyncio.get_running_loop().sock_recv(line, 1):
                waiting = processes.tree(child)[holders:]
                # None of the holders will do: the first one's /tmp is the machine's.
                for pid in waiting[:1]:
                    await kept.copy_to(f"/proc/{pid}/root/tmp")
    kept.release()
    with suppress(OSError):
        line.send(b"go\n")
