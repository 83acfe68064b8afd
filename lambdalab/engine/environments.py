"""All execution environments of a region, by version: taken for an invocation, put back, and ended.

An invocation takes an idle one of the same function version, newest first, or has a new one started (`cold_start`).
All of them are bounded by the machine's memory: idle ones make room for others.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

from lambdalab.clock import Clock, Timer
from lambdalab.engine import room
from lambdalab.engine.cold_start import ColdStarts
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.environment_factory import EnvironmentFactory
from lambdalab.engine.init_phase import InitFailure
from lambdalab.engine.logs import LogStore
from lambdalab.engine.pool import Pool, oldest
from lambdalab.engine.room import GROWTH_MB, Growth, Room
from lambdalab.engine.running import State
from lambdalab.engine.taken import Taken
from lambdalab.errors import TooManyRequests
from lambdalab.model.function import FunctionKey, FunctionVersion
from lambdalab.model.invocation import PROVISIONED, Fidelity
from lambdalab.runtimes.backends.base import Backend
from lambdalab.store.packages import PackageStore

_WARM = "an environment was idle and had kept its state"
_PROVISIONED = "a provisioned environment had been initialised ahead"
_CHANGED = "the code or the configuration changed"


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
        self._keep_warm, self._lifetime = keep_warm_seconds, lifetime_seconds
        self._pools: dict[tuple[FunctionKey, str], Pool] = {}
        self._leaving: set[asyncio.Future[None]] = set()
        self.factory = EnvironmentFactory(clock, logs, packages, access=access, leaving=self._leaving)
        self.cold_starts = ColdStarts(backend, clock, self.factory, packages, self._make_room)
        self._room = room
        self._growth = None if room is None else Growth(room, self._promised_mb, clock)
        self._reaper: Timer | None = None
        self.on_provisioned_end: Callable[[], None] = lambda: None
        """Called when a provisioned environment ended that nobody had given up."""

    @property
    def fidelity(self) -> Fidelity:
        """What environments enforce here as a rule."""
        return self._backend.fidelity

    # -- taken for an invocation, and put back

    def pool(self, version: FunctionVersion) -> Pool:
        """Those of one version."""
        name = version.key, version.version
        return self._pools.get(name) or self._pools.setdefault(name, Pool())

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
                if (growth := pool.peak_mb - environment.held_mb()) > GROWTH_MB:
                    self._let_grow(pool, waiting, environment, growth)
                return Taken(environment, None, reason)
            self._put_back(pool, environment)  # it ended while nobody looked, or ends now
        return None

    def _let_grow(
        self, pool: Pool, waiting: list[ExecutionEnvironment], environment: ExecutionEnvironment, growth_mb: int
    ) -> None:
        """See that one may come to hold what its function was seen to; raises `TooManyRequests` where it may not."""
        if self._growth is None or self._growth.grant(growth_mb):
            return
        try:
            self._make_room(pool, growth_mb, waits=True)
        except TooManyRequests:
            waiting.append(environment)
            raise

    async def take_cold(self, version: FunctionVersion) -> Taken:
        """One that is initialised now. Raises as `ColdStarts.take` does."""
        return await self.cold_starts.take(self.pool(version), version)

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

    # -- room for another one

    def _make_room(self, pool: Pool, needed: int | None = None, *, waits: bool = False) -> None:
        """End snapshots, then idle environments, the longest idle first, until another one fits.

        Or, where one `waits`, until it may grow by the `needed` MB. Raises `TooManyRequests` where that is not enough.
        """
        if self._room is None:
            return
        needed, promised = needed or pool.peak_mb or room.USUAL_MB, self._promised_mb()
        missing = self._room.missing_mb(needed + promised)
        if missing > 0:
            self.cold_starts.standby.give_up_all()
            for one in self._pools.values():
                one.forget()  # what they have in /tmp is memory, too
        idle = sorted(
            ((e, owner) for owner in self._pools.values() for e in owner.unneeded() if owner is not pool),
            key=lambda pair: (not pair[0].is_snapshot, pair[0].idle_since),
        )
        for environment, owner in idle:
            if missing <= 0:
                break
            missing -= environment.held_mb()
            (owner.snapshots if environment.is_snapshot else owner.idle).remove(environment)
            environment.stop("the last one made room for another function's: the machine's memory was full")
            self._put_back(owner, environment)
        if missing > 0:
            raise self._room.refusal(needed, self.counts()["busy"], promised, waits=waits)

    def has_room(self, version: FunctionVersion) -> bool:
        """Whether another environment of a version fits without another one's end."""
        needed = self.pool(version).peak_mb or room.USUAL_MB
        return self._room is None or not self._room.missing_mb(needed + self._promised_mb())

    def _promised_mb(self) -> int:
        """What is free now and will not be: the calls of a burst are let in before the first of them has grown."""
        return sum(pool.promised_mb() for pool in self._pools.values())

    # -- ahead of calls

    async def start_ahead(self, version: FunctionVersion, how: str) -> Taken:
        """One that is initialised for no call, `how` in AWS's words. Raises as `ColdStarts.take` does."""
        return await self.cold_starts.take_ahead(self.pool(version), version, how)

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
        self.cold_starts.standby.give_up(key, version)
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
                at_work = {one for one in pool.all if one.state is not State.STOPPED}
                self._pools[pool_key, pool_version] = Pool(note=_CHANGED, all=at_work)

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

    def at_work(self) -> bool:
        """Whether one starts, or has not done with a call yet."""
        at_work = (State.STARTING, State.BUSY)
        return any(environment.state in at_work for pool in self._pools.values() for environment in pool.all)

    def close(self) -> None:
        """End every environment now."""
        self.cold_starts.standby.close()
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
        await self.cold_starts.standby.closed()
        while self._leaving:
            await asyncio.wait(self._leaving)
