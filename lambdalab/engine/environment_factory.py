"""What an environment is before anything of it runs: its id, its log, its Runtime API's port, and what will be started.

Nothing here needs a call: `new` and `specify` may be done before anybody asks.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from lambdalab.clock import Clock
from lambdalab.engine import specification
from lambdalab.engine.application_log import line_filter
from lambdalab.engine.environment import ExecutionEnvironment
from lambdalab.engine.log_pipe import EnvironmentLog
from lambdalab.engine.logs import LogStore, log_group
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import ON_DEMAND
from lambdalab.runtimes.backends.base import Place, SandboxSpec
from lambdalab.store.packages import PackageStore


class EnvironmentFactory:
    """Makes environments that are not started yet. `access` is what their SDK is given; `leaving` keeps their ends."""

    def __init__(
        self,
        clock: Clock,
        logs: LogStore,
        packages: PackageStore,
        *,
        access: Mapping[str, str],
        leaving: set[asyncio.Future[None]],
    ) -> None:
        self._clock, self._logs, self._packages = clock, logs, packages
        self._access, self._leaving = access, leaving

    def new(self, version: FunctionVersion, how: str = ON_DEMAND) -> ExecutionEnvironment:
        """Another environment of a version, with an id and a log stream; `how` in AWS's words it comes to be."""
        environment_id = uuid.uuid4().hex
        stream = self._stream(version, environment_id)
        log = EnvironmentLog(self._log_writer(version, stream), line_filter(version))
        return ExecutionEnvironment(
            environment_id, stream, self._clock, log, version, leaving=self._leaving, initialization=how
        )

    def again(self, ended: ExecutionEnvironment, version: FunctionVersion) -> ExecutionEnvironment:
        """The same environment once more after its end: its id, log and age, and the calls that it has had."""
        again = ExecutionEnvironment(
            ended.id, ended.log_stream, self._clock, ended.log, version, leaving=self._leaving, repeated=True
        )
        again.calls, again.born = ended.calls, ended.born
        return again

    async def specify(self, environment: ExecutionEnvironment, version: FunctionVersion, place: Place) -> SandboxSpec:
        """Open its Runtime API's port, and say what is to be started; the version's packages are held until it ends.

        Raises `ResourceNotFound` when the packages are gone. It has to be stopped then, too.
        """
        self._packages.hold(version.packages)
        environment.on_stop = partial(self._packages.release, version.packages)
        address = await environment.open(place)
        return specification.of(environment, version, place, address, access=self._access, packages=self._packages)

    def open_stream(self, version: FunctionVersion, environment: ExecutionEnvironment) -> None:
        """A new log stream for an environment: what is restored of a snapshot has one of its own."""
        environment.log_stream = self._stream(version, uuid.uuid4().hex)
        environment.log.go_on_in(self._log_writer(version, environment.log_stream))

    def is_of_today(self, environment: ExecutionEnvironment) -> bool:
        """Whether its log stream has the day's name."""
        return environment.log_stream.startswith(self._day())

    def _stream(self, version: FunctionVersion, name: str) -> str:
        return f"{self._day()}[{version.version}]{name}"

    def _day(self) -> str:
        return f"{self._clock.now():%Y/%m/%d}/"

    def _log_writer(self, version: FunctionVersion, stream: str) -> Callable[[Sequence[str]], None]:
        group = log_group(version)

        def write(lines: Sequence[str]) -> None:
            self._logs.append(group, stream, self._clock.epoch_ms(), *lines)

        return write
