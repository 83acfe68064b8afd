"""SnapStart: for each published version that has it, a snapshot is kept ready, and environments are restored from it.

Nothing here may copy a process, for that takes privileges. What stands for a snapshot is an environment in a sandbox of
its own whose init and before-snapshot hooks are over, and which is frozen. It is restored once, and another one is made
for the next start; AWS restores any number from one, and what init made (random seeds, ids) is the same in all of them.

One is made when the version is published, which waits for it; later ones in the background, one after another, while no
call waits and where the machine has memory for them. They are few, those of the versions that were used last, and the
first to end when memory is needed. When none is ready, one is initialised for the call: AWS has no such wait, and it
counts as queue.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from lambdalab.clock import Clock, Timer
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.environments import Environments
from lambdalab.engine.init_phase import InitFailure
from lambdalab.engine.platform_log import platform_log
from lambdalab.engine.taken import Restored, Taken
from lambdalab.errors import LabError, RuntimeUnavailable, SnapStartFailed, SnapStartTimeout
from lambdalab.model.function import FunctionKey, FunctionVersion
from lambdalab.model.invocation import SNAP_START

REFILL_SECONDS = 1.0
"""How long after a restore the next snapshot is made: the call that was restored for has the machine to itself."""
KEPT_SECONDS = 3600.0
"""How long one is kept without a call of its version. AWS keeps them for 14 days, but not in this machine's memory."""
READY_AT_ONCE = 10
"""How many are ready at a time, of all versions together: each is a process that holds memory. AWS keeps them all."""
_RESTORED = "a snapshot of the version, initialised ahead, was restored"
_JUST_USED = "the one that was ready had just been restored for another call"
_NO_ROOM = "the machine had no memory to keep one ready"
_NOT_YET = "none had been made since the region started"

_Place = tuple[FunctionKey, str]


@dataclass(frozen=True, slots=True)
class NotMade:
    """Why a version could not be published: AWS's StateReasonCode, and the reason in words."""

    code: str
    reason: str


@dataclass(slots=True)
class _Kept:
    """One version's. `used` is when its snapshot was last made or restored (monotonic), `takers` are calls that wait.

    `last` is the snapshot that is, or was, ready; without one `lacking` says why none is.
    """

    version: FunctionVersion
    used: float
    last: ExecutionEnvironment | None = None
    lacking: str = _NOT_YET
    takers: int = 0
    publishing: asyncio.Task[None] | None = None

    @property
    def place(self) -> _Place:
        return self.version.key, self.version.version

    def lack(self, why: str) -> None:
        self.last, self.lacking = None, why


