"""What goes on in an environment: its state, and an invocation from the event to its end. Records only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, NamedTuple

from lambdalab.engine.response_stream import KeptAnswer, ResponseStream, StreamedAnswer
from lambdalab.model.invocation import Outcome
from lambdalab.runtimes.runtime_event import Event

Reason = Literal["SPINDOWN", "TIMEOUT", "FAILURE"]
"""Why an environment ends, in the words of the SHUTDOWN event."""


class State(Enum):
    """Where an environment is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    STOPPED = "stopped"


class Completion(NamedTuple):
    """How an invocation ended in its environment. `duration_ms` is the handler phase.

    Where extensions take part it runs on until they are done; `extensions_ms` is how long they took after the
    runtime, None while they still do. `held_ms` of it the bandwidth of streams held the response up.
    """

    body: bytes
    outcome: Outcome
    error_type: str | None
    duration_ms: float
    streamed_bytes: int = 0
    extensions_ms: float | None = 0.0
    held_ms: float = 0.0


Answered = Callable[[Completion], None]
"""Called when the runtime has answered while it, or extensions, are still at work; `Done` follows."""
Done = Callable[["Completion | None"], None]
"""Called once, at the end of an invocation; with None when the environment ended before it took the event,
so that the invocation may go to another one."""


class Conclusion(NamedTuple):
    """How an invocation ended, and when (monotonic). `ended` says why the environment ends with it, if it does, and
    `why` what its extensions are told."""

    body: bytes
    outcome: Outcome
    error_type: str | None
    moment: float
    ended: str | None = None
    why: Reason = "FAILURE"


@dataclass(slots=True)
class Running:
    """An invocation in its environment. `timeout` is the function's, `allowed` what is left of it after an init that
    was repeated for this invocation, both in seconds. `start_lines` are logged when the event is handed out;
    `caller` gets an answer in pieces.

    `given`, `handed_out`, `result_at` and `runtime_done` are moments of the monotonic clock; it is `given` where no
    poll waits for it. `result` is the runtime's answer, or its error, until the next poll, and until extensions are
    done; `answered` is called with it where that takes long. `conclusion` is its end until its log is here.
    """

    event: Event
    timeout: int
    allowed: float
    start_lines: Sequence[str]
    done: Done
    caller: ResponseStream | None = None
    answered: Answered | None = None
    answer: KeptAnswer | StreamedAnswer | None = None
    given: float | None = None
    handed_out: float | None = None
    result: Completion | None = None
    result_at: float = 0.0
    runtime_done: float | None = None
    conclusion: Conclusion | None = None

    def completion(self, end: Conclusion, *, extensions_ms: float | None = 0.0) -> Completion:
        """How it ended, as the dispatcher sees it."""
        began = self.handed_out if self.handed_out is not None else end.moment
        # AWS reports a timeout's duration as the limit; how late our own timer fired is not the function's.
        spent = min(end.moment - began, self.allowed)
        answer = self.answer
        streamed, held = (answer.size, answer.held_seconds) if answer is not None else (0, 0.0)
        return Completion(end.body, end.outcome, end.error_type, spent * 1000, streamed, extensions_ms, held * 1000)
