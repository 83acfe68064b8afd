"""All execution environments of a region: started, taken for an invocation, put back, reset and ended.

An invocation takes an idle one of the same function version, newest first, or has a new one started; starts at
once are bounded by the cores, and all of them by the machine's memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

from lambdalab.clock import Clock, Timer
from lambdalab.engine import room, specification
from lambdalab.engine.application_log import line_filter
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.init_phase import AHEAD_INIT_SECONDS, InitFailure
from lambdalab.engine.log_pipe import EnvironmentLog
from lambdalab.engine.logs import LogStore, log_group
from lambdalab.engine.platform_log import platform_log
from lambdalab.engine.pool import Pool, oldest
from lambdalab.engine.room import Room
from lambdalab.engine.running import State
from lambdalab.engine.spawns import Spawns
from lambdalab.engine.taken import Taken
from lambdalab.errors import LabError
from lambdalab.model import image
from lambdalab.model.function import FunctionKey, FunctionVersion
from lambdalab.model.invocation import ON_DEMAND, PROVISIONED, Fidelity
from lambdalab.runtimes.backends.base import Backend, Kept, Place
from lambdalab.store.packages import PackageStore

_NOTICED_SECONDS = 0.2
_FAILED = {"timeout": "was stopped"}
_WARM = "an environment was idle and had kept its state"
_PROVISIONED = "a provisioned environment had been initialised ahead"
_CHANGED = "the code or the configuration changed"


BeforeStart = Callable[[FunctionVersion], Awaitable[tuple[FunctionVersion, float]]]
"""The version as a new environment gets it, and milliseconds of simulated waiting. Raises what keeps it from that."""


async def _as_it_is(version: FunctionVersion) -> tuple[FunctionVersion, float]:
    return version, 0.0


class Environments:
    """All execution environments of a region. Used from the event loop's thread only."""

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        logs: LogStore,
        packages: PackageStore,
        *,
        access: Mapping[str, str],
        keep_warm_seconds: float,
        lifetime_seconds: float = math.inf,
        room: Room | None = None,
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._logs = logs
        self._packages = packages
        self._access = access
        self._keep_warm, self._lifetime = keep_warm_seconds, lifetime_seconds
        self._pools: dict[tuple[FunctionKey, str], Pool] = {}
        self._spawns = Spawns(os.cpu_count() or 1)
        self._room = room
        self._reaper: Timer | None = None
        self._preparing: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Future[None]] = set()
        self.before_start: BeforeStart = _as_it_is
        """What a new environment waits for, and the version as it gets it."""
        self.on_provisioned_end: Callable[[], None] = lambda: None
        """Called when a provisioned environment ended that nobody had given up."""

    @property
    def fidelity(self) -> Fidelity:
        """What environments enforce here as a rule."""
        return self._backend.fidelity

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

    async def _place(self, version: FunctionVersion) -> Place:
        """Where its environments run, made ready. Raises `RuntimeUnavailable`."""
        return await self._backend.prepare(version.runtime or "", image.of(version))

    # -- taken for an invocation, and put back

    def pool(self, version: FunctionVersion) -> Pool:
        """Those of one version."""
        return self._pools.setdefault((version.key, version.version), Pool())

    def take_provisioned(self, pool: Pool) -> Taken | None:
        """One that was initialised ahead, if one waits."""
        return self._take(pool, pool.provisioned, _PROVISIONED)

    def take_snapshot(self, version: FunctionVersion, reason: str) -> Taken | None:
        """One of SnapStart's that waits to be restored, if there is one."""
        pool = self.pool(version)
        return self._take(pool, pool.snapshots, reason)

    def take_idle(self, pool: Pool) -> Taken | None:
        """The one that was used last, if one waits."""
        return self._take(pool, pool.idle, _WARM)

    def _take(self, pool: Pool, waiting: list[ExecutionEnvironment], reason: str) -> Taken | None:
        while waiting:
            environment = waiting.pop()
            if environment.state is State.IDLE and not self._is_old(environment):
                return Taken(environment, None, reason)
            self._put_back(pool, environment)  # it ended while nobody looked, or ends now
        return None

    async def take_cold(self, version: FunctionVersion) -> Taken:
        """One that is initialised now: reset after a failure, or new; `failure` says why it could not be, twice.

        Raises `TooManyRequests` where the machine has no memory for it, or what the backend raises when nothing can
        start.
        """
        pool = self.pool(version)
        with self._holding(version):
            taken = await self._take_reset(pool, version)
            if taken is not None:
                return taken
            taken = await self._take_new(pool, version)
            return taken if taken.failure is None else await self._take_again(pool, version, taken)

    def put_back(self, version: FunctionVersion, environment: ExecutionEnvironment) -> None:
        """Its invocation is over: it waits for the next one, unless it has ended or was given up meanwhile."""
        self._put_back(self.pool(version), environment)

    def _put_back(self, pool: Pool, environment: ExecutionEnvironment) -> None:
        if environment.retired:
            environment.stop(_CHANGED)
        elif self._is_old(environment):
            environment.stop(
                f"the last one was ended after {self._lifetime:g} s of service: on AWS none lasts for more than hours"
            )
        if environment.state is State.STOPPED:
            pool.leave(environment)
            pool.keep_or_forget(environment)
            self._reap_in_time()
            if environment.provisioned and not environment.retired:
                self.on_provisioned_end()
        elif environment.provisioned:
            pool.provisioned.append(environment)
        elif environment.is_snapshot:
            pool.snapshots.append(environment)
        elif environment.state is State.IDLE:
            pool.idle.append(environment)
            self._reap_in_time()

    def _is_old(self, environment: ExecutionEnvironment) -> bool:
        return self._clock.monotonic() - environment.born >= self._lifetime

    # -- started

    async def _take_new(self, pool: Pool, version: FunctionVersion) -> Taken:
        busy = sum(environment.state is State.BUSY for environment in pool.all)
        reason = f"all environments ({busy}) were busy" if busy else pool.note
        began = self._clock.monotonic()
        version, simulated_ms = await self.before_start(version)
        waited_ms = (self._clock.monotonic() - began) * 1000 if simulated_ms else 0.0
        async with self._spawns.place(version.key):
            self._make_room(pool)
            asked = self._clock.monotonic()
            place = await self._place(version)
            reason += _preparation(version, self._clock.monotonic() - asked)
            environment = self._new_environment(version, place)
            failed, init_ms = await self._initialise(pool, environment, version, place, None)
        return Taken(environment, init_ms, reason, failed, simulated_ms=simulated_ms, waited_ms=waited_ms)

    def _make_room(self, pool: Pool) -> None:
        """End snapshots, then idle environments, the longest idle first, until another one fits.

        Raises `TooManyRequests` where that is not enough.
        """
        if self._room is None:
            return
        needed, promised = pool.peak_mb or room.USUAL_MB, self._promised_mb()
        missing = self._room.missing_mb(needed + promised)
        if missing > 0:
            for one in self._pools.values():
                one.forget()  # what they have in /tmp is memory, too
        idle = sorted(
            ((e, owner) for owner in self._pools.values() for e in owner.unneeded() if owner is not pool),
            key=lambda pair: (not pair[0].is_snapshot, pair[0].idle_since),
        )
        for environment, owner in idle:
            if missing <= 0:
                break
            missing -= environment.max_memory_mb()
            (owner.snapshots if environment.is_snapshot else owner.idle).remove(environment)
            environment.stop("the last one made room for another function's: the machine's memory was full")
            self._put_back(owner, environment)
        if missing > 0:
            raise self._room.refusal(needed, self.counts()["busy"], promised)

    async def _take_again(self, pool: Pool, version: FunctionVersion, first: Taken) -> Taken:
        """Init failed: AWS repeats it within the invocation, whose timeout and duration then cover it."""
        why, environment = first.failure, first.environment
        assert why is not None
        environment.stop("the init of the last one failed", why.reason)
        self._log_failed_init(environment.log, version, why, first.init_ms or 0.0, "init")
        pool.leave(environment)
        took = f"its init {_FAILED.get(why.status, 'failed')} after {(first.init_ms or 0.0) / 1000:.2f} s"
        reason = f"{first.reason}; {took}, and was repeated within the call"
        return await self._renew(pool, version, replace(first, reason=reason))

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
                again = ExecutionEnvironment(
                    ended.id, ended.log_stream, self._clock, ended.log, version, leaving=self._leaving, repeated=True
                )
                again.calls, again.born = ended.calls, ended.born
                kept = await ended.left.take()
                failed, init_ms = await self._initialise(pool, again, version, place, version.timeout, kept)
        finally:
            ended.left.forget()
        if failed is not None:
            again.stop("the init of the last one failed", failed.reason)
            again.left.forget()
            self._log_failed_init(again.log, version, failed, init_ms, "invoke")
        return replace(first, environment=again, init_ms=None, failure=failed, repeated_ms=init_ms)

    def _new_environment(self, version: FunctionVersion, place: Place, how: str = ON_DEMAND) -> ExecutionEnvironment:
        environment_id = uuid.uuid4().hex
        stream = self._stream(version, environment_id)
        log = EnvironmentLog(self._log_writer(log_group(version), stream), line_filter(version))
        log.add(*platform_log(version).init_start(place.backend, self._clock.now(), how))
        return ExecutionEnvironment(
            environment_id, stream, self._clock, log, version, leaving=self._leaving, initialization=how
        )

    def _stream(self, version: FunctionVersion, name: str) -> str:
        return f"{self._clock.now():%Y/%m/%d}/[{version.version}]{name}"

    def open_stream(self, version: FunctionVersion, environment: ExecutionEnvironment) -> None:
        """A new log stream for an environment: what is restored of a snapshot has one of its own."""
        environment.log_stream = self._stream(version, uuid.uuid4().hex)
        environment.log.go_on_in(self._log_writer(log_group(version), environment.log_stream))

    def _log_failed_init(
        self, log: EnvironmentLog, version: FunctionVersion, why: InitFailure, init_ms: float, phase: str
    ) -> None:
        said, now = platform_log(version), self._clock.now()
        log.add(*said.init_report(init_ms, phase=phase, status=why.status, error_type=why.error_type, moment=now))

    async def _initialise(
        self,
        pool: Pool,
        environment: ExecutionEnvironment,
        version: FunctionVersion,
        place: Place,
        limit: float | None,
        kept: Kept | None = None,
    ) -> tuple[InitFailure | None, float]:
        """Init, and its milliseconds from the spawn to the first poll. `kept` is given to the sandbox, or released."""
        pool.all.add(environment)
        self._packages.hold(version.packages)
        environment.on_stop = partial(self._packages.release, version.packages)
        try:
            address = await environment.open(place)
            spec = specification.of(environment, version, place, address, access=self._access, packages=self._packages)
            began = self._clock.monotonic()
            failed = await environment.initialise(self._backend, replace(spec, kept=kept), limit)
        except BaseException:
            environment.stop("the last one could not be started")
            pool.all.discard(environment)
            raise
        finally:
            if kept is not None:
                kept.release()
        return failed, (self._clock.monotonic() - began) * 1000

    @contextlib.contextmanager
    def _holding(self, version: FunctionVersion) -> Iterator[None]:
        """Keep a version's packages while an environment is made of them, whatever becomes of the version."""
        self._packages.hold(version.packages)
        try:
            yield
        finally:
            self._packages.release(version.packages)

    def _log_writer(self, group: str, stream: str) -> Callable[[str], None]:
        def write(line: str) -> None:
            self._logs.append(group, stream, self._clock.epoch_ms(), line)

        return write

    # -- ahead of calls

    async def start_ahead(self, version: FunctionVersion, how: str) -> Taken:
        """One that is initialised for no call, `how` in AWS's words; where its init failed it has ended.

        Raises `TooManyRequests` where the machine has no memory for it, or what the backend raises when nothing can
        start.
        """
        pool = self.pool(version)
        began = self._clock.monotonic()
        with self._holding(version):
            version, simulated_ms = await self.before_start(version)
            waited_ms = (self._clock.monotonic() - began) * 1000 if simulated_ms else 0.0
            async with self._spawns.place(version.key):
                self._make_room(pool)
                place = await self._place(version)
                environment = self._new_environment(version, place, how)
                limit = max(AHEAD_INIT_SECONDS, float(version.timeout))
                failed, init_ms = await self._initialise(pool, environment, version, place, limit)
        pool.peak_mb = max(pool.peak_mb, environment.max_memory_mb())
        environment.drain_log()
        if failed is not None:
            self._log_failed_init(environment.log, version, failed, init_ms, "init")
            environment.stop("its init failed", failed.reason)
        return Taken(environment, init_ms, "", failed, simulated_ms=simulated_ms, waited_ms=waited_ms)

    def has_room(self, version: FunctionVersion) -> bool:
        """Whether another environment of a version fits without another one's end."""
        needed = self.pool(version).peak_mb or room.USUAL_MB
        return self._room is None or not self._room.missing_mb(needed + self._promised_mb())

    def _promised_mb(self) -> int:
        """What is free now and will not be: the calls of a burst are let in before the first of them has grown."""
        return sum(pool.promised_mb() for pool in self._pools.values())

    def has_snapshot(self, version: FunctionVersion) -> bool:
        """Whether one of SnapStart's waits to be restored."""
        pool = self._pools.get((version.key, version.version))
        return pool is not None and bool(pool.snapshots)

    def end_snapshots(self, version: FunctionVersion, why: str) -> None:
        """End those of a version that wait to be restored."""
        pool = self.pool(version)
        while pool.snapshots:
            environment = pool.snapshots.pop()
            environment.stop(why)
            self._put_back(pool, environment)

    async def provision(self, version: FunctionVersion) -> InitFailure | None:
        """Initialise one environment ahead of any call, for as long as it lives; or say why its init failed.

        Raises what the backend raises when nothing can start.
        """
        taken = await self.start_ahead(version, PROVISIONED)
        self.put_back(version, taken.environment)
        return taken.failure

    def provisioned(self, key: FunctionKey, version: str) -> int:
        """How many provisioned environments of a version are there, idle or at work."""
        pool = self._pools.get((key, version))
        alive = (State.IDLE, State.BUSY)
        return sum(e.provisioned and e.state in alive for e in pool.all) if pool else 0

    def unprovision(self, key: FunctionKey, version: str, count: int) -> None:
        """End `count` provisioned environments of a version, idle ones first; those at work end with their call."""
        pool = self._pools.get((key, version))
        mine = [e for e in pool.all if e.provisioned and e.state is not State.STOPPED] if pool else []
        mine.sort(key=lambda environment: environment.state is not State.IDLE)
        for environment in mine[:count]:
            environment.retired = True
            if pool is not None and environment.state is State.IDLE:
                self._put_back(pool, environment)

    # -- the end of environments

    def retire(self, key: FunctionKey, version: str | None = None) -> None:
        """The function (or one version of it) changed or is gone: its environments take no further call.

        Idle ones end now, busy ones after what they do.
        """
        for (pool_key, pool_version), pool in list(self._pools.items()):
            if pool_key != key or version not in {None, pool_version}:
                continue
            del self._pools[pool_key, pool_version]
            for environment in pool.all:
                environment.retired = True
            for environment in [*pool.idle, *pool.provisioned, *pool.snapshots]:
                environment.stop(_CHANGED)
                environment.left.forget()
            pool.forget()
            if pool.all:
                self._pools[pool_key, pool_version] = Pool(note=_CHANGED)

    def _reap_in_time(self) -> None:
        """Look again when the one that has waited longest will have waited too long."""
        if self._reaper is None and (since := oldest(self._pools.values())) is not None:
            left = since + self._keep_warm - self._clock.monotonic()
            self._reaper = self._clock.call_later(max(left, 0.0), self._reap)

    def _reap(self) -> None:
        """End what was idle for too long."""
        self._reaper = None
        before = self._clock.monotonic() - self._keep_warm
        for pool in self._pools.values():
            pool.end_unused(before, f"the last one was ended after {self._keep_warm:g} s without a call")
        self._reap_in_time()

    def counts(self) -> dict[str, int]:
        """How many environments are in which state."""
        states = [environment.state for pool in self._pools.values() for environment in pool.all]
        return {state.value: states.count(state) for state in State if state is not State.STOPPED}

    def close(self) -> None:
        """End every environment now."""
        if self._reaper is not None:
            self._reaper.cancel()
        for pool in self._pools.values():
            for environment in list(pool.all):
                environment.stop("the region ended")
                environment.left.forget()
            pool.forget()
        self._pools.clear()

    async def closed(self) -> None:
        """After `close`: wait until the environments with extensions have had their time, two seconds at most."""
        while self._leaving:
            await asyncio.wait(self._leaving)


def _preparation(version: FunctionVersion, seconds: float) -> str:
    """What is said of a runtime that had to be made ready first: it is the lab's, once, and no part of AWS's init."""
    if seconds < _NOTICED_SECONDS:
        return ""
    what = version.runtime or "the image"
    return f"; making {what} ready for its first use here took {seconds:.1f} s of the queue, which AWS does not have"
