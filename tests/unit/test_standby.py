"""Sandboxes on standby, on the fake backend and a clock that only moves when told."""

import asyncio
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine import standby
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.errors import TooManyRequests
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit


async def _echo(event, context):
    return event


async def _exit(event, context):
    raise FakeExit(Exit("exited", status=3))


def version_of(name, **changes):
    key = FunctionKey("123456789012", "us-east-1", name)
    made = FunctionVersion(
        key, LATEST, "r", CodeReference("s", 1, 1), "role", "2026-11-01T12:00:00.000+0000",
        runtime="python3.12", handler="app.echo", memory_size=128, timeout=3,
    )  # fmt: skip
    return replace(made, **changes)


class Engine:
    """A dispatcher over a backend that gets sandboxes ready."""

    def __init__(self, folder, room=None):
        self.clock = FakeClock()
        self.backend = FakeBackend({"app.echo": _echo, "app.exit": _exit}, gets_ready=True)
        packages = SimpleNamespace(unpacked=lambda sha256: folder, hold=lambda held: None, release=lambda held: None)
        self.environments = Environments(
            self.backend, self.clock, LogStore(folder / "logs", self.clock), packages,
            access={}, keep_warm_seconds=600, room=room,
        )  # fmt: skip
        self.dispatcher = Dispatcher(self.environments, self.clock)

    async def deploy(self, version):
        """What the API does with a new version; returns once a sandbox for it waits."""
        before = len(self.backend.ready)
        self.environments.cold_starts.prepare(version)
        await self.until(lambda: len(self.backend.ready) > before)
        await asyncio.sleep(0)
        self.clock.jump(1)

    async def invoke(self, version):
        request = Request(version, version.key.arn, b"{}", str(uuid.uuid4()), self.clock.monotonic())
        return (await self.dispatcher.invoke(request)).record

    async def until(self, holds):
        for _ in range(10_000):
            if holds():
                return
            await asyncio.sleep(0)
        raise AssertionError([one.end for one in self.backend.ready])

    def ends(self):
        return [one.end for one in self.backend.ready]


@pytest.fixture
def running(tmp_path):
    """Run steps with an engine, which is closed afterwards."""

    def run(steps, **options):
        async def go():
            engine = Engine(tmp_path, **options)
            try:
                await steps(engine)
            finally:
                engine.environments.close()
                await engine.environments.closed()
                await engine.backend.close()

        asyncio.run(go())

    return run


