"""The engine against a clock that only moves when told: what takes seconds and minutes on AWS, at once."""

import asyncio
import json
import uuid
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock, SystemClock
from lambdalab.engine.admission import Admission
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.errors import RuntimeUnavailable, TooManyRequests
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit


async def _echo(event, context):
    return event


async def _exit(event, context):
    raise FakeExit(Exit("exited", status=3))


async def _hang(event, context):
    await asyncio.Event().wait()


class Engine:
    """A dispatcher over the fake backend and the fake clock."""

    backend_type = FakeBackend

    def __init__(self, folder, *, admission=None, room=None, handlers=None):
        self.clock = FakeClock()
        self.backend = self.backend_type({"app.echo": _echo, "app.hang": _hang, "app.exit": _exit, **(handlers or {})})
        packages = SimpleNamespace(unpacked=lambda sha256: folder, hold=lambda held: None, release=lambda held: None)
        self.environments = Environments(
            self.backend, self.clock, LogStore(folder / "logs", self.clock), packages,
            access={}, keep_warm_seconds=600, lifetime_seconds=7200, room=room,
        )  # fmt: skip
        self.dispatcher = Dispatcher(self.environments, self.clock, admission=admission)

    async def invoke(self, handler="echo", *, timeout=3, runtime="python3.12"):
        key = FunctionKey("123456789012", "us-east-1", handler)
        version = FunctionVersion(
            key, LATEST, "r", CodeReference("s", 1, 1), "role", "now",
            runtime=runtime, handler=f"app.{handler}", memory_size=128, timeout=timeout,
        )  # fmt: skip
        request = Request(version, key.arn, b'{"n": 1}', str(uuid.uuid4()), self.clock.monotonic(), tail=True)
        return await self.dispatcher.invoke(request)

    async def until(self, state, number=1):
        """Let the loop turn until so many environments are in a state."""
        for _ in range(10_000):
            if self.environments.counts()[state] == number:
                return
            await asyncio.sleep(0)
        raise AssertionError(self.environments.counts())


def running(tmp_path, steps, make=Engine, **options):
    async def go():
        engine = make(tmp_path, **options)
        try:
            await steps(engine)
        finally:
            engine.environments.close()
            await engine.backend.close()

    asyncio.run(go())


def test_a_function_of_fifteen_minutes_times_out_after_fifteen_minutes(tmp_path):
    async def steps(engine):
        call = asyncio.create_task(engine.invoke("hang", timeout=900))
        await engine.until("busy")
        for _ in range(5):
            await asyncio.sleep(0.01)
        engine.clock.jump(899.9)
        await asyncio.sleep(0.01)
        assert not call.done()
        engine.clock.jump(0.2)
        result = await call
        assert "Task timed out after 900.00 seconds" in json.loads(result.body)["errorMessage"]
        assert result.record.duration_ms == 900_000

    running(tmp_path, steps)


def test_an_idle_environment_is_kept_for_its_time_and_then_ended(tmp_path):
    async def steps(engine):
        await engine.invoke()
        engine.clock.jump(599)
        assert engine.environments.counts()["idle"] == 1
        engine.clock.jump(2)
        assert engine.environments.counts()["idle"] == 0
        again = await engine.invoke()
        assert again.record.cold
        assert "600 s without a call" in again.record.start_reason

    running(tmp_path, steps)


async def fails(engine):
    """A call that ends its environment; what the environment left."""
    call = asyncio.create_task(engine.invoke("exit"))
    assert (await call).record.outcome == "exit"
    return engine.backend.sandboxes[-1].left


def test_what_a_failed_environment_left_goes_to_the_next_call(tmp_path):
    async def steps(engine):
        left = await fails(engine)
        assert not left.released
        again = await engine.invoke("exit")
        assert engine.backend.sandboxes[-1].spec.kept is left
        assert left.released, "the sandbox has it"
        assert again.record.nth_call == 2

    running(tmp_path, steps)


def test_what_a_failed_environment_left_is_let_go_when_nobody_calls(tmp_path):
    async def steps(engine):
        left = await fails(engine)
        engine.clock.jump(599)
        assert not left.released
        engine.clock.jump(2)
        assert left.released
        await engine.invoke("exit")
        assert engine.backend.sandboxes[-1].spec.kept is None

    running(tmp_path, steps)


@pytest.mark.parametrize("end", ["retire", "close"])
def test_what_a_failed_environment_left_is_let_go_with_the_function_and_the_region(tmp_path, end):
    async def steps(engine):
        left = await fails(engine)
        if end == "retire":
            engine.environments.retire(FunctionKey("123456789012", "us-east-1", "exit"))
        else:
            engine.environments.close()
        assert left.released

    running(tmp_path, steps)