class Snapshots:
    """The snapshots of all versions. Used from the event loop's thread only."""

    def __init__(self, environments: Environments, clock: Clock) -> None:
        self._environments = environments
        self._clock = clock
        self._kept: dict[_Place, _Kept] = {}
        self._missing: dict[_Place, None] = {}
        """Those to be made again, in this order."""
        self._refill_timer: Timer | None = None
        self._refilling: asyncio.Task[None] | None = None
        self._reaper: Timer | None = None

    # -- kept

    def publish(self, version: FunctionVersion, done: Callable[[NotMade | None], None]) -> None:
        """Make a new version's first snapshot; `done` hears when it is there, or why it cannot be."""
        self.end(version.key, version.version)
        kept = self._kept[version.key, version.version] = _Kept(version, self._clock.monotonic())
        kept.publishing = asyncio.get_running_loop().create_task(self._publish(kept, done))

    async def _publish(self, kept: _Kept, done: Callable[[NotMade | None], None]) -> None:
        why: NotMade | None = None
        try:
            if await self._make(kept) is not None:
                why = NotMade("FunctionError", "An error occurred during function initialization.")
        except RuntimeUnavailable as missing:
            why = NotMade("InvalidRuntime", str(missing))
        except (LabError, OSError) as problem:
            why = NotMade("InternalError", str(problem))
        if why is not None:
            self._kept.pop(kept.place, None)
        done(why)

    def keep(self, version: FunctionVersion) -> None:
        """Have a snapshot of a version that was published when the region last ran, made in the background."""
        kept = self._kept.setdefault((version.key, version.version), _Kept(version, self._clock.monotonic()))
        self._refill_soon(kept)

    def end(self, key: FunctionKey, version: str | None = None) -> None:
        """The function, or one version of it, is deleted; its environments are the caller's to end."""
        for place in [place for place in self._kept if place[0] == key and version in {None, place[1]}]:
            kept = self._kept.pop(place)
            if kept.publishing is not None:
                kept.publishing.cancel()

    def at_work(self) -> bool:
        """Whether one is being made, for a version that is published or again."""
        tasks = [kept.publishing for kept in self._kept.values()]
        return any(task is not None and not task.done() for task in (self._refilling, *tasks))

    def close(self) -> None:
        """Make none any more; the environments end with the others."""
        for timer in (self._refill_timer, self._reaper):
            if timer is not None:
                timer.cancel()
        if self._refilling is not None:
            self._refilling.cancel()
        for key, version in list(self._kept):
            self.end(key, version)

    # -- restored

    async def take(self, version: FunctionVersion) -> Taken:
        """An environment for a call, restored from a snapshot; `failure` says why none could even be initialised.

        Raises `SnapStartFailed` or `SnapStartTimeout` when the after-restore hooks do not let it, and what
        `Environments.start_ahead` raises.
        """
        kept = self._kept.setdefault((version.key, version.version), _Kept(version, self._clock.monotonic()))
        kept.takers += 1
        try:
            taken = self._ready(kept) or await self._initialised_now(kept)
            return taken if taken.failure is not None else await self._restored(kept, taken)
        finally:
            kept.takers -= 1
            kept.used = self._clock.monotonic()
            self._refill_soon(kept)

    def _ready(self, kept: _Kept) -> Taken | None:
        taken = self._environments.take_snapshot(kept.version, _RESTORED)
        if taken is not None:
            kept.lack(_JUST_USED)
        return taken

    async def _initialised_now(self, kept: _Kept) -> Taken:
        why = (kept.last.ended if kept.last is not None else None) or kept.lacking
        began = self._clock.monotonic()
        taken = await self._start(kept.version)
        seconds = self._clock.monotonic() - began
        reason = (
            f"no snapshot was ready ({why}): one was initialised for this call and then restored; that init took "
            f"{seconds:.1f} s of the queue, which AWS does not have, for it restores all from one snapshot"
        )
        return taken._replace(init_ms=None, reason=reason)

    async def _restored(self, kept: _Kept, taken: Taken) -> Taken:
        environment, said = taken.environment, platform_log(kept.version)
        environment.drain_log()
        self._environments.factory.open_stream(kept.version, environment)
        environment.log.add(*said.restore_start(environment.sandbox.fidelity.backend, self._clock.now()))
        thawed = self._clock.monotonic()
        try:
            failed = await environment.restore()
        except BaseException:
            self._give_up(kept, environment, "the caller went away while the last one was restored")
            raise
        now = self._clock.monotonic()
        restored = Restored((now - thawed) * 1000, math.ceil((now - environment.answered) * 1000))
        environment.drain_log()
        status, kind = (None, None) if failed is None else (failed.status, failed.error_type)
        environment.log.add(*said.restore_report(restored.ms, self._clock.now(), status, kind))
        if failed is not None:
            self._give_up(kept, environment, "the restore of the last one failed")
            raise _refusal(failed)
        return taken._replace(restored=restored, waited_ms=taken.waited_ms + restored.ms)

    def _give_up(self, kept: _Kept, environment: ExecutionEnvironment, why: str) -> None:
        environment.stop(why, "FAILURE")
        self._environments.put_back(kept.version, environment)

    # -- made

    async def _make(self, kept: _Kept) -> InitFailure | None:
        taken = await self._start(kept.version)
        if self._kept.get(kept.place) is not kept:
            taken.environment.retired = True  # the version was deleted meanwhile
        self._environments.put_back(kept.version, taken.environment)
        if taken.failure is None:
            kept.last, kept.used = taken.environment, self._clock.monotonic()
            self._end_beyond(READY_AT_ONCE)
            self._reap_in_time()
        return taken.failure

    def _ready_ones(self) -> list[_Kept]:
        """Those that have one ready, the longest unused first."""
        found = [kept for kept in self._kept.values() if self._environments.has_snapshot(kept.version)]
        return sorted(found, key=lambda kept: kept.used)

    def _end_beyond(self, most: int) -> None:
        for kept in self._ready_ones()[:-most]:
            self._environments.end_snapshots(kept.version, f"{most} other versions had been used since")

    async def _start(self, version: FunctionVersion) -> Taken:
        taken = await self._environments.start_ahead(version, SNAP_START)
        if taken.failure is None:
            said, now = platform_log(version), self._clock.now()
            taken.environment.log.add(*said.snapshot_report(taken.init_ms or 0.0, now))
        return taken

    def _refill_soon(self, kept: _Kept) -> None:
        """Make one again when nothing of the version has been restored for a moment, and no call waits for its own."""
        if self._kept.get(kept.place) is not kept:
            return
        self._missing[kept.place] = None
        if self._refill_timer is not None:
            self._refill_timer.cancel()
        self._refill_timer = self._clock.call_later(REFILL_SECONDS, self._refill)

    def _refill(self) -> None:
        self._refill_timer = None
        if self._refilling is None or self._refilling.done():
            self._refilling = asyncio.get_running_loop().create_task(self._make_missing())

    async def _make_missing(self) -> None:
        while self._missing:
            place = next(iter(self._missing))
            del self._missing[place]
            kept = self._kept.get(place)
            if kept is None or kept.takers or self._environments.has_snapshot(kept.version):
                continue
            if not self._environments.has_room(kept.version):
                kept.lack(_NO_ROOM)
                continue
            try:
                if await self._make(kept) is not None:
                    kept.lack("the init of the last one failed")
            except (LabError, OSError) as problem:
                kept.lack(f"making one failed: {problem}")

    def _reap_in_time(self) -> None:
        """Look again when the one that has waited longest will have waited too long."""
        ready = self._ready_ones() if self._reaper is None else ()
        if ready:
            left = ready[0].used + KEPT_SECONDS - self._clock.monotonic()
            self._reaper = self._clock.call_later(max(left, 0.0), self._reap)

    def _reap(self) -> None:
        self._reaper = None
        before = self._clock.monotonic() - KEPT_SECONDS
        for kept in self._kept.values():
            if kept.used <= before:
                why = f"the last one was ended after {KEPT_SECONDS / 3600:g} h without a call"
                self._environments.end_snapshots(kept.version, why)
        self._reap_in_time()


def _refusal(failed: InitFailure) -> LabError:
    """AWS's answer to a call whose environment could not be restored; its words are those of the service model."""
    if failed.status == "timeout":
        return SnapStartTimeout("Lambda couldn't restore the snapshot within the timeout limit.")
    return SnapStartFailed(
        "The afterRestore() runtime hook encountered an error. For more information, check the Amazon CloudWatch logs."
    )
