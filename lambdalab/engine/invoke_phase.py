"""The invoke phase of an environment's life: its invocations, one at a time, from the event to the conclusion.

What the handler's own code may do at any moment (answer twice, hang, speak out of turn) is met here, so that the
dispatcher only ever sees a `Completion`. This is half of the hot path: no task and no future lies on it.

As on AWS an invocation ends when the runtime asks for the next event, and where extensions take part when they all
do, or with what the platform says; its limits hold until then. Runtimes ask at once after they have answered. What
works on has its caller answered meanwhile, and that answer stands whatever comes. It is over once its log is here:
where a backend's log takes a way of its own, that wait (`flush_log`) is no part of its duration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lambdalab.clock import Clock
from lambdalab.engine import failure
from lambdalab.engine.alarm import Alarm
from lambdalab.engine.extensions import Extensions
from lambdalab.engine.failure import Failure
from lambdalab.engine.log_pipe import EnvironmentLog, with_paths
from lambdalab.engine.response_stream import STREAM_LIMIT, Error, KeptAnswer, StreamedAnswer
from lambdalab.engine.running import Conclusion, Reason, Running
from lambdalab.model import limits
from lambdalab.model.invocation import Outcome
from lambdalab.runtimes.backends.base import Exit, Sandbox
from lambdalab.runtimes.runtime_connection import Connection, Source, Stream

_LINGERS_CPU_SECONDS = 0.05
"""What a runtime may take of a vCPU from its answer to its next poll before the caller is answered without the latter:
a caller that is answered sooner may bring its next event before the environment can take it. A shell script starts two
programs between the two."""
_LINGERS_SECONDS = 1.0
"""And no longer than that."""


def lingers_seconds(memory_mb: int) -> float:
    """How long a caller waits for the end of an invocation that has its answer."""
    return min(_LINGERS_CPU_SECONDS * max(limits.MB_PER_CPU / memory_mb, 1.0), _LINGERS_SECONDS)


class Owner(Protocol):
    """The environment, to which an invocation is one of the things that happen."""

    def asked(self) -> None:
        """The runtime asks for an event, and there is no invocation at hand."""

    def concluded(self, end: Conclusion) -> None:
        """The invocation at hand is over, and its dispatcher hears of it next: it may bring another one at once."""

    def drain_log(self) -> None:
        """Take into the log what was written up to now."""


class InvokePhase:
    """The invocation at hand, if there is one, and the runtime's poll that waits for an event, if it does."""

    sandbox: Sandbox
    """There is one from its start on, before anything of it is let in."""

    def __init__(self, clock: Clock, log: EnvironmentLog, owner: Owner, memory_mb: int) -> None:
        self._clock, self._log, self._owner = clock, log, owner
        self._lingers_seconds = lingers_seconds(memory_mb)
        self.extensions: Extensions | None = None
        """Those that are there by now; an environment without extensions has none of this."""
        self.poll: Connection | None = None
        """Where the runtime waits for its next event."""
        self._running: Running | None = None
        self._handed_out = ""
        self._deadline = Alarm(clock, self._due, self._timed_out)
        self._lingering = Alarm(clock, self._lingers, self._tell)

    # -- given, and handed out

    def begin(self, running: Running) -> None:
        """An event for the runtime; `done` is called at its end, from the loop, never from in here."""
        self._running = running
        self.sandbox.begin_invocation()
        if self.poll is not None and not self.poll.closed:
            self._hand_out(running, self.poll)
        else:  # the runtime hung up
            self.poll, running.given = None, self._clock.monotonic()
            self._deadline.set(max(running.allowed, 0.0))

    def _hand_out(self, running: Running, connection: Connection) -> None:
        self.poll = None
        self._log.add(*running.start_lines)
        running.handed_out, self._handed_out = self._clock.monotonic(), running.event.request_id
        self._deadline.set(max(running.allowed, 0.0))
        # The deadline is the handler's: it counts from the moment the event is handed out.
        deadline_ms = self._clock.epoch_ms() + int(running.allowed * 1000)
        if self.extensions is not None:
            self.extensions.invoke(running.event, deadline_ms)
        connection.send_event(running.event, deadline_ms)

    # -- what the runtime says (runtime_api.Listener)

    def polled(self, connection: Connection) -> None:
        """The runtime asks for an event: what came before is over."""
        self.poll = connection
        running = self._running
        if running is None:
            self._owner.asked()
        elif running.handed_out is None:
            self._hand_out(running, connection)
        else:
            self.moved()

    def responded(self, request_id: str, body: bytes, *, too_large: bool) -> bool:
        """The handler's result."""
        if self._current(request_id) is None:
            return False
        if too_large:
            why = failure.response_too_large()
            self._answered(why.body, why.outcome, why.error_type)
        else:
            self._answered(body, "ok", None)
        return True

    def streams(self, request_id: str, content_type: str, source: Source) -> Stream | None:
        """The handler's result, in pieces."""
        running = self._current(request_id)
        if running is None:
            return None

        def ended(body: bytes, too_large: bool, error: Error | None) -> None:
            if self._running is not running:
                return  # it timed out meanwhile
            if error is not None:
                self._answered(self._as_on_aws(error[1]), "error", error[0])
            else:
                self.responded(request_id, body, too_large=too_large)

        def filled() -> None:
            why = failure.response_too_large(STREAM_LIMIT)
            self._fail(why, "the last one was ended: its response passed the limit of streams")

        if running.caller is None:
            running.answer = KeptAnswer(source, ended)
        else:
            running.caller.begin(content_type)
            running.answer = StreamedAnswer(
                running.caller, source, self._clock, lambda error: ended(b"", False, error), filled
            )
        return running.answer

    def failed(self, request_id: str, body: bytes, error_type: str) -> bool:
        """The handler's error, as the runtime's client describes it; Java's writes the stack trace to the log only
        after it has reported the error, before it polls."""
        if self._current(request_id) is None:
            return False
        self._answered(self._as_on_aws(body), "error", error_type)
        return True

    def is_answered(self, request_id: str) -> bool:
        """Whether it is the event handed out last, and its answer is here."""
        return request_id == self._handed_out and self._current(request_id) is None

    def _as_on_aws(self, error: bytes) -> bytes:
        return with_paths(error, self.sandbox.paths)

    def _current(self, request_id: str) -> Running | None:
        """The invocation at hand, if it has this id and waits for its answer."""
        running = self._running
        if running is None or running.handed_out is None or running.event.request_id != request_id:
            return None
        return running if running.conclusion is None and running.result is None else None

    # -- answered, and over

    def _answered(self, body: bytes, outcome: Outcome, error_type: str | None) -> None:
        """The runtime's answer: the invocation ends with the next poll, unless that is here already."""
        running = self._running
        if running is None or running.conclusion is not None or running.result is not None:
            return
        answer = Conclusion(body, outcome, error_type, self._clock.monotonic())
        if self._extensions_take_part:
            running.result = running.completion(answer, extensions_ms=None)
            self._tell()
            self.moved()
        elif self.poll is None:
            running.result, running.result_at = running.completion(answer), answer.moment
            self._lingering.set(self._lingers_seconds)
        else:
            self._complete(body, outcome, error_type)

    @property
    def _extensions_take_part(self) -> bool:
        return self.extensions is not None and self.extensions.take_part

    def _lingers(self) -> float | None:
        running = self._running
        if running is None or running.result is None or running.conclusion is not None:
            return None
        return running.result_at + self._lingers_seconds

    def _tell(self) -> None:
        """Answer the caller, whose invocation is not over yet."""
        running = self._running
        if running is not None and running.result is not None and running.answered is not None:
            answered, running.answered = running.answered, None
            answered(running.result)

    def moved(self) -> None:
        """The runtime or an extension asks for its next event: see whether the invocation is over with that."""
        at_work, running = self.extensions, self._running
        if running is None or self.poll is None or running.result is None or running.conclusion is not None:
            return
        if at_work is not None and at_work.take_part:
            if running.runtime_done is None:
                running.runtime_done = self._clock.monotonic()
                at_work.runtime_done(running, running.result, running.runtime_done)
            if not at_work.registry.at_rest():
                return
        self._complete(running.result.body, running.result.outcome, running.result.error_type)

    def _complete(
        self, body: bytes, outcome: Outcome, error_type: str | None, ended: str | None = None, why: Reason = "FAILURE"
    ) -> None:
        """The invocation has ended, which stands; it is over once its log is here.

        `ended` says why the environment ends with it, if it does.
        """
        running = self._running
        if running is not None and running.conclusion is None:
            running.conclusion = Conclusion(body, outcome, error_type, self._clock.monotonic(), ended, why)
            if running.answer is not None:
                running.answer.stop()
            self.sandbox.flush_log(self._conclude)

    def _conclude(self) -> None:
        """Finish the invocation that has ended, once.

        The environment is idle or stopped before `done` hears of it: it may be given its next event there.
        """
        running = self._running
        if running is None or running.conclusion is None:
            return
        self._running, end = None, running.conclusion
        self.sandbox.end_invocation()
        after = end.moment - running.runtime_done if running.runtime_done is not None else 0.0
        completion = running.completion(end, extensions_ms=after * 1000)
        if self.extensions is not None and running.runtime_done is None:
            self.extensions.runtime_done(running, completion, end.moment)
        self._owner.concluded(end)
        running.done(completion)

    # -- ended by the platform

    def _due(self) -> float | None:
        running = self._running
        if running is None or running.conclusion is not None:
            return None
        began = running.given if running.handed_out is None else running.handed_out
        return None if began is None else began + running.allowed

    def _timed_out(self) -> None:
        running = self._running
        assert running is not None, "something was due"
        if running.handed_out is None:
            running.handed_out = running.given
            self._log.add(*running.start_lines)
        self._owner.drain_log()
        why = failure.timed_out(running.event.request_id, running.timeout)
        self._fail(why, "the last one was ended after a timeout", "TIMEOUT")

    def _fail(self, why: Failure, ended: str, reason: Reason = "FAILURE") -> None:
        """The platform ends the invocation. What the runtime had answered, or reported as an error, goes before."""
        self._tell()
        self._complete(why.body, why.outcome, why.error_type, ended, reason)

    def fail(self, failed: Callable[[str], Failure], ended: str) -> bool:
        """A program's end ends the invocation at hand, and the environment with it. False where none has its event.

        `failed` says of a request id how it failed, `ended` why the environment ends.
        """
        running = self._running
        if running is None or running.handed_out is None or running.conclusion is not None:
            return False
        self._fail(failed(running.event.request_id), ended)
        return True

    def take_back(self) -> Running | None:
        """The invocation whose event the runtime never got, which may go to another environment; None if it did."""
        running = self._running
        if running is None or running.handed_out is not None:
            return None
        self._running = None
        return running

    def stop(self, ended: str) -> None:
        """The environment has ended, for this reason, and with it what it still had at hand."""
        self._deadline.cancel()
        self._lingering.cancel()
        running = self._running
        if running is not None:
            self._fail(failure.runtime_exited(running.event.request_id, Exit("stopped")), ended)
            self._conclude()
