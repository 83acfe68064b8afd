"""What an environment is before anything of it runs."""

import asyncio
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.environment_factory import EnvironmentFactory
from lambdalab.engine.logs import LogStore
from lambdalab.engine.running import State
from lambdalab.errors import ResourceNotFound
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.model.invocation import SNAP_START
from lambdalab.runtimes.backends.base import Place
from lambdalab.runtimes.backends.fake import FakeBackend

VERSION = FunctionVersion(
    FunctionKey("123456789012", "us-east-1", "f"), LATEST, "r", CodeReference("s", 1, 1), "role", "now",
    runtime="python3.12", handler="app.f", memory_size=128,
)  # fmt: skip


class Packages:
    """A package store that counts who holds what."""

    def __init__(self, folder):
        self.folder, self.held = folder, []

    def unpacked(self, sha256):
        if self.folder is None:
            raise FileNotFoundError(sha256)
        return self.folder

    def hold(self, packages):
        self.held.extend(packages)

    def release(self, packages):
        for package in packages:
            self.held.remove(package)


def factory(tmp_path, steps, folder):
    """Run steps with a factory, and with the clock, the logs and the packages that it was given."""

    async def go():
        clock, packages = FakeClock(), Packages(folder)
        logs = LogStore(tmp_path / "logs", clock)
        made = EnvironmentFactory(clock, logs, packages, access={"KEY": "k"}, leaving=set())
        await steps(made, SimpleNamespace(clock=clock, logs=logs, packages=packages))

    asyncio.run(go())


def test_a_new_one_has_an_id_and_a_log_stream_and_runs_nothing(tmp_path):
    async def steps(made, around):
        first, second = made.new(VERSION), made.new(VERSION, SNAP_START)
        assert first.id != second.id
        assert first.log_stream == f"2026/11/01/[$LATEST]{first.id}"
        assert (first.state, first.fidelity, first.is_snapshot) == (State.STARTING, None, False)
        assert second.is_snapshot
        assert around.packages.held == [*around.logs.events("/aws/lambda/f")] == []

    factory(tmp_path, steps, tmp_path)


def test_its_specification_names_the_port_it_has_and_holds_the_packages_until_its_end(tmp_path):
    async def steps(made, around):
        environment = made.new(VERSION)
        spec = await made.specify(environment, VERSION, Place("fake"))
        assert (spec.id, spec.backend, spec.code) == (environment.id, "fake", tmp_path)
        assert spec.environment["AWS_LAMBDA_RUNTIME_API"] == spec.runtime_api
        assert spec.environment["AWS_LAMBDA_LOG_STREAM_NAME"] == environment.log_stream
        assert around.packages.held == list(VERSION.packages) != []
        _, writer = await asyncio.open_connection(*spec.runtime_api.split(":"))
        writer.close()
        environment.stop("nobody needed it")
        assert around.packages.held == []
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*spec.runtime_api.split(":"))

    factory(tmp_path, steps, tmp_path)


def test_one_whose_packages_are_gone_cannot_be_specified_and_holds_nothing_once_it_is_stopped(tmp_path):
    async def steps(made, around):
        environment = made.new(VERSION)
        with pytest.raises(ResourceNotFound):
            await made.specify(environment, VERSION, Place("fake"))
        environment.stop("it could not be started")
        assert around.packages.held == []

    factory(tmp_path, steps, None)


def test_its_age_counts_from_its_start_however_long_ago_it_was_made(tmp_path):
    async def echo(event, context):
        return event

    async def steps(made, around):
        backend, clock = FakeBackend({"app.f": echo}), around.clock
        environment = made.new(VERSION)
        spec = await made.specify(environment, VERSION, Place("fake"))
        clock.jump(3600)
        assert await environment.initialise(partial(backend.start, spec)) is None
        assert environment.born == 3600
        environment.stop("it has served")
        again = made.again(environment, VERSION)
        clock.jump(60)
        spec = await made.specify(again, VERSION, Place("fake"))
        assert await again.initialise(partial(backend.start, spec)) is None
        assert again.born == 3600
        again.stop("it has served")
        await backend.close()

    factory(tmp_path, steps, tmp_path)


def test_one_that_begins_again_is_the_same_to_whoever_looks(tmp_path):
    async def steps(made, around):
        ended = made.new(VERSION)
        ended.calls, ended.born = 3, -7.0
        ended.stop("it failed", "FAILURE")
        again = made.again(ended, replace(VERSION, timeout=9))
        assert (again.id, again.log_stream, again.log) == (ended.id, ended.log_stream, ended.log)
        assert (again.calls, again.born, again.state) == (3, -7.0, State.STARTING)

    factory(tmp_path, steps, tmp_path)


def test_what_is_restored_goes_on_in_a_stream_of_its_own(tmp_path):
    async def steps(made, around):
        environment = made.new(VERSION, SNAP_START)
        environment.log.add("while it was made")
        before = environment.log_stream
        made.open_stream(VERSION, environment)
        environment.log.add("after its restore")
        around.logs.flush()
        lines = {event.message: event.stream for event in around.logs.events("/aws/lambda/f")}
        assert lines == {"while it was made": before, "after its restore": environment.log_stream}

    factory(tmp_path, steps, tmp_path)
