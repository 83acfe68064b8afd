"""One execution environment: a sandbox, its Runtime API, and the life between init and the end.

States go one way but for the middle: `starting -> idle (frozen) -> busy -> idle ... -> stopped`. One
invocation at a time. What the handler's own code may do at any moment (answer twice, exit, hang, speak out
of turn) is met here, so that the dispatcher only ever sees a `Completion`.

A completed invocation frees the environment at once, although the runtime needs a moment until it polls
again: an event given meanwhile waits for that poll. Freezing waits a few milliseconds longer, so that a
function under load is not stopped and continued between back-to-back calls.

With extensions it is otherwise, as on AWS. Init is over when the runtime and all extensions ask for an event; an
invocation in which some take part, when they all ask for the next, though its caller has the answer before.

An environment of SnapStart's waits after its init as a snapshot: its runtime has asked to be restored, where it knows
how to, and everything is frozen. `restore` thaws it and answers; with the runtime's asking for an event it is restored.

Nothing is over before its log is here: where a backend's log takes a way of its own, an init and an invocation
end once the sandbox says that all of it has come (`flush_log`). That wait is no part of a duration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lambdalab.clock import Clock, Timer
from lambdalab.engine import extensions, failure
from lambdalab.engine.extensions import Extensions, Phase
from lambdalab.engine.failure import Failure
from lambdalab.engine.farewell import Farewell
from lambdalab.engine.leftover import Leftover
from lambdalab.engine.log_pipe import EnvironmentLog, LogPipe, with_paths
from lambdalab.engine.response_stream import STREAM_LIMIT, Error, KeptAnswer, StreamedAnswer
from lambdalab.engine.running import Conclusion, InitFailure, Reason, Running, State
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import ON_DEMAND, PROVISIONED, SNAP_START, Fidelity, Outcome
from lambdalab.model.snapstart import RESTORE_SECONDS
from lambdalab.runtimes.backends.base import Backend, CannotStart, Exit, Place, Sandbox, SandboxSpec
from lambdalab.runtimes.extensions_api import ExtensionsApi
from lambdalab.runtimes.runtime_api import Connection, RuntimeApi, Source, Stream

FREEZE_AFTER_SECONDS = 0.01
INIT_SECONDS = 10.0
"""The init phase's limit for on-demand environments (`lambda-contract.md` section 17)."""
AHEAD_INIT_SECONDS = 130.0
"""The same for those that are initialised ahead; a longer timeout of the function's is their limit."""


