"""Sandboxes on standby: started before any call, but for the runtime, where starting one takes a backend long.

AWS has such places, too: what a cold start waits for there is the function's code and its init, not a machine. So the
environment is made beforehand (its id, log stream, port and specification), and its sandbox waits; its time, its memory
and its log begin with the call. One for a version, and few in all: each holds a little memory.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from lambdalab.clock import Clock, Timer
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.environment_factory import EnvironmentFactory
from lambdalab.errors import LabError
from lambdalab.model.function import FunctionKey, FunctionVersion
from lambdalab.model.invocation import ON_DEMAND
from lambdalab.runtimes.backends.base import Backend, CannotStart, Place, Ready

MOST = 4
_AFTER_SECONDS = 0.5
"""After a cold start, when its call is over, so as not to slow it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An environment that nothing runs in yet, and its sandbox, made at a moment of the monotonic clock.

    One of `ready.begin` and `give_up` is called, once.
    """

    version: FunctionVersion
    environment: ExecutionEnvironment
    ready: Ready
    made: float

    def give_up(self) -> None:
        """Nobody needs it."""
        self.ready.discard()
        self.environment.stop("it was never needed")


class Standby:
    """Those that wait, the last used versions' at most `MOST`. Used from the event loop's thread only."""

    def __init__(self, backend: Backend, clock: Clock, factory: EnvironmentFactory) -> None:
        self._backend = backend
        self._clock = clock
        self._factory = factory
        self._waiting: OrderedDict[tuple[FunctionKey, str], asyncio.Task[Waiting | None]] = OrderedDict()
        self._soon: dict[tuple[FunctionKey, str], Timer] = {}
        self._leaving: set[asyncio.Task[Waiting | None]] = set()
        self._one_by_one = asyncio.Lock()
        self._closed = False

    def want_next(self, version: FunctionVersion, place: Place) -> None:
        """One for the version's next cold start, after the one that has just been."""
        name = version.key, version.version
        self._forget(name)
        self._soon[name] = self._clock.call_later(_AFTER_SECONDS, partial(self.want, version, place))

    def want(self, version: FunctionVersion, place: Place) -> None:
        """One for the version's next cold start, unless there is one, or it would be of no use at the place.

        Variables under a key of the function's own are opened for each start; such a version gets none.
        """
        name = version.key, version.version
        self._forget(name)
        if self._closed or not place.gets_ready or version.kms_sealed or name in self._waiting:
            return
        self._waiting[name] = asyncio.get_running_loop().create_task(self._make_in_turn(version, place))
        while len(self._waiting) > MOST:
            self._give_up(next(iter(self._waiting)))

    async def take(self, version: FunctionVersion, place: Place, how: str) -> Waiting | None:
        """The one that waits for the version as it is now, or is being made; else another, made now; `how` in AWS's
        words it comes to be: those that are initialised ahead of calls leave standbys to calls.

        So what a machine's part of a start takes is no part of any init. None where the place makes none ready.
        """
        if not place.gets_ready:
            return None
        waiting = await self._take(version) if how == ON_DEMAND else None
        return waiting or await self._make(version, place, how)

    async def _take(self, version: FunctionVersion) -> Waiting | None:
        name = version.key, version.version
        if name not in self._waiting:
            return None
        making = self._waiting[name]
        waiting = await asyncio.shield(making)
        if self._waiting.get(name) is not making:  # another call took it, or it was given up
            return None
        del self._waiting[name]
        if waiting is None:
            return None
        # A tag, say, changes a version's revision, and nothing of its environments.
        changed = waiting.version.last_modified != version.last_modified
        if changed or not self._factory.is_of_today(waiting.environment):
            waiting.give_up()
            return None
        return waiting

    def give_up(self, key: FunctionKey, version: str | None = None) -> None:
        """The function, or one version of it, has changed or is gone."""
        for name in [one for one in (*self._waiting, *self._soon) if one[0] == key and version in {None, one[1]}]:
            self._give_up(name)

    def give_up_all(self) -> None:
        """Their memory is needed."""
        for name in (*self._waiting, *self._soon):
            self._give_up(name)

    def _give_up(self, name: tuple[FunctionKey, str]) -> None:
        self._forget(name)
        making = self._waiting.pop(name, None)
        if making is not None:
            self._leaving.add(making)
            making.add_done_callback(self._leave)

    def _forget(self, name: tuple[FunctionKey, str]) -> None:
        if (timer := self._soon.pop(name, None)) is not None:
            timer.cancel()

    def _leave(self, made: asyncio.Task[Waiting | None]) -> None:
        self._leaving.discard(made)
        if (waiting := made.result()) is not None:
            waiting.give_up()

    async def _make_in_turn(self, version: FunctionVersion, place: Place) -> Waiting | None:
        async with self._one_by_one:
            return await self._make(version, place)

    async def _make(self, version: FunctionVersion, place: Place, how: str = ON_DEMAND) -> Waiting | None:
        ready, environment = None, self._factory.new(version, how)
        try:
            ready = await self._backend.get_ready(await self._factory.specify(environment, version, place))
        except (LabError, OSError, CannotStart):
            pass  # a call meets the same problem, and has somebody to tell
        finally:
            if ready is None:
                environment.stop("it could not be made ready")
        return Waiting(version, environment, ready, self._clock.monotonic()) if ready is not None else None

    def close(self) -> None:
        """End those that wait, and have no more."""
        self._closed = True
        self.give_up_all()

    async def closed(self) -> None:
        """After `close`: wait until those that were being made are there, and end."""
        while self._leaving:
            await asyncio.wait(self._leaving)
