"""Cold starts: an environment is initialised for a call that found none idle, or ahead of any call.

What waits for what is here: the version as it is when it starts, a place among the starts of this moment, room on the
machine, the runtime made ready. And what AWS does within the invocation: an init that failed is repeated once, and an
environment whose runtime was ended by a failure or a timeout begins again, with its log and what it had in /tmp.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial

from lambdalab.clock import Clock
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.environment_factory import EnvironmentFactory
from lambdalab.engine.init_phase import AHEAD_INIT_SECONDS, InitFailure
from lambdalab.engine.log_pipe import EnvironmentLog
from lambdalab.engine.platform_log import platform_log
from lambdalab.engine.pool import Pool
from lambdalab.engine.running import State
from lambdalab.engine.spawns import Spawns
from lambdalab.engine.standby import Standby, Waiting
from lambdalab.engine.taken import Taken
from lambdalab.errors import LabError
from lambdalab.model import image
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import ON_DEMAND
from lambdalab.runtimes.backends.base import Backend, CannotStart, Kept, Place, Ready, Sandbox, SandboxSpec
from lambdalab.store.packages import PackageStore

_NOTICED_SECONDS = 0.2
_FAILED = {"timeout": "was stopped"}
_STOOD_BY = "; its sandbox had been started before, but for the runtime"
_INIT_FAILED = "the init of the last one failed"

BeforeStart = Callable[[FunctionVersion], Awaitable[tuple[FunctionVersion, float]]]
"""The version as a new environment gets it, and milliseconds of simulated waiting. Raises what keeps it from that."""


async def _as_it_is(version: FunctionVersion) -> tuple[FunctionVersion, float]:
    return version, 0.0


class ColdStarts:
    """The starts of all environments, as many at once as there are cores.

    `make_room` is called before each start of another one of a pool; it raises `TooManyRequests` where there is none.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        factory: EnvironmentFactory,
        packages: PackageStore,
        make_room: Callable[[Pool], None],
    ) -> None:
        self._backend, self._clock, self._packages = backend, clock, packages
        self._factory, self._make_room = factory, make_room
        self._spawns = Spawns(os.cpu_count() or 1)
        self._preparing: set[asyncio.Task[None]] = set()
        self.standby = Standby(backend, clock, factory)
        self.before_start: BeforeStart = _as_it_is
        """What a new environment waits for, and the version as it gets it."""

    # -- before the first one

    def prepare(self, version: FunctionVersion) -> None:
        """Make ready in the background what a version's first cold start would wait for."""
        task = asyncio.get_running_loop().create_task(self._prepare(version))
        self._preparing.add(task)
        task.add_done_callback(self._preparing.discard)

    async def _prepare(self, version: FunctionVersion) -> None:
        # An invocation meets the same problem, and has somebody to tell.
        with contextlib.suppress(LabError, OSError), self._holding(version):
            place = await self._place(version)
            if version.packages:
                code, *layers = map(self._packages.unpacked, version.packages)
                await self._backend.stage(place, code, layers)
            self.standby.want(version, place)

    async def _place(self, version: FunctionVersion) -> Place:
        """Where its environments run, made ready. Raises `RuntimeUnavailable`."""
        return await self._backend.prepare(version.runtime or "", image.of(version))

    # -- for a call, and ahead of any

    async def take(self, pool: Pool, version: FunctionVersion) -> Taken:
        """One that is initialised now: reset after a failure, or new; `failure` says why it could not be, twice.

        Raises `TooManyRequests` where the machine has no memory for it, or what the backend raises when nothing can
        start.
        """
        with self._holding(version):
            taken = await self._take_reset(pool, version)
            if taken is not None:
                return taken
            busy = sum(environment.state is State.BUSY for environment in pool.all)
            reason = f"all environments ({busy}) were busy" if busy else pool.note
            taken = await self._take_new(pool, version, reason, ON_DEMAND, None)
            return taken if taken.failure is None else await self._take_again(pool, version, taken)

    async def take_ahead(self, pool: Pool, version: FunctionVersion, how: str) -> Taken:
        """One that is initialised for no call, `how` in AWS's words; where its init failed it has ended.

        Raises as `take` does.
        """
        with self._holding(version):
            limit = max(AHEAD_INIT_SECONDS, float(version.timeout))
            taken = await self._take_new(pool, version, "", how, limit)
        environment, failed = taken.environment, taken.failure
        pool.peak_mb = max(pool.peak_mb, environment.max_memory_mb())
        environment.drain_log()
        if failed is not None:
            self._log_failed_init(environment.log, version, failed, taken.init_ms or 0.0, "init")
            environment.stop("its init failed", failed.reason)
        return taken

    async def _take_new(
        self, pool: Pool, version: FunctionVersion, reason: str, how: str, limit: float | None
    ) -> Taken:
        began = self._clock.monotonic()
        version, simulated_ms = await self.before_start(version)
        waited_ms = (self._clock.monotonic() - began) * 1000 if simulated_ms else 0.0
        async with self._spawns.place(version.key):
            self._make_room(pool)
            asked = self._clock.monotonic()
            place = await self._place(version)
            reason += _preparation(version, self._clock.monotonic() - asked)
            waiting = await self.standby.take(version) if how == ON_DEMAND else None
            reason += _STOOD_BY if waiting is not None else ""
            environment = waiting.environment if waiting is not None else self._factory.new(version, how)
            environment.log.add(*platform_log(version).init_start(place.backend, self._clock.now(), how))
            failed, init_ms = await self._initialise(pool, environment, version, place, limit, waiting=waiting)
        if how == ON_DEMAND:
            self.standby.want_next(version, place)
        return Taken(environment, init_ms, reason, failed, simulated_ms=simulated_ms, waited_ms=waited_ms)

    # -- repeated within the invocation

    async def _take_again(self, pool: Pool, version: FunctionVersion, first: Taken) -> Taken:
        """Init failed: AWS repeats it within the invocation, whose timeout and duration then cover it."""
        why, environment = first.failure, first.environment
        assert why is not None
        environment.stop(_INIT_FAILED, why.reason)
        self._log_failed_init(environment.log, version, why, first.init_ms or 0.0, "init")
        pool.leave(environment)
        took = f"its init {_FAILED.get(why.status, 'failed')} after {(first.init_ms or 0.0) / 1000:.2f} s"
        reason = f"{first.reason}; {took}, and was repeated within the call"
        return await self._renew(pool, version, first._replace(reason=reason, failed_ms=first.init_ms or 0.0))

    async def _take_reset(self, pool: Pool, version: FunctionVersion) -> Taken | None:
        """An environment whose runtime was ended by a failure or a timeout begins again, within the invocation."""
        if not pool.resets:
            return None
        ended = pool.resets.pop()
        ended.log.begin()
        reason = f"{ended.ended}; the same environment was initialised again"
        return await self._renew(pool, version, Taken(ended, None, reason))

    async def _renew(self, pool: Pool, version: FunctionVersion, first: Taken) -> Taken:
        """Another sandbox for an environment that has ended, with its log and what it had in /tmp."""
        ended = first.environment
        try:
            version, _ = await self.before_start(version) if version.kms_sealed else (version, 0.0)
            await ended.gone()
            async with self._spawns.place(version.key):
                place = await self._place(version)
                again = self._factory.again(ended, version)
                kept = await ended.left.take()
                failed, init_ms = await self._initialise(pool, again, version, place, version.timeout, kept)
        finally:
            ended.left.forget()
        if failed is not None:
            again.stop(_INIT_FAILED, failed.reason)
            again.left.forget()
            self._log_failed_init(again.log, version, failed, init_ms, "invoke")
        return first._replace(environment=again, init_ms=None, failure=failed, repeated_ms=init_ms)

    # -- either way

    async def _initialise(
        self,
        pool: Pool,
        environment: ExecutionEnvironment,
        version: FunctionVersion,
        place: Place,
        limit: float | None,
        kept: Kept | None = None,
        *,
        waiting: Waiting | None = None,
    ) -> tuple[InitFailure | None, float]:
        """Init, and its milliseconds from the spawn to the first poll. `kept` is given to the sandbox, or released.

        With the sandbox that is `waiting` for it, if there is one.
        """
        pool.all.add(environment)
        try:
            start: Callable[[], Awaitable[Sandbox]]
            if waiting is not None:
                start = waiting.ready.begin
            else:
                spec = replace(await self._factory.specify(environment, version, place), kept=kept)
                ready = await self._get_ready(spec, place)
                start = ready.begin if ready is not None else partial(self._backend.start, spec)
            began = self._clock.monotonic()
            failed = await environment.initialise(start, limit)
        except BaseException:
            environment.stop("the last one could not be started")
            pool.all.discard(environment)
            raise
        finally:
            if kept is not None:
                kept.release()
        return failed, (self._clock.monotonic() - began) * 1000

    async def _get_ready(self, spec: SandboxSpec, place: Place) -> Ready | None:
        """Its sandbox but for the runtime, where starting one takes the backend long: that is no init."""
        with contextlib.suppress(LabError, OSError, CannotStart):  # `start` meets the same, or knows a way
            return await self._backend.get_ready(spec) if place.gets_ready else None
        return None

    def _log_failed_init(
        self, log: EnvironmentLog, version: FunctionVersion, why: InitFailure, init_ms: float, phase: str
    ) -> None:
        said, now = platform_log(version), self._clock.now()
        log.add(*said.init_report(init_ms, phase=phase, status=why.status, error_type=why.error_type, moment=now))

    @contextlib.contextmanager
    def _holding(self, version: FunctionVersion) -> Iterator[None]:
        """Keep a version's packages while an environment is made of them, whatever becomes of the version."""
        self._packages.hold(version.packages)
        try:
            yield
        finally:
            self._packages.release(version.packages)


def _preparation(version: FunctionVersion, seconds: float) -> str:
    """What is said of a runtime that had to be made ready first: it is the lab's, once, and no part of AWS's init."""
    if seconds < _NOTICED_SECONDS:
        return ""
    what = version.runtime or "the image"
    return f"; making {what} ready for its first use here took {seconds:.1f} s of the queue, which AWS does not have"
