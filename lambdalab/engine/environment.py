"""One execution environment: a sandbox, its Runtime API, and the life between init and the end.

States go one way but for the middle: `starting -> idle (frozen) -> busy -> idle ... -> stopped`. The phases of that
life are AWS's: init and restore (`init_phase`), invoke (`invoke_phase`), and the end (`farewell`, where there are
extensions). What goes on in each is said there; here is what leads from one to the next.

Freezing waits a few milliseconds after an invocation, so that a function under load is not stopped and continued
between back-to-back calls.

With extensions, init is over when the runtime and all extensions ask for an event. No init is over before its log is
here, as no invocation is.

An environment of SnapStart's waits after its init as a snapshot: its runtime has asked to be restored, where it knows
how to, and everything is frozen. `restore` thaws it and answers; with the runtime's asking for an event it is restored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lambdalab.clock import Clock
from lambdalab.engine import extensions, failure
from lambdalab.engine.alarm import Alarm
from lambdalab.engine.extensions import Extensions, Phase
from lambdalab.engine.farewell import Farewell
from lambdalab.engine.init_phase import InitFailure, InitPhase
from lambdalab.engine.invoke_phase import InvokePhase
from lambdalab.engine.leftover import Leftover
from lambdalab.engine.log_pipe import EnvironmentLog, LogPipe, with_paths
from lambdalab.engine.program_end import ProgramEnd
from lambdalab.engine.running import Conclusion, Reason, Running, State
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import INIT_SECONDS, ON_DEMAND, PROVISIONED, SNAP_START, Fidelity
from lambdalab.model.snapstart import RESTORE_SECONDS
from lambdalab.runtimes.backends.base import CannotStart, Exit, Place, Sandbox
from lambdalab.runtimes.extensions_api import ExtensionsApi
from lambdalab.runtimes.runtime_api import RuntimeApi
from lambdalab.runtimes.runtime_connection import Connection

FREEZE_AFTER_SECONDS = 0.01


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
        self.retired = self._runtime_ended = False
        self.left = Leftover()
        self.ended: str | None = None
        self.on_stop: Callable[[], None] = lambda: None
        """Called once, when nothing of it runs any more."""
        self._clock = clock
        self.log = log
        self.extensions: Extensions | None = None
        self._version, self._leaving, self._repeated = version, leaving, repeated
        self.born = clock.monotonic()
        self._init = InitPhase(clock, self._init_over)
        self._invoking = InvokePhase(clock, log, self, version.memory_size)
        self._freezing = Alarm(clock, self._rested, self._freeze)
        self._api = RuntimeApi(self._invoking, self, self._extensions_api)
        self._pipe: LogPipe | None = None
        self._farewell: Farewell | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._restore_poll: Connection | None = None
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

    async def initialise(
        self, start: Callable[[], Awaitable[Sandbox]], limit: float | None = None
    ) -> InitFailure | None:
        """Start the sandbox and wait for the first poll: None, or why init failed. `limit` in seconds, 10 unless told.

        Raises what `start`, the backend's, raises when nothing could be started.
        """
        self._init.begin()
        if not self._repeated:
            self.born = self._clock.monotonic()
        try:
            self._sandbox = self._invoking.sandbox = await start()
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
        return await self._init.wait(INIT_SECONDS if limit is None else limit, self._too_late)

    def _too_late(self) -> None:
        self._flush_and_fail(InitFailure("timeout", None, None, None))

    async def restore(self) -> InitFailure | None:
        """Thaw a snapshot and wait until its runtime asks for an event: None, or why it did not.

        From then on it is an environment like others. `answered` is the moment after the thaw.
        """
        self.is_snapshot, self.state = False, State.STARTING
        self._init = InitPhase(self._clock, self._restore_over)
        if self.extensions is not None:
            self.extensions.restore_begins()
        self.sandbox.begin_invocation()
        self.answered = self._clock.monotonic()
        waiting, self._restore_poll = self._restore_poll, None
        if waiting is not None:
            waiting.reply(200, b"", {})
        elif self._invoking.poll is not None:  # a runtime without such hooks: it has asked for its event already
            self.asked()
        return await self._init.wait(RESTORE_SECONDS, self._too_late)

    def _flush_and_fail(self, why: InitFailure) -> None:
        self.sandbox.flush_log(lambda: self._init.settle(why))

    def _initialised(self) -> None:
        if self.state is State.STARTING and self._all_ready():
            self.state = State.IDLE
            self.idle_since = self._clock.monotonic()
            self._init.settle(None)
            self._freezing.set(FREEZE_AFTER_SECONDS)

    def _all_ready(self) -> bool:
        return self.extensions is None or self.extensions.registry.all_ready()

    def _init_over(self, spent_ms: float, why: InitFailure | None) -> None:
        if self.extensions is not None:
            self.extensions.init_over(spent_ms, why)

    def _restore_over(self, spent_ms: float, why: InitFailure | None) -> None:
        if self.extensions is not None:
            self.extensions.restore_over(spent_ms, why)

    def _extensions_api(self) -> ExtensionsApi:
        """The extensions' side of the port, made for its first use."""
        if self.extensions is None:
            phase: Phase = "invoke" if self._repeated else "init"
            self.extensions = self._invoking.extensions = Extensions(
                self._clock, self.log, self._version, self.sandbox, self.initialization, phase, self._moved
            )
            if self.state is not State.STARTING:
                self.extensions.too_late()
        return self.extensions.api

    def _moved(self) -> None:
        """The runtime or an extension asks for its next event: see what is over with that."""
        if self.state is not State.STARTING:
            self._invoking.moved()
        elif self._invoking.poll is not None or self._restore_poll is not None:
            if self.extensions is not None:
                self.extensions.runtime_ready()
            if self._all_ready():
                self.sandbox.flush_log(self._initialised)

    # -- what the runtime says of its init (runtime_api.InitListener)

    def asks_to_be_restored(self, connection: Connection) -> bool:
        """The runtime has run its before-snapshot hooks: init is over."""
        if not self.is_snapshot or self.state is not State.STARTING:
            return False
        self._restore_poll = connection
        self._moved()
        return True

    def restore_failed(self, body: bytes | None, error_type: str) -> None:
        """An after-restore hook failed, and the runtime says how; its process ends next."""
        self._reported(body, error_type)

    def init_failed(self, body: bytes | None, error_type: str) -> None:
        """The runtime could not load the handler, and says why; its process ends next."""
        self._reported(body, error_type)

    def _reported(self, body: bytes | None, error_type: str) -> None:
        if body is None:
            too_large = failure.response_too_large()
            body, error_type = too_large.body, too_large.error_type
        self._flush_and_fail(InitFailure("error", error_type, with_paths(body, self.sandbox.paths), None))

    # -- invocations

    def invoke(self, running: Running) -> None:
        """Give the environment an event; `done` is called at its end, from the loop, never from in here."""
        self.state = State.BUSY
        self.calls += 1
        self._invoking.begin(running)

    def asked(self) -> None:
        """Its runtime asks for an event, and there is none: init is over, or it may be frozen."""
        if self.state is State.IDLE:
            self._freezing.set(FREEZE_AFTER_SECONDS)
        else:
            self._moved()

    def concluded(self, end: Conclusion) -> None:
        """Its invocation is over: it is idle, or ends with it."""
        if end.ended is not None:
            self.stop(end.ended, end.why)
        elif self.state is State.BUSY:
            self.state = State.IDLE
            self.idle_since = self._clock.monotonic()
            self._freezing.set(FREEZE_AFTER_SECONDS)

    def _rested(self) -> float | None:
        """When it will have been idle for the whole wait; None while it has something to do."""
        if self.state is not State.IDLE or (self._invoking.poll is None and not self.is_snapshot):
            return None
        return self.idle_since + FREEZE_AFTER_SECONDS

    def _freeze(self) -> None:
        self.drain_log()
        if self.extensions is not None:
            self.extensions.telemetry.pause()
        self.sandbox.freeze()

    def max_memory_mb(self) -> int:
        """The most memory it held, in MB, measured; 0 when nothing was ever started."""
        return self._sandbox.max_memory_mb() if self._sandbox is not None else 0

    def held_mb(self) -> int:
        """What it held when it was last looked at, in MB; 0 when nothing was ever started."""
        return self._sandbox.held_mb() if self._sandbox is not None else 0

    def drain_log(self) -> None:
        """Take into the log what the function has written up to now."""
        if self._pipe is not None:
            self._pipe.drain()
        if self.extensions is not None:
            self.extensions.drain_log()

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
        if end.passed:
            self.log.add(f"[lambdalab] The environment was ended: {end.passed}.")
        announced = self.extensions.ended(name) if self.extensions is not None else None
        what = ProgramEnd(name, end, announced)
        self._init.settle(what.init_failure())
        why = f"the last one ended: {what.words}"
        if not self._invoking.fail(what.failure, why):
            untouched = self._invoking.take_back()
            self.stop(why, "FAILURE")
            if untouched is not None:
                untouched.done(None)

    def stop(self, why: str, reason: Reason = "SPINDOWN") -> None:
        """End it now, whatever it does; harmless when done twice. `why` explains the next cold start.

        Extensions have a moment more, off the caller's path, and are told the `reason`.
        """
        if self.state is State.STOPPED:
            return
        self.state, self.ended, self.idle_since = State.STOPPED, why, self._clock.monotonic()
        self.left.wanted = reason != "SPINDOWN"
        self._freezing.cancel()
        self._init.settle(InitFailure("error", None, None, None))
        if self.extensions is not None and self.extensions.any and not self.sandbox.exited.done():
            self._say_farewell(self.extensions, reason)
        else:
            self._let_go()
        self._invoking.stop(why)

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