def test_what_a_failed_environment_left_is_let_go_when_it_cannot_begin_again(tmp_path):
    async def steps(engine):
        left = await fails(engine)
        engine.backend.runtimes = frozenset()
        with pytest.raises(RuntimeUnavailable):
            await engine.invoke("exit")
        assert left.released

    running(tmp_path, steps)


def test_an_idle_environment_that_fails_begins_again_too(tmp_path):
    async def steps(engine):
        first = await engine.invoke()
        engine.backend.sandboxes[0]._end(Exit("exited", status=1))
        await asyncio.sleep(0.01)
        again = await engine.invoke()
        assert again.record.environment_id == first.record.environment_id
        assert again.record.repeated_ms >= 0
        assert again.record.init_ms is None

    running(tmp_path, steps)


def test_a_call_starts_the_idle_time_anew(tmp_path):
    async def steps(engine):
        await engine.invoke()
        engine.clock.jump(500)
        assert not (await engine.invoke()).record.cold
        engine.clock.jump(500)
        assert not (await engine.invoke()).record.cold

    running(tmp_path, steps)


def test_an_environment_in_use_is_ended_when_it_has_served_its_time(tmp_path):
    async def steps(engine):
        first = await engine.invoke()
        for _ in range(13):
            engine.clock.jump(550)
            last = await engine.invoke()
        assert last.record.environment_id == first.record.environment_id
        engine.clock.jump(50)
        again = await engine.invoke()
        assert again.record.cold
        assert "7200 s of service" in again.record.start_reason

    running(tmp_path, steps)


def test_an_environment_is_frozen_when_it_has_been_idle_and_thawed_for_a_call(tmp_path):
    async def steps(engine):
        await engine.invoke()
        (sandbox,) = engine.backend.sandboxes
        await asyncio.sleep(0.02)  # until the runtime has polled again
        engine.clock.jump(1)
        assert sandbox.frozen
        await engine.invoke()
        assert not sandbox.frozen

    running(tmp_path, steps)


def test_a_record_over_the_memory_size_is_out_of_memory_even_if_nobody_saw_it_happen(tmp_path):
    async def steps(engine):
        await engine.invoke()
        engine.backend.sandboxes[0].memory_mb = 129
        result = await engine.invoke()
        assert result.record.outcome == "out_of_memory"
        assert "Max Memory Used: 128 MB" in result.tail

    running(tmp_path, steps)


def test_a_runtime_that_is_not_there_is_said(tmp_path):
    async def steps(engine):
        with pytest.raises(RuntimeUnavailable, match=r"no interpreter of python3\.13"):
            await engine.invoke(runtime="python3.13")
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}

    running(tmp_path, steps)


def test_an_account_has_ten_calls_a_second_for_each_unit_of_its_concurrency():
    clock = FakeClock()
    admission = Admission(clock, limit=3)
    keys = [FunctionKey("123456789012", "us-east-1", name) for name in ("f", "g")]

    def call(key):
        admission.enter(key)
        admission.leave(key)

    for number in range(30):
        call(keys[number % 2])
    with pytest.raises(TooManyRequests) as refused:
        call(keys[0])
    assert refused.value.extra["Reason"] == "FunctionInvocationRateLimitExceeded"
    assert admission.in_flight(keys[0]) == 0
    call(FunctionKey("210987654321", "us-east-1", "f"))
    clock.jump(1)
    for number in range(30):
        call(keys[number % 2])


def test_calls_over_the_accounts_limit_are_throttled(tmp_path):
    async def steps(engine):
        call = asyncio.create_task(engine.invoke("hang"))
        await engine.until("busy")
        with pytest.raises(TooManyRequests) as refused:
            await engine.invoke()
        assert refused.value.http_status == 429
        assert "Reason" in refused.value.extra
        for _ in range(20):
            await asyncio.sleep(0.01)
            engine.clock.jump(1)
        assert (await call).record.outcome == "timeout"
        assert (await engine.invoke()).record.outcome == "ok"

    running(tmp_path, steps, admission=Admission(SystemClock(), 1))


def test_a_runtime_that_had_to_be_made_ready_is_no_secret_of_the_queue(tmp_path):
    async def steps(engine):
        really = engine.backend.prepare

        async def prepare(*asked):
            engine.clock.jump(6.5)
            return await really(*asked)

        engine.backend.prepare = prepare
        reason = (await engine.invoke()).record.start_reason
        assert "making python3.12 ready for its first use here took 6.5 s of the queue" in reason

    running(tmp_path, steps)