class ExecutionEnvironment:
    """One environment. `initialise`, then `invoke` again and again, then `stop`; `leaving` keeps an end that lasts."""

    def __init__(
        self,
        environment_id: str,
        log_stream: str,
        clock: Clock,
        log: EnvironmentLog,
        version: FunctionVersion,
        *,
        leaving: set[asyncio.Future[None]],
        initialization: str = ON_DEMAND,
        repeated: bool = False,
    ) -> None:
        self.id = environment_id
        self.log_stream = log_stream
        self.state = State.STARTING
        self.calls, self.idle_since, self.answered = 0, 0.0, 0.0
        self.initialization, self.is_snapshot = initialization, initialization == SNAP_START
        self.retired = self._runtime_ended = self._restoring = False
        self.left = Leftover()
        self.ended: str | None = None
        self.on_stop: Callable[[], None] = lambda: None
        """Called once, when nothing of it runs any more."""
        self._clock = clock
        self.log = log
        self.extensions: Extensions | None = None
        self._version, self._leaving, self._repeated = version, leaving, repeated
        self.born = self._began = clock.monotonic()
        self._api = RuntimeApi(self, self._extensions_api)
        self._pipe: LogPipe | None = None
        self._farewell: Farewell | None = None
        self._ready: asyncio.Future[InitFailure | None] = asyncio.get_running_loop().create_future()
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poll: Connection | None = None
        self._restore_poll: Connection | None = None
        self._running: Running | None = None
        self._handed_out = ""
        self._freeze_timer: Timer | None = None
        self._deadline_timer: Timer | None = None
        self._sandbox: Sandbox | None = None

    @property
    def sandbox(self) -> Sandbox:
        """There is one from `initialise` on."""
        assert self._sandbox is not None, "initialise() comes first"
        return self._sandbox

    @property
    def provisioned(self) -> bool:
        """Whether it is one of provisioned concurrency's."""
        return self.initialization == PROVISIONED

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
            self.log.add(*extensions.launch_lines(self._version, why, self._clock.now()))
            return InitFailure("error", why.error_type, None, None, str(why))
        self._pipe = LogPipe(self._sandbox.log_fd, self.log, paths=self._sandbox.paths)
        if self._sandbox.extensions:
            self._sandbox.on_program_end = self._program_ended
            self._extensions_api()
        if self.state is State.STOPPED:  # ended while it was being started
            self._sandbox.stop()
        self._api.let_in(self._sandbox.owns_connection)
        self._sandbox.exited.add_done_callback(self._sandbox_ended)
        return await self._readiness(INIT_SECONDS if limit is None else limit)

    async def _readiness(self, limit: float) -> InitFailure | None:
        """Wait for the poll that ends an init or a restore, `limit` seconds at most."""
        late = InitFailure("timeout", None, None, None)
        timer = self._clock.call_later(limit, lambda: self._flush_and_fail(late))
        try:
            # Shielded: a caller that goes away does not decide whether the environment lives.
            return await asyncio.shield(self._ready)
        finally:
            timer.cancel()

    async def restore(self) -> InitFailure | None:
        """Thaw a snapshot and wait until its runtime asks for an event: None, or why it did not.

        From then on it is an environment like others. `answered` is the moment after the thaw.
        """
        self.is_snapshot, self._restoring, self.state = False, True, State.STARTING
        self._began = self._clock.monotonic()
        self._ready = asyncio.get_running_loop().create_future()
        if self.extensions is not None:
            self.extensions.restore_begins()
        self.sandbox.begin_invocation()
        self.answered = self._clock.monotonic()
        waiting, self._restore_poll = self._restore_poll, None
        if waiting is not None:
            waiting.reply(200, b"", {})
        elif self._poll is not None:  # a runtime without such hooks: it has asked for its event already
            self.polled(self._poll)
        return await self._readiness(RESTORE_SECONDS)

    def _flush_and_fail(self, why: InitFailure) -> None:
        self.sandbox.flush_log(lambda: self._settle_init(why))

    def _settle_init(self, why: InitFailure | None) -> None:
        """Init is over, with this result; whoever says so first is right."""
        if not self._ready.done():
            if self.extensions is not None:
                over = self.extensions.restore_over if self._restoring else self.extensions.init_over
                over((self._clock.monotonic() - self._began) * 1000, why)
            self._ready.set_result(why)

    def _initialised(self) -> None:
        if self.state is not State.STARTING or not (self.extensions is None or self.extensions.registry.all_ready()):
            return
        self.state = State.IDLE
        self.idle_since = self._clock.monotonic()
        self._settle_init(None)
        self._freeze_soon()

    def _extensions_api(self) -> ExtensionsApi:
        """The extensions' side of the port, made for its first use."""
        if self.extensions is None:
            phase: Phase = "invoke" if self._repeated else "init"
            self.extensions = Extensions(
                self._clock, self.log, self._version, self.sandbox, self.initialization, phase, self._moved
            )
            if self.state is not State.STARTING:
                self.extensions.too_late()
        return self.extensions.api

    # -- invocations

    def invoke(self, running: Running) -> None:
        """Give the environment an event; `done` is called at its end, from the loop, never from in here."""
        self.state = State.BUSY
        self.calls += 1
        self._running = running
        self.sandbox.begin_invocation()
        if self._poll is not None:
            self._hand_out(self._poll)

    def _hand_out(self, connection: Connection) -> None:
        running = self._running
        assert running is not None
        self._poll = None
        self.log.add(*running.start_lines)
        running.handed_out, self._handed_out = self._clock.monotonic(), running.event.request_id
        if self._deadline_timer is None:
            self._deadline_timer = self._clock.call_later(max(running.allowed, 0.0), self._deadline_passed)
        # The deadline is the handler's: it counts from the moment the event is handed out.
        deadline_ms = self._clock.epoch_ms() + int(running.allowed * 1000)
        if self.extensions is not None:
            self.extensions.invoke(running.event, deadline_ms)
        connection.send_event(running.event, deadline_ms)

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

    def _timed_out(self, running: Running) -> None:
        self.drain_log()
        why = failure.timed_out(running.event.request_id, running.timeout)
        self._fail(running, why, "the last one was ended after a timeout", "TIMEOUT")

    def _fail(self, running: Running, why: Failure, ended: str, reason: Reason = "FAILURE") -> None:
        """The platform ends the invocation; an error that the handler had reported goes before."""
        if running.reported is not None and running.result is None:
            self._complete(running.reported[0], "error", running.reported[1], ended, reason)
        else:
            self._complete(why.body, why.outcome, why.error_type, ended, reason)

    def _answered(self, body: bytes, outcome: Outcome, error_type: str | None) -> None:
        """The runtime's answer: the invocation's end, unless extensions take part in it."""
        running = self._running
        if running is None or self.extensions is None or not self.extensions.take_part:
            self._complete(body, outcome, error_type)
            return
        answer = Conclusion(body, outcome, error_type, self._clock.monotonic())
        running.result = running.completion(answer, extensions_ms=None)
        if running.answered is not None:
            running.answered(running.result)

    def _moved(self) -> None:
        """The runtime or an extension asks for its next event: see what is over with that."""
        at_work, running = self.extensions, self._running
        if at_work is None or (self._poll is None and self._restore_poll is None):
            return
        if self.state is State.STARTING:
            at_work.runtime_ready()
            if at_work.registry.all_ready():
                self.sandbox.flush_log(self._initialised)
        elif running is not None and running.result is not None and running.conclusion is None:
            if running.runtime_done is None:
                running.runtime_done = self._clock.monotonic()
                at_work.runtime_done(running, running.result, running.runtime_done)
            if at_work.registry.at_rest():
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
        if end.ended is not None:
            self.stop(end.ended, end.why)
        elif self.state is State.BUSY:
            self.state = State.IDLE
            self.idle_since = self._clock.monotonic()
            self._freeze_soon()
        running.done(completion)

    def max_memory_mb(self) -> int:
        """The most memory it held, in MB, measured; 0 when nothing was ever started."""
        return self._sandbox.max_memory_mb() if self._sandbox is not None else 0

    def drain_log(self) -> None:
        """Take into the log what the function has written up to now."""
        if self._pipe is not None:
            self._pipe.drain()
        if self.extensions is not None:
            self.extensions.drain_log()

    # -- what the runtime says (runtime_api.Listener)

    def polled(self, connection: Connection) -> None:
        """The runtime asks for an event: init is over, or the last invocation's phase is."""
        self._poll = connection
        running = self._running
        if self.extensions is None and self.state is State.STARTING:
            self.sandbox.flush_log(self._initialised)
        elif running is not None and running.handed_out is None:
            self._hand_out(connection)
        else:
            if running is not None and running.reported is not None and running.result is None:
                self._answered(running.reported[0], "error", running.reported[1])
            self._moved()
            self._freeze_soon()

    def asks_to_be_restored(self, connection: Connection) -> bool:
        """The runtime has run its before-snapshot hooks: init is over."""
        if not self.is_snapshot or self.state is not State.STARTING:
            return False
        self._restore_poll = connection
        if self.extensions is None:
            self.sandbox.flush_log(self._initialised)
        else:
            self._moved()
        return True

    def restore_failed(self, body: bytes, error_type: str) -> None:
        """An after-restore hook failed, and the runtime says how; its process ends next."""
        self._flush_and_fail(InitFailure("error", error_type, self._as_on_aws(body), None))

    def _freeze_soon(self) -> None:
        if self._freeze_timer is None and self.state is State.IDLE and (self._poll is not None or self.is_snapshot):
            self._freeze_timer = self._clock.call_later(FREEZE_AFTER_SECONDS, self._freeze)

    def _freeze(self) -> None:
        """Freeze what has been idle for the whole wait; what was used meanwhile waits again."""
        self._freeze_timer = None
        if self.state is not State.IDLE or (self._poll is None and not self.is_snapshot):
            return
        left = self.idle_since + FREEZE_AFTER_SECONDS - self._clock.monotonic()
        if left > 0:
            self._freeze_timer = self._clock.call_later(left, self._freeze)
        else:
            self.drain_log()
            if self.extensions is not None:
                self.extensions.telemetry.pause()
            self.sandbox.freeze()

    def responded(self, request_id: str, body: bytes, *, too_large: bool) -> bool:
        """The handler's result."""
        if not self._is_current(request_id):
            return False
        if too_large:
            why = failure.response_too_large()
            self._answered(why.body, why.outcome, why.error_type)
        else:
            self._answered(body, "ok", None)
        return True

    def streams(self, request_id: str, content_type: str, source: Source) -> Stream | None:
        """The handler's result, in pieces."""
        if not self._is_current(request_id):
            return None
        running = self._running
        assert running is not None

        def ended(body: bytes, too_large: bool, error: Error | None) -> None:
            if self._running is not running:
                return  # it timed out meanwhile
            if error is not None:
                self._answered(self._as_on_aws(error[1]), "error", error[0])
            else:
                self.responded(request_id, body, too_large=too_large)

        def filled() -> None:
            why = failure.response_too_large(STREAM_LIMIT)
            self._fail(running, why, "the last one was ended: its response passed the limit of streams")

        if running.caller is None:
            running.answer = KeptAnswer(source, ended)
        else:
            running.caller.begin(content_type)
            running.answer = StreamedAnswer(
                running.caller, source, self._clock, lambda error: ended(b"", False, error), filled
            )
        return running.answer

    def failed(self, request_id: str, body: bytes, error_type: str) -> bool:
        """The handler's error, as the runtime's client describes it. The invocation ends with the next poll, as on
        AWS: Java's client writes the stack trace to the log only after it has reported the error."""
        running = self._running
        if running is None or not self._is_current(request_id):
            return False
        running.reported = (self._as_on_aws(body), error_type)
        return True

    def init_failed(self, body: bytes, error_type: str) -> None:
        """The runtime could not load the handler, and says why; its process ends next."""
        self._flush_and_fail(InitFailure("error", error_type, self._as_on_aws(body), None))

    def _as_on_aws(self, error: bytes) -> bytes:
        """The error with AWS's paths in its stack, where a backend could not give the process those paths."""
        return with_paths(error, self.sandbox.paths)

    def _is_current(self, request_id: str) -> bool:
        running = self._running
        if running is None or running.handed_out is None or running.event.request_id != request_id:
            return False
        return running.conclusion is None and running.result is None and running.reported is None

    def is_answered(self, request_id: str) -> bool:
        """Whether it is the event handed out last, and its answer is here."""
        return request_id == self._handed_out and not self._is_current(request_id)

    # -- the end

    def _sandbox_ended(self, ended: asyncio.Future[Exit]) -> None:
        if self._farewell is not None:
            self._farewell.sandbox_ended()
        else:
            self._program_gone(None, ended.result())

    def _program_ended(self, name: str | None, end: Exit) -> None:
        """The runtime (None) or an extension ended in a sandbox that has extensions, and lives on without it."""
        self._runtime_ended = self._runtime_ended or name is None
        if self._farewell is not None:
            self._farewell.program_ended(name)
        elif self.state is not State.STOPPED:
            self._program_gone(name, end)

    def _program_gone(self, name: str | None, end: Exit) -> None:
        """Without its runtime (None), or an extension, AWS lets no environment live."""
        announced = self.extensions.ended(name) if self.extensions is not None else None
        if name is None and announced is None:
            kind = "Runtime.OutOfMemory" if end.reason == "out_of_memory" else "Runtime.ExitError"
            words = failure.describe_exit(end)
            self._settle_init(InitFailure("error", kind, None, end))
            self._end_with(words, lambda request_id: failure.runtime_exited(request_id, end))
            return
        kind, words = announced or extensions.CRASH, extensions.describe_end(name, end)
        self._settle_init(InitFailure("error", kind, None, None, words))
        self._end_with(f"{kind}, {words}", lambda request_id: failure.extension_failed(request_id, kind, words))

    def _end_with(self, words: str, failed: Callable[[str], Failure]) -> None:
        """End the environment for a failure, and with it the invocation that it may have."""
        running, why = self._running, f"the last one ended: {words}"
        if running is not None and running.handed_out is not None and running.conclusion is None:
            self._fail(running, failed(running.event.request_id), why)
            return
        untouched = running is not None and running.handed_out is None
        self._running = None if untouched else running
        self.stop(why, "FAILURE")
        if running is not None and untouched:
            running.done(None)

    def stop(self, why: str, reason: Reason = "SPINDOWN") -> None:
        """End it now, whatever it does; harmless when done twice. `why` explains the next cold start.

        Extensions have a moment more, off the caller's path, and are told the `reason`.
        """
        if self.state is State.STOPPED:
            return
        self.state, self.ended, self.idle_since = State.STOPPED, why, self._clock.monotonic()
        self.left.wanted = reason != "SPINDOWN"
        for timer in (self._freeze_timer, self._deadline_timer):
            if timer is not None:
                timer.cancel()
        self._settle_init(InitFailure("error", None, None, None))
        if self.extensions is not None and self.extensions.any and not self.sandbox.exited.done():
            self._say_farewell(self.extensions, reason)
        else:
            self._let_go()
        if self._running is not None:
            self._fail(self._running, failure.runtime_exited(self._running.event.request_id, Exit("stopped")), why)
            self._conclude()

    def _say_farewell(self, extensions: Extensions, reason: Reason) -> None:
        lives = extensions.runtime_started and not self._runtime_ended
        self._farewell = Farewell(self._clock, self.sandbox, extensions, reason, runtime_lives=lives)
        self._leaving.add(self._farewell.over)
        self._farewell.over.add_done_callback(self._leaving.discard)
        self._farewell.over.add_done_callback(lambda _: self._let_go())
        self._farewell.begin()

    async def gone(self) -> None:
        """Wait until nothing of a stopped environment is left that could stand in another's way."""
        await asyncio.shield(self._gone)

    def _let_go(self) -> None:
        self._api.close()
        if self._sandbox is not None:
            self.left.keep(self._sandbox)
            self._sandbox.stop()
        if self._pipe is not None:
            self._pipe.close()
        if self.extensions is not None:
            self.extensions.close()
        self._gone.set_result(None)
        self.on_stop()
