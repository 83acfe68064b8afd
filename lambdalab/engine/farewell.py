"""The end of an environment that has extensions, as AWS makes it: in order, and within two seconds.

The runtime gets SIGTERM and a moment; then the external extensions that registered for SHUTDOWN get that event and
the rest of the time; SIGKILL is for what is left. Nobody waits for it but the region's own end, and an init that is
repeated. Without extensions there is no such thing: an environment ends by SIGKILL at once.

Source: `lambda-contract.md` section 17.
"""

from __future__ import annotations

import asyncio

from lambdalab.clock import Clock, Timer
from lambdalab.engine.extensions import Extensions
from lambdalab.engine.running import Reason
from lambdalab.runtimes.backends.base import Sandbox

INTERNAL_SECONDS = 0.5
"""How long an environment with internal extensions only has for its end: all of it is the runtime's."""
EXTERNAL_SECONDS = 2.0
"""The same with external ones; of it the runtime has the first part."""
RUNTIME_SECONDS = 0.3


class Farewell:
    """The end of an environment that has extensions. `over` is done when nothing of it is left to wait for."""

    def __init__(
        self, clock: Clock, sandbox: Sandbox, extensions: Extensions, reason: Reason, *, runtime_lives: bool
    ) -> None:
        self._clock = clock
        self._sandbox = sandbox
        self._extensions = extensions
        self._reason: Reason = reason
        self._runtime_lives = runtime_lives
        self._told = False
        self._seconds = EXTERNAL_SECONDS if extensions.any_external else INTERNAL_SECONDS
        self._timer: Timer | None = None
        self._deadline = 0.0
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """Let everything run again, ask the runtime to end, and go on when it has or has had its time."""
        self._deadline = self._clock.monotonic() + self._seconds
        self._sandbox.begin_invocation()
        self._extensions.telemetry.hurry()
        if not self._runtime_lives:
            self._runtime_gone()
            return
        self._sandbox.terminate_runtime()
        share = RUNTIME_SECONDS if self._extensions.any_external else INTERNAL_SECONDS
        self._timer = self._clock.call_later(share, self._runtime_late)

    def program_ended(self, name: str | None) -> None:
        """The runtime (None) or an extension has ended."""
        if name is not None:
            self._extensions.ended(name)
            if self._told and not self._extensions.expected_to_end():
                self._finish()
        elif self._runtime_lives:
            self._runtime_gone()

    def sandbox_ended(self) -> None:
        """Everything has ended."""
        self._finish()

    def _runtime_late(self) -> None:
        self._sandbox.kill_runtime()
        self._runtime_gone()

    def _runtime_gone(self) -> None:
        self._runtime_lives = False
        self._stop_timer()
        left = max(self._deadline - self._clock.monotonic(), 0.0)
        self._extensions.shut_down(self._reason, self._clock.epoch_ms() + int(left * 1000))
        self._told = True
        if self._extensions.expected_to_end():
            self._timer = self._clock.call_later(left, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        self._stop_timer()
        if not self.over.done():
            self.over.set_result(None)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