def test_a_first_call_takes_the_sandbox_that_waits_since_the_deployment_and_says_so(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        record = await engine.invoke(version)
        assert record.cold
        assert "its sandbox had been started before, but for the runtime" in record.start_reason
        assert engine.ends() == ["begun"]
        assert record.environment_id == engine.backend.ready[0].spec.id

    running(steps)


def test_what_it_waited_is_nobodys_init_and_no_part_of_its_life(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        engine.clock.jump(3600)
        record = await engine.invoke(version)
        assert record.init_ms == 0
        assert record.queue_ms == 0
        (environment,) = engine.environments.pool(version).all
        assert environment.born == 3601

    running(steps)


def test_after_a_cold_start_the_next_one_is_made_once_the_call_has_had_its_time(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        await engine.invoke(version)
        engine.clock.jump(0.4)
        await asyncio.sleep(0)
        assert engine.ends() == ["begun"]
        engine.clock.jump(0.2)
        await engine.until(lambda: engine.ends() == ["begun", ""])
        engine.clock.jump(3)
        await asyncio.sleep(0)
        assert engine.ends() == ["begun", ""], "one is enough"

    running(steps)


def test_without_one_the_machines_part_of_the_start_is_queue_and_no_init(running):
    async def steps(engine):
        async def slowly(spec, get_ready=engine.backend.get_ready):
            engine.clock.jump(0.07)
            return await get_ready(spec)

        engine.backend.get_ready = slowly
        record = await engine.invoke(version_of("one"))
        assert (record.queue_ms, record.init_ms) == (70, 0)
        assert "started before" not in record.start_reason

    running(steps)


def test_what_is_initialised_ahead_of_calls_leaves_it_to_them(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        await engine.environments.provision(version)
        assert engine.ends() == ["", "begun"]

    running(steps)


def test_a_warm_call_leaves_it_alone(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        await engine.invoke(version)
        engine.clock.jump(1)
        await engine.until(lambda: engine.ends() == ["begun", ""])
        assert not (await engine.invoke(version)).cold
        assert engine.ends() == ["begun", ""]

    running(steps)


def test_two_calls_at_once_do_not_get_the_same_one(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        records = await asyncio.gather(engine.invoke(version), engine.invoke(version))
        assert {record.environment_id for record in records} == {one.spec.id for one in engine.backend.ready}
        assert ["started before" in record.start_reason for record in records].count(True) == 1
        assert engine.ends() == ["begun", "begun"]

    running(steps)


@pytest.mark.parametrize("why", ["changed", "retired", "another day"])
def test_one_that_is_out_of_date_is_given_up(running, why):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        if why == "changed":
            version = replace(version, last_modified="2026-11-01T12:00:01.000+0000", timeout=4)
        elif why == "retired":
            engine.environments.retire(version.key)
        else:
            engine.clock.jump(24 * 3600)
        record = await engine.invoke(version)
        await engine.until(lambda: engine.ends() == ["discarded", "begun"])
        assert "started before" not in record.start_reason
        assert record.log_stream.startswith(f"{engine.clock.now():%Y/%m/%d}")

    running(steps)


def test_a_change_that_comes_before_the_standby_of_the_last_one_gets_its_own(running):
    async def steps(engine):
        old = version_of("one")
        new = replace(old, last_modified="2026-11-01T12:00:01.000+0000")
        await engine.deploy(old)
        await engine.deploy(new)
        await engine.until(lambda: engine.ends() == ["discarded", ""])
        engine.environments.cold_starts.prepare(old)  # what the last change began comes late
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.ends() == ["discarded", ""]
        assert "started before" in (await engine.invoke(new)).start_reason

    running(steps)


def test_one_that_could_not_be_made_is_no_reason_to_make_none(running):
    async def steps(engine):
        version, get_ready = version_of("one"), engine.backend.get_ready
        asked = []

        async def fails(spec):
            asked.append(spec)
            raise OSError("the engine is away")

        engine.backend.get_ready = fails
        engine.environments.cold_starts.prepare(version)
        await engine.until(lambda: asked)
        engine.backend.get_ready = get_ready
        await asyncio.sleep(0)
        await engine.deploy(version)
        assert "started before" in (await engine.invoke(version)).start_reason

    running(steps)


def test_a_burst_of_deployments_makes_no_more_than_can_wait_and_keeps_no_call_waiting(running):
    async def steps(engine):
        let = asyncio.Event()

        async def held(spec, get_ready=engine.backend.get_ready):
            if len(engine.backend.ready) == 0:
                await let.wait()
            return await get_ready(spec)

        engine.backend.get_ready = held
        versions = [version_of(f"number-{number}") for number in range(20)]
        for version in versions:
            engine.environments.cold_starts.prepare(version)
        for _ in range(50):
            await asyncio.sleep(0)
        engine.backend.get_ready = type(engine.backend).get_ready.__get__(engine.backend)
        record = await engine.invoke(versions[-1])
        assert record.outcome == "ok", "it did not wait for those before it"
        let.set()
        await engine.until(lambda: engine.ends().count("") == standby.MOST - 1)
        assert len(engine.ends()) <= standby.MOST + 2

    running(steps)


def test_an_environment_that_begins_again_is_not_charged_for_its_sandbox(running):
    async def steps(engine):
        version = version_of("one", handler="app.exit")
        await engine.invoke(version)

        async def slowly(spec, get_ready=engine.backend.get_ready):
            engine.clock.jump(0.07)
            return await get_ready(spec)

        engine.backend.get_ready = slowly
        record = await engine.invoke(version)
        assert record.nth_call == 2
        assert (record.queue_ms, record.repeated_ms) == (70, 0)

    running(steps)


def test_another_revision_of_the_same_code_and_configuration_takes_it(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        await engine.invoke(replace(version, revision_id="another"))
        assert engine.ends() == ["begun"]

    running(steps)


def test_a_function_that_is_gone_gets_no_next_one(running):
    async def steps(engine):
        version = version_of("one")
        await engine.deploy(version)
        await engine.invoke(version)
        engine.environments.retire(version.key)
        engine.clock.jump(5)
        await asyncio.sleep(0)
        assert engine.ends() == ["begun"]

    running(steps)


def test_only_the_last_ones_wait(running):
    async def steps(engine):
        versions = [version_of(f"number-{number}") for number in range(standby.MOST + 2)]
        for version in versions:
            await engine.deploy(version)
        await engine.until(lambda: engine.ends() == ["discarded"] * 2 + [""] * standby.MOST)

    running(steps)


def test_those_that_wait_go_before_anybody_is_refused_for_want_of_memory(running):
    full = SimpleNamespace(
        missing_mb=lambda needed: 1, refusal=lambda *facts, **more: TooManyRequests("Rate Exceeded.")
    )

    async def steps(engine):
        await engine.deploy(version_of("one"))
        with pytest.raises(TooManyRequests):
            await engine.invoke(version_of("other"))
        await engine.until(lambda: engine.ends() == ["discarded"])

    running(steps, room=full)


def test_variables_under_a_key_of_the_functions_own_wait_nowhere(running):
    async def steps(engine):
        version = version_of("one", kms_sealed="c2VhbGVk")
        engine.environments.cold_starts.prepare(version)
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.ends() == []

    running(steps)


def test_at_the_end_of_the_region_none_is_left(tmp_path):
    async def go():
        engine = Engine(tmp_path)
        await engine.deploy(version_of("one"))
        engine.environments.close()
        await engine.environments.closed()
        assert engine.ends() == ["discarded"]
        engine.environments.cold_starts.prepare(version_of("two"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert engine.ends() == ["discarded"]

    asyncio.run(go())
