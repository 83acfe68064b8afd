"""One execution environment: a sandbox, its Runtime API, and the life between init and the end.

States go one way but for the middle: `starting -> idle (frozen) -> busy -> idle ... -> stopped`. One
invocation at a time. What the handler's own code may do at any moment (answer twice, exit, hang, speak out
of turn) is met here, so that the dispatcher only ever sees a `Completion`.

A completed invocation frees the environment at once, although the runtime needs a moment until it polls
again: an event given meanwhile waits for that poll. Freezing waits a few milliseconds longer, so that a
function under load is not stopped and continued between back-to-back calls.

Nothing is over before its log is here: where a backend's log takes a way of its own, an init and an invocation
end once the sandbox says that all of it has come (`flush_log`). That wait is no part of a duration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from lambdalab.clock import Clock, Timer
from lambdalab.engine import failure
from lambdalab.engine.failure import Failure
from lambdalab.engine.log_pipe import EnvironmentLog, LogPipe
from lambdalab.engine.response_stream import ResponseStream, StreamedAnswer
from lambdalab.model.invocation import Fidelity, Outcome
from lambdalab.runtimes.backends.base import Backend, CannotStart, Exit, Place, Sandbox, SandboxSpec
from lambdalab.runtimes.runtime_api import Connection, Event, RuntimeApi, Stream

FREEZE_AFTER_SECONDS = 0.01
INIT_SECONDS = 10.0
"""The init phase's limit for on-demand environments (`lambda-contract.md` section 17)."""
PROVISIONED_INIT_SECONDS = 130.0
"""The same for provisioned ones; a longer timeout of the function's is their limit."""


TASK_ROOT = "/var/task"


