"""What an environment is before anything of it runs."""

import asyncio
from dataclasses import replace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.environment_factory import EnvironmentFactory
from lambdalab.engine.logs import LogStore
from lambdalab.engine.running import State
from lambdalab.errors import ResourceNotFound
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.model.invocation import SNAP_START
from lambdalab.runtimes.backends.base import Place

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
    """Run steps with a factory, the logs and the packages that it was given."""

    async def go():
        clock, packages = FakeClock(), Packages(folder)
        logs = LogStore(tmp_path / "logs", clock)
        await steps(EnvironmentFactory(clock, logs, packages, access={"KEY": "k"}, leaving=set()), logs, packages)

    asyncio.run(go())


def test_a_new_one_has_an_id_and_a_log_stream_and_runs_nothing(tmp_path):
    async def steps(made, logs, packages):
        first, second = made.new(VERSION), made.new(VERSION, SNAP_START)
        assert first.id != second.id
        assert first.log_stream == f"2026/11/01/[$LATEST]{first.id}"
        assert (first.state, first.fidelity, first.is_snapshot) == (State.STARTING, None, False)
        assert second.is_snapshot
        assert packages.held == [*logs.events("/aws/lambda/f")] == []

    factory(tmp_path, steps, tmp_path)


def test_its_specification_names_the_port_it_has_and_holds_the_packages_until_its_end(tmp_path):
    async def steps(made, logs, packages):
        environment = made.new(VERSION)
        spec = await made.specify(environment, VERSION, Place("fake"))
        assert (spec.id, spec.backend, spec.code) == (environment.id, "fake", tmp_path)
        assert spec.environment["AWS_LAMBDA_RUNTIME_API"] == spec.runtime_api
        assert spec.environment["AWS_LAMBDA_LOG_STREAM_NAME"] == environment.log_stream
        assert packages.held == list(VERSION.packages) != []
        _, writer = await asyncio.open_connection(*spec.runtime_api.split(":"))
        writer.close()
        environment.stop("nobody needed it")
        assert packages.held == []
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*spec.runtime_api.split(":"))

    factory(tmp_path, steps, tmp_path)


def test_one_whose_packages_are_gone_cannot_be_specified_and_holds_nothing_once_it_is_stopped(tmp_path):
    async def steps(made, logs, packages):
        environment = made.new(VERSION)
        with pytest.raises(ResourceNotFound):
            await made.specify(environment, VERSION, Place("fake"))
        environment.stop("it could not be started")
        assert packages.held == []

    factory(tmp_path, steps, None)


def test_one_that_begins_again_is_the_same_to_whoever_looks(tmp_path):
    async def steps(made, logs, packages):
        ended = made.new(VERSION)
        ended.calls, ended.born = 3, -7.0
        ended.stop("it failed", "FAILURE")
        again = made.again(ended, replace(VERSION, timeout=9))
        assert (again.id, again.log_stream, again.log) == (ended.id, ended.log_stream, ended.log)
        assert (again.calls, again.born, again.state) == (3, -7.0, State.STARTING)

    factory(tmp_path, steps, tmp_path)


def test_what_is_restored_goes_on_in_a_stream_of_its_own(tmp_path):
    async def steps(made, logs, packages):
        environment = made.new(VERSION, SNAP_START)
        environment.log.add("while it was made")
        before = environment.log_stream
        made.open_stream(VERSION, environment)
        environment.log.add("after its restore")
        logs.flush()
        lines = {event.message: event.stream for event in logs.events("/aws/lambda/f")}
        assert lines == {"while it was made": before, "after its restore": environment.log_stream}

    factory(tmp_path, steps, tmp_path)
