"""What an ended environment leaves for the case that it begins again: AWS keeps /tmp when it ends a runtime."""

from __future__ import annotations

import asyncio

from lambdalab.runtimes.backends.base import Kept, Sandbox

ENDING_SECONDS = 5.0
"""How long the processes of a sandbox may take to be gone once they were killed."""


class Leftover:
    """`wanted` once the environment ended by a failure or a timeout, until somebody has taken or forgotten it."""

    def __init__(self) -> None:
        self.wanted = False
        self._kept: Kept | None = None
        self._sandbox: Sandbox | None = None

    def keep(self, sandbox: Sandbox) -> None:
        """Before the sandbox is stopped: keep what it has, if that is wanted."""
        if self.wanted:
            self._kept, self._sandbox = sandbox.keep(), sandbox

    async def take(self) -> Kept | None:
        """What was kept, once nothing of the sandbox changes it any more; it is the caller's now."""
        if self._kept is not None and self._sandbox is not None:
            await asyncio.wait({self._sandbox.exited}, timeout=ENDING_SECONDS)
        kept, self._kept, self.wanted = self._kept, None, False
        return kept

    def forget(self) -> None:
        """The environment will not begin again: let go of what was kept."""
        self.wanted = False
        if self._kept is not None:
            self._kept.release()
            self._kept = None