class State(Enum):
    """Where an environment is in its life."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    STOPPED = "stopped"


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


@dataclass(frozen=True, slots=True)
class Completion:
    """How an invocation ended in its environment. `duration_ms` is the handler phase."""

    body: bytes
    outcome: Outcome
    error_type: str | None
    duration_ms: float
    streamed_bytes: int = 0


Done = Callable[["Completion | None"], None]
"""Called once, at the end of an invocation; with None when the environment ended before it took the event,
so that the invocation may go to another one."""


@dataclass(frozen=True, slots=True)
class _Conclusion:
    """How an invocation ended, and when (monotonic); `ended` says why the environment ends with it, if it does."""

    body: bytes
    outcome: Outcome
    error_type: str | None
    moment: float
    ended: str | None


@dataclass(slots=True)
class _Running:
    event: Event
    timeout: int
    allowed: float
    start_lines: Sequence[str]
    done: Done
    caller: ResponseStream | None = None
    answer: StreamedAnswer | None = None
    handed_out: float | None = None
    reported: tuple[bytes, str] | None = None
    conclusion: _Conclusion | None = None


class ExecutionEnvironment:
    """One environment. Made by the dispatcher; `initialise`, then `invoke` again and again, then `stop`."""

    def __init__(
        self, environment_id: str, log_stream: str, clock: Clock, log: EnvironmentLog, *, provisioned: bool = False
    ) -> None:
        self.id = environment_id
        self.log_stream = log_stream
        self.state = State.STARTING
        self.calls = 0
        self.idle_since = 0.0
        self.provisioned = provisioned
        self.retired = False
        self.ended: str | None = None
        self.on_stop: Callable[[], None] = lambda: None
        """Called once, when it has been stopped."""
        self._clock = clock
        self.log = log
        self._pipe: LogPipe | None = None
        self._api = RuntimeApi(self)
        self._ready: asyncio.Future[InitFailure | None] = asyncio.get_running_loop().create_future()
        self._poll: Connection | None = None
        self._running: _Running | None = None
        self._freeze_timer: Timer | None = None
        self._deadline_timer: Timer | None = None
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox; there is one from `initialise` on."""
        assert self._sandbox is not None, "initialise() comes first"
        return self._sandbox

    @property
    def fidelity(self) -> Fidelity | None:
        """What its sandbox enforces; None when nothing was ever started."""
        return self._sandbox.fidelity if self._sandbox is not None else None

    # -- init

    async def open(self, place: Place) -> str:
        """Open the Runtime API's port and return its address, which the function's variables name."""
        await self._api.start(place.listen, place.call)
        return self._api.address

    async def initialise(self, backend: Backend, spec: SandboxSpec, limit: float | None = None) -> InitFailure | None:
        """Start the sandbox and wait for the first poll: None, or why init failed. `limit` in seconds, 10 unless told.

        Raises what the backend raises when nothing could be started.
        """
        try:
            self._sandbox = await backend.start(spec)
        except CannotStart as why:
            return InitFailure("error", why.error_type, None, None, str(why))
        self._pipe = LogPipe(self._sandbox.log_fd, self.log)
        self._api.let_in(self._sandbox.owns_connection)
        self._sandbox.exited.add_done_callback(self._sandbox_ended)
        timer = self._clock.call_later(INIT_SECONDS if limit is None else limit, self._init_timed_out)
        try:
            # Shielded: a caller that goes away does not decide whether the environment lives.
            return await asyncio.shield(self._ready)
        finally:
            timer.cancel()

    def _init_timed_out(self) -> None:
        self.sandbox.flush_log(lambda: self._fail_init(InitFailure("timeout", None, None, None)))

    def _fail_init(self, why: InitFailure) -> None:
        if not self._ready.done():
            self._ready.set_result(why)

    # -- invocations

    def invoke(
        self,
        event: Event,
        timeout: int,
        start_lines: Sequence[str],
        done: Done,
        *,
        spent: float = 0.0,
        caller: ResponseStream | None = None,
    ) -> None:
        """Give the environment an event; `done` is called at its end, from the loop, never from in here.

        `timeout` is the function's, `spent` what an init repeated for this invocation took of it, both in
        seconds. `start_lines` are logged when the event is handed out. `caller` gets an answer in pieces.
        """
        self.state = State.BUSY
        self.calls += 1
        self._running = _Running(event, timeout, timeout - spent, start_lines, done, caller)
        self.sandbox.begin_invocation()
        if self._poll is not None:
            self._hand_out(self._poll)

    def _hand_out(self, connection: Connection) -> None:
        running = self._running
        assert running is not None
        self._poll = None
        self.log.add(*running.start_lines)
        running.handed_out = self._clock.monotonic()
        if self._deadline_timer is None:
            self._deadline_timer = self._clock.call_later(max(running.allowed, 0.0), self._deadline_passed)
        # The deadline is the handler's: it counts from the moment the event is handed out.
        connection.send_event(running.event, self._clock.epoch_ms() + int(running.allowed * 1000))

    def _deadline_passed(self) -> None:
        """The deadline of some invocation passed. The timer is kept over invocations, for a cancelled timer
        on each of thousands a second costs more than one that fires early and is set again."""
        self._deadline_timer = None
        running = self._running
        if running is None or running.handed_out is None or running.conclusion is not None:
            return
        left = running.handed_out + running.allowed - self._clock.monotonic()
        if left > 0:
            self._deadline_timer = self._clock.call_later(left, self._deadline_passed)
        else:
            self._timed_out(running)

    def _timed_out(self, running: _Running) -> None:
        self.drain_log()
        ended = "the last one was ended after a timeout"
        if running.reported is not None:
            self._complete_reported(running.reported, ended)
        else:
            self._complete_failed(failure.timed_out(running.event.request_id, running.timeout), ended)

    def _complete_failed(self, why: Failure, ended: str | None = None) -> None:
        self._complete(why.body, why.outcome, why.error_type, ended)

    def _complete(self, body: bytes, outcome: Outcome, error_type: str | None, ended: str | None = None) -> None:
        """The invocation has ended, which stands; it is over once its log is here.

        `ended` says why the environment ends with it, if it does.
        """
        running = self._running
        if running is not None and running.conclusion is None:
            running.conclusion = _Conclusion(body, outcome, error_type, self._clock.monotonic(), ended)
            self.sandbox.flush_log(self._conclude)

    def _conclude(self) -> None:
        """Finish the invocation that has ended, once.

        The environment is idle or stopped before `done` hears of it: it may be given its next event there.
        """
        running = self._running
        if running is None or running.conclusion is None:
            return
        self._running, conclusion = None, running.conclusion
        self.sandbox.end_invocation()
        if conclusion.ended is not None:
            self.stop(conclusion.ended)
        elif self.state is State.BUSY:
            self.state = State.IDLE
            self.idle_since = self._clock.monotonic()
            self._freeze_soon()
        began = running.handed_out if running.handed_out is not None else conclusion.moment
        # AWS reports a timeout's duration as the limit; how late our own timer fired is not the function's.
        spent = min(conclusion.moment - began, running.allowed)
        streamed = running.answer.size if running.answer is not None and running.caller is not None else 0
        running.done(Completion(conclusion.body, conclusion.outcome, conclusion.error_type, spent * 1000, streamed))

    def max_memory_mb(self) -> int:
        """The most memory it held, in MB, measured; 0 when nothing was ever started."""
        return self._sandbox.max_memory_mb() if self._sandbox is not None else 0

    def drain_log(self) -> None:
        """Take into the log what the function has written up to now."""
        if self._pipe is not None:
            self._pipe.drain()

    # -- what the runtime says (runtime_api.Listener)

    def polled(self, connection: Connection) -> None:
        """The runtime asks for an event: init is over, or the last invocation's phase is."""
        self._poll = connection
        if self.state is State.STARTING:
            self.sandbox.flush_log(self._initialised)
        elif self._running is not None and self._running.handed_out is None:
            self._hand_out(connection)
        elif self._running is not None and self._running.reported is not None:
            self._complete_reported(self._running.reported)
        else:
            self._freeze_soon()

    def _initialised(self) -> None:
        if self.state is State.STARTING:
            self.state = State.IDLE
            self.idle_since = self._clock.monotonic()
            if not self._ready.done():
                self._ready.set_result(None)
            self._freeze_soon()

    def _freeze_soon(self) -> None:
        if self._freeze_timer is None and self.state is State.IDLE and self._poll is not None:
            self._freeze_timer = self._clock.call_later(FREEZE_AFTER_SECONDS, self._freeze)

    def _freeze(self) -> None:
        """Freeze what has been idle for the whole wait; what was used meanwhile waits again."""
        self._freeze_timer = None
        if self.state is not State.IDLE or self._poll is None:
            return
        left = self.idle_since + FREEZE_AFTER_SECONDS - self._clock.monotonic()
        if left > 0:
            self._freeze_timer = self._clock.call_later(left, self._freeze)
        else:
            self.drain_log()
            self.sandbox.freeze()

    def responded(self, request_id: str, body: bytes, *, too_large: bool) -> bool:
        """The handler's result."""
        if not self._is_current(request_id):
            return False
        if too_large:
            self._complete_failed(failure.response_too_large())
        else:
            self._complete(body, "ok", None)
        return True

    def streams(self, request_id: str, content_type: str) -> Stream | None:
        """The handler's result, in pieces."""
        if not self._is_current(request_id):
            return None
        running = self._running
        assert running is not None

        def ended(body: bytes, too_large: bool, error: tuple[str, bytes] | None) -> None:
            if self._running is not running:
                return  # it timed out meanwhile
            if error is not None:
                self._complete(self._at_task_root(error[1]), "error", error[0])
            else:
                self.responded(request_id, body, too_large=too_large)

        running.answer = StreamedAnswer(running.caller, content_type, ended)
        return running.answer

    def failed(self, request_id: str, body: bytes, error_type: str) -> bool:
        """The handler's error, as the runtime's client describes it. The invocation ends with the next poll, as on
        AWS: Java's client writes the stack trace to the log only after it has reported the error."""
        running = self._running
        if running is None or not self._is_current(request_id) or running.reported is not None:
            return False
        running.reported = (self._at_task_root(body), error_type)
        return True

    def _complete_reported(self, reported: tuple[bytes, str], ended: str | None = None) -> None:
        self._complete(reported[0], "error", reported[1], ended)

    def init_failed(self, body: bytes, error_type: str) -> None:
        """The runtime could not load the handler, and says why; its process ends next."""
        why = InitFailure("error", error_type, self._at_task_root(body), None)
        self.sandbox.flush_log(lambda: self._fail_init(why))

    def _at_task_root(self, error: bytes) -> bytes:
        """The error with AWS's paths in its stack, where a backend could not give the process those paths."""
        root = self.sandbox.task_root
        return error if root == TASK_ROOT else error.replace(root.encode(), TASK_ROOT.encode())

    def _is_current(self, request_id: str) -> bool:
        running = self._running
        if running is None or running.handed_out is None or running.conclusion is not None:
            return False
        return running.event.request_id == request_id

    # -- the end

    def _sandbox_ended(self, ended: asyncio.Future[Exit]) -> None:
        end = ended.result()
        error_type = "Runtime.OutOfMemory" if end.reason == "out_of_memory" else "Runtime.ExitError"
        self._fail_init(InitFailure("error", error_type, None, end))
        why = "the last one ended: " + failure.describe_exit(end)
        running = self._running
        if running is None:
            self.stop(why)
        elif running.handed_out is None:
            self._running = None
            self.stop(why)
            running.done(None)
        elif running.conclusion is not None:
            self.stop(why)
        elif running.reported is not None:
            self._complete_reported(running.reported, why)
        else:
            self._complete_failed(failure.runtime_exited(running.event.request_id, end), ended=why)

    def stop(self, why: str) -> None:
        """End it now, whatever it does; harmless when done twice. `why` explains the next cold start."""
        if self.state is State.STOPPED:
            return
        self.state = State.STOPPED
        self.ended = why
        for timer in (self._freeze_timer, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        self._api.close()
        if self._sandbox is not None:
            self._sandbox.stop()
        if self._pipe is not None:
            self._pipe.close()
        self._fail_init(InitFailure("error", None, None, None))
        if self._running is not None:
            self._complete_failed(failure.runtime_exited(self._running.event.request_id, Exit("stopped")))
            self._conclude()
        self.on_stop()
