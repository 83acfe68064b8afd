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
from lambdalab.runtimes.backends.base import Backend, CannotStart, Place, Ready

MOST = 4
_AFTER_SECONDS = 0.5
"""After a cold start, when its call is over, so as not to slow it."""
Name = tuple[FunctionKey, str]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An environment that nothing runs in yet, and its sandbox. One of `ready.begin` and `give_up` is called, once."""

    environment: ExecutionEnvironment
    ready: Ready

    def give_up(self) -> None:
        """Nobody needs it."""
        self.ready.discard()
        self.environment.stop("it was never needed")


class _Making:
    """One that is to be made, or is being made, or waits."""

    def __init__(self, version: FunctionVersion) -> None:
        self.version = version
        self.begun = False
        self.task: asyncio.Task[Waiting | None]


class Standby:
    """Those that wait, the last used versions' at most `MOST`. Used from the event loop's thread only."""

    def __init__(self, backend: Backend, clock: Clock, factory: EnvironmentFactory) -> None:
        self._backend = backend
        self._clock = clock
        self._factory = factory
        self._made: OrderedDict[Name, _Making] = OrderedDict()
        self._soon: dict[Name, Timer] = {}
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
        if self._closed or not place.gets_ready or version.kms_sealed:
            return
        if (there := self._made.get(name)) is not None:
            # Who asks for an older one asks late: the version has changed since.
            if there.version.last_modified >= version.last_modified and not _came_to_nothing(there):
                return
            self._give_up(name)
        self._made[name] = making = _Making(version)
        making.task = asyncio.get_running_loop().create_task(self._make_in_turn(making, place))
        while len(self._made) > MOST:
            self._give_up(next(iter(self._made)))

    async def take(self, version: FunctionVersion) -> Waiting | None:
        """The one that waits for the version as it is now, or is being made; None where there is none.

        One that others are made before is not waited for.
        """
        name = version.key, version.version
        making = self._made.get(name)
        if making is None:
            return None
        # A tag, say, changes a version's revision, and nothing of its environments.
        if not making.begun or making.version.last_modified != version.last_modified:
            self._give_up(name)
            return None
        waiting = await asyncio.shield(making.task)
        if self._made.get(name) is not making:  # another call took it, or it was given up
            return None
        del self._made[name]
        if waiting is not None and not self._factory.is_of_today(waiting.environment):
            waiting.give_up()
            return None
        return waiting

    def give_up(self, key: FunctionKey, version: str | None = None) -> None:
        """The function, or one version of it, has changed or is gone."""
        for name in [one for one in (*self._made, *self._soon) if one[0] == key and version in {None, one[1]}]:
            self._give_up(name)

    def give_up_all(self) -> None:
        """Their memory is needed."""
        for name in (*self._made, *self._soon):
            self._give_up(name)

    def _give_up(self, name: Name) -> None:
        self._forget(name)
        making = self._made.pop(name, None)
        if making is not None:
            self._leaving.add(making.task)
            making.task.add_done_callback(self._leave)

    def _forget(self, name: Name) -> None:
        if (timer := self._soon.pop(name, None)) is not None:
            timer.cancel()

    def _leave(self, made: asyncio.Task[Waiting | None]) -> None:
        self._leaving.discard(made)
        if (waiting := made.result()) is not None:
            waiting.give_up()

    async def _make_in_turn(self, making: _Making, place: Place) -> Waiting | None:
        async with self._one_by_one:
            if self._made.get((making.version.key, making.version.version)) is not making:
                return None  # given up before its turn
            making.begun = True
            return await self._make(making.version, place)

    async def _make(self, version: FunctionVersion, place: Place) -> Waiting | None:
        ready, environment = None, self._factory.new(version)
        try:
            ready = await self._backend.get_ready(await self._factory.specify(environment, version, place))
        except (LabError, OSError, CannotStart):
            pass  # a call meets the same problem, and has somebody to tell
        finally:
            if ready is None:
                environment.stop("it could not be made ready")
        return Waiting(environment, ready) if ready is not None else None

    def close(self) -> None:
        """End those that wait, and have no more."""
        self._closed = True
        self.give_up_all()

    async def closed(self) -> None:
        """After `close`: wait until those that were being made are there, and end."""
        while self._leaving:
            await asyncio.wait(self._leaving)


def _came_to_nothing(making: _Making) -> bool:
    return making.task.done() and making.task.result() is None
