"""The init phase of an environment's life, and the restore phase of a snapshot's: how long one may take, how it ended.

Source: `lambda-contract.md` section 17.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from lambdalab.clock import Clock
from lambdalab.engine import failure
from lambdalab.engine.running import Completion, Reason
from lambdalab.runtimes.backends.base import Exit

AHEAD_INIT_SECONDS = 130.0
"""The init phase's limit for environments that are initialised ahead; a longer timeout of the function's is theirs."""


@dataclass(frozen=True, slots=True)
class InitFailure:
    """An init that did not reach the first poll: AWS's status for INIT_REPORT, and what the runtime said of it.

    `message` is the platform's own, where nothing could be started at all.
    """

    status: str
    error_type: str | None
    body: bytes | None
    end: Exit | None
    message: str | None = None

    @property
    def reason(self) -> Reason:
        """What extensions are told of it."""
        return "TIMEOUT" if self.status == "timeout" else "FAILURE"

    def completion(self, request_id: str, timeout: int, spent_ms: float) -> Completion:
        """The answer to an invocation whose environment could not be initialised, not even the second time."""
        if self.status == "timeout":
            ended = failure.timed_out(request_id, timeout)
        elif self.body is not None:
            return Completion(self.body, "init_error", self.error_type, spent_ms)
        elif self.message is not None:
            ended = failure.not_started(request_id, self.error_type or "", self.message)
        else:
            ended = failure.runtime_exited(request_id, self.end or Exit("stopped"))
        return Completion(ended.body, ended.outcome, ended.error_type, spent_ms)


class InitPhase:
    """One init or one restore. `over` hears once of its end: the milliseconds it took, and why it failed if it did."""

    def __init__(self, clock: Clock, over: Callable[[float, InitFailure | None], None]) -> None:
        self._clock, self._over = clock, over
        self._began = clock.monotonic()
        self._result: asyncio.Future[InitFailure | None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """It begins only now."""
        self._began = self._clock.monotonic()

    def settle(self, why: InitFailure | None) -> None:
        """It has ended, with this result; whoever says so first is right."""
        if not self._result.done():
            self._over((self._clock.monotonic() - self._began) * 1000, why)
            self._result.set_result(why)

    async def wait(self, limit: float, too_late: Callable[[], None]) -> InitFailure | None:
        """Wait for its end; `too_late` is called after `limit` seconds, and has to bring it about."""
        timer = self._clock.call_later(limit, too_late)
        try:
            # Shielded: a caller that goes away does not decide whether the environment lives.
            return await asyncio.shield(self._result)
        finally:
            timer.cancel()
