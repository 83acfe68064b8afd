"""The engine with extensions, on the fake backend and a clock that only moves when told."""

import asyncio
import json
import uuid
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit


async def _echo(event, context):
    context.write("handler")
    return event


async def _hang(event, context):
    await asyncio.Event().wait()


async def _exit(event, context):
    raise FakeExit(Exit("exited", status=3))


class Heard:
    """An extension that writes down its events, and works on each until told that it is done."""

    def __init__(self, *events, works=False, leaves=True):
        self.events, self.heard = events, []
        self.works, self.leaves = works, leaves
        self.finish = asyncio.Event()

    async def __call__(self, me):
        await me.register(*self.events)
        while True:
            self.heard.append(await me.next())
            if self.heard[-1]["eventType"] == "SHUTDOWN":
                if self.leaves:
                    return
                await asyncio.Event().wait()
            if self.works:
                await self.finish.wait()
                self.finish.clear()

    @property
    def kinds(self):
        return [event["eventType"] for event in self.heard]


class Engine:
    """A dispatcher over the fake backend with extensions, and the fake clock."""

    def __init__(self, folder, **extensions):
        self.clock = FakeClock()
        self.held = []
        self.backend = FakeBackend({"app.echo": _echo, "app.hang": _hang, "app.exit": _exit}, extensions=extensions)
        packages = SimpleNamespace(unpacked=lambda sha256: folder, hold=self.held.extend, release=self.release)
        self.logs = LogStore(folder / "logs", self.clock)
        self.environments = Environments(
            self.backend, self.clock, self.logs, packages, access={}, keep_warm_seconds=600
        )  # fmt: skip
        self.dispatcher = Dispatcher(self.environments, self.clock)

    def release(self, packages):
        for package in packages:
            self.held.remove(package)

    @property
    def sandbox(self):
        return self.backend.sandboxes[-1]

    def key(self, handler="echo"):
        return FunctionKey("123456789012", "us-east-1", handler)

    async def invoke(self, handler="echo", *, timeout=3, tail=True):
        version = FunctionVersion(
            self.key(handler), LATEST, "r", CodeReference("s", 1, 1), "role", "now",
            runtime="python3.12", handler=f"app.{handler}", memory_size=128, timeout=timeout,
        )  # fmt: skip
        request = Request(version, version.key.arn, b'{"n": 1}', str(uuid.uuid4()), self.clock.monotonic(), tail=tail)
        return await self.dispatcher.invoke(request)

    def said(self, handler="echo"):
        return [event.message for event in self.logs.events(f"/aws/lambda/{handler}")]

    async def until(self, condition):
        """Let the loop turn until something is so."""
        for _ in range(20_000):
            if condition():
                return
            await asyncio.sleep(0)
        raise AssertionError("it never was so")


def running(tmp_path, steps, **extensions):
    async def go():
        engine = Engine(tmp_path, **extensions)
        try:
            await asyncio.wait_for(steps(engine), 20)
        finally:
            engine.environments.close()
            engine.clock.jump(3)
            await engine.environments.closed()
            await engine.backend.close()

    asyncio.run(go())


def test_the_runtime_starts_when_the_last_extension_has_registered(tmp_path):
    order, gate = [], asyncio.Event()

    async def quick(me):
        await me.register("INVOKE")
        order.append("quick")
        while True:
            await me.next()

    async def slow(me):
        await gate.wait()
        order.append("slow")
        await me.register("INVOKE")
        while True:
            await me.next()

    async def steps(engine):
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: order == ["quick"])
        await asyncio.sleep(0.02)
        assert engine.sandbox._runtime is None
        gate.set()
        assert (await call).record.outcome == "ok"
        assert order == ["quick", "slow"]

    running(tmp_path, steps, quick=quick, slow=slow)


def test_init_waits_until_every_extension_asks_for_its_first_event(tmp_path):
    gate = asyncio.Event()

    async def steps(engine):
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: engine.environments.counts()["starting"] == 1)
        await asyncio.sleep(0.05)
        engine.clock.jump(2)
        assert engine.environments.counts()["starting"] == 1
        gate.set()
        assert (await call).record.init_ms == 2000

    async def lingers(me):
        await me.register()
        await gate.wait()
        await me.next()

    running(tmp_path, steps, lingers=lingers)


def test_an_extension_that_never_registers_uses_up_the_init_and_then_the_timeout(tmp_path):
    async def silent(me):
        await asyncio.Event().wait()

    async def steps(engine):
        call = asyncio.create_task(engine.invoke(timeout=5))
        await engine.until(lambda: len(engine.backend.sandboxes) == 1)
        await asyncio.sleep(0.02)
        engine.clock.jump(10.1)
        for _ in range(100):
            await asyncio.sleep(0.001)
            engine.clock.jump(0.1)
        assert json.loads((await call).body)["errorType"] == "Sandbox.Timedout"
        assert "EXTENSION\tName: silent\tState: Started\tEvents: []" in engine.said()

    running(tmp_path, steps, silent=silent)


def test_an_invocation_is_over_when_the_extensions_are_and_its_caller_knows_before(tmp_path):
    one = Heard("INVOKE", works=True)

    async def steps(engine):
        result = await engine.invoke(tail=False)
        assert result.body == b'{"n": 1}'
        assert result.record.extensions_ms is None
        engine.clock.jump(1.5)
        assert engine.environments.counts()["busy"] == 1
        assert not engine.sandbox.frozen
        assert not any(line.startswith("REPORT") for line in engine.said())
        one.finish.set()
        await engine.until(lambda: engine.environments.counts()["idle"] == 1)
        assert "\tDuration: 1500.00 ms\tBilled Duration: 1500 ms" in engine.said()[-1]
        engine.clock.jump(1)
        assert engine.sandbox.frozen

    running(tmp_path, steps, one=one)


def test_who_wants_the_log_waits_for_all_of_it(tmp_path):
    one = Heard("INVOKE", works=True)

    async def steps(engine):
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: one.kinds == ["INVOKE"])
        await asyncio.sleep(0.05)
        engine.clock.jump(1)
        assert not call.done()
        one.finish.set()
        result = await call
        assert (result.record.duration_ms, result.record.extensions_ms) == (1000, 1000)
        assert "Duration: 1000.00 ms" in result.tail

    running(tmp_path, steps, one=one)


def test_only_those_who_asked_hear_of_invocations_and_hold_them_up(tmp_path):
    deaf, one = Heard("SHUTDOWN", works=True), Heard("INVOKE", "SHUTDOWN")

    async def steps(engine):
        await engine.invoke()
        await engine.invoke()
        assert (one.kinds, deaf.kinds) == (["INVOKE", "INVOKE"], [])
        assert one.heard[0]["deadlineMs"] == engine.clock.epoch_ms() + 3000

    running(tmp_path, steps, one=one, deaf=deaf)


def test_the_timeout_ends_an_extension_that_works_too_long_but_not_the_answer(tmp_path):
    one = Heard("INVOKE", "SHUTDOWN", works=True)

    async def steps(engine):
        result = await engine.invoke(tail=False)
        assert result.record.outcome == "ok"
        engine.clock.jump(3)
        assert engine.environments.counts()["busy"] == 0
        assert "Task timed out after 3.00 seconds" in engine.said()[-4]
        assert engine.said()[-1].endswith("Status: timeout\t")
        (call,) = engine.dispatcher.journal.calls(engine.key().arn)
        assert not call.ok

    running(tmp_path, steps, one=one)


def test_the_end_is_sigterm_then_shutdown_then_nothing(tmp_path):
    one, two = Heard("SHUTDOWN"), Heard("INVOKE", "SHUTDOWN")

    async def steps(engine):
        await engine.invoke()
        engine.clock.jump(1)
        assert engine.sandbox.frozen
        engine.environments.retire(engine.key())
        assert engine.environments.counts()["idle"] == 0
        assert not engine.sandbox.frozen, "it thaws for its end"
        await engine.environments.closed()
        assert engine.sandbox.signals == ["TERM"]
        assert one.heard[-1] == two.heard[-1]
        assert one.heard[-1]["shutdownReason"] == "SPINDOWN"
        assert one.heard[-1]["deadlineMs"] == engine.clock.epoch_ms() + 2000
        assert engine.sandbox.exited.result() == Exit("stopped")

    running(tmp_path, steps, one=one, two=two)


def test_a_runtime_that_does_not_listen_is_killed_and_extensions_have_the_rest_of_two_seconds(tmp_path):
    one = Heard("SHUTDOWN", leaves=False)

    async def steps(engine):
        await engine.invoke()
        sandbox = engine.sandbox
        sandbox.deaf = True
        engine.environments.retire(engine.key())
        engine.clock.jump(0.29)
        assert (sandbox.signals, one.kinds) == (["TERM"], [])
        engine.clock.jump(0.02)
        assert sandbox.signals == ["TERM", "KILL"]
        await engine.until(lambda: one.kinds == ["SHUTDOWN"])
        engine.clock.jump(1.6)
        assert not sandbox.exited.done()
        assert engine.held == ["s"], "its package is not taken away under it"
        engine.clock.jump(0.2)
        await engine.environments.closed()
        assert sandbox.exited.done()
        assert engine.held == []

    running(tmp_path, steps, one=one)


@pytest.mark.parametrize(
    ("handler", "reason", "outcome"), [("hang", "TIMEOUT", "timeout"), ("exit", "FAILURE", "exit")]
)
def test_extensions_are_told_why_it_ends_and_nobody_waits_for_them(tmp_path, handler, reason, outcome):
    one = Heard("SHUTDOWN", leaves=False)

    async def steps(engine):
        call = asyncio.create_task(engine.invoke(handler))
        await engine.until(lambda: any(line.startswith("START") for line in engine.said(handler)))
        await asyncio.sleep(0.02)
        engine.clock.jump(3 if handler == "hang" else 0)
        assert (await call).record.outcome == outcome
        assert not engine.sandbox.exited.done()
        await engine.until(lambda: one.kinds == ["SHUTDOWN"])
        assert one.heard[0]["shutdownReason"] == reason

    running(tmp_path, steps, one=one)


def test_an_extension_that_ends_after_the_answer_ends_the_environment(tmp_path):
    gate = asyncio.Event()

    async def fragile(me):
        await me.register("INVOKE")
        waiting = asyncio.create_task(me.next())
        await gate.wait()
        waiting.cancel()
        raise FakeExit(Exit("signal", signal=11))

    async def steps(engine):
        assert (await engine.invoke(tail=False)).record.outcome == "ok"
        gate.set()
        await engine.until(lambda: engine.environments.counts()["busy"] == 0)
        assert "Error Type: Extension.Crash" in engine.said()[-1]

    running(tmp_path, steps, fragile=fragile)


def test_an_init_is_repeated_after_the_first_one_has_gone(tmp_path):
    tries = []

    async def broken(me):
        tries.append(len(tries))
        await me.register("SHUTDOWN")
        raise FakeExit(Exit("exited", status=7))

    lingering = Heard("SHUTDOWN", leaves=False)

    async def steps(engine):
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: tries == [0])
        await asyncio.sleep(0.05)
        assert len(engine.backend.sandboxes) == 1, "the first one's two seconds are not over"
        engine.clock.jump(2.1)
        failed = json.loads((await call).body)
        assert failed["errorType"] == "Extension.Crash"
        assert failed["errorMessage"].endswith("Error: exit status 7")
        assert tries == [0, 1]

    running(tmp_path, steps, broken=broken, lingering=lingering)


def test_an_announced_error_names_the_failure(tmp_path):
    async def polite(me):
        await me.register("INVOKE")
        report = ("POST", "/2020-01-01/extension/init/error", {})
        assert (await me.ask(*report, Function_Error_Type="Extension.NoConfig"))[0] == 202
        raise FakeExit(Exit("exited", status=1))

    async def steps(engine):
        assert json.loads((await engine.invoke()).body)["errorType"] == "Extension.InitError"
        line = "EXTENSION\tName: polite\tState: InitError\tEvents: [INVOKE]\tError Type: Extension.NoConfig"
        assert line in engine.said()

    running(tmp_path, steps, polite=polite)


def test_an_extensions_output_is_in_the_functions_log(tmp_path):
    async def talks(me):
        await me.register("INVOKE")
        while True:
            event = await me.next()
            me.write(f"told of {event['requestId']}")

    async def steps(engine):
        result = await engine.invoke()
        assert f"told of {result.record.request_id}" in result.tail

    running(tmp_path, steps, talks=talks)


def test_a_report_reaches_a_listener_when_the_environment_thaws(tmp_path):
    batches, ports = [], []

    async def listens(me):
        async def take(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
            batches.append([event["type"] for event in json.loads(await reader.readexactly(length))])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        await me.register("INVOKE")
        where = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{ports[0]}"}
        wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": where}
        assert await me.ask("PUT", "/2022-07-01/telemetry", wanted) == (200, "OK")
        refused = await me.ask("PUT", "/2022-07-01/telemetry", {**wanted, "types": []})
        assert refused == (400, {"errorMessage": "types should not be empty", "errorType": "ValidationError"})
        while True:
            await me.next()
            status, late = await me.ask("PUT", "/2022-07-01/telemetry", wanted)
            assert (status, late["errorType"]) == (403, "Telemetry.SubscriptionClosed")

    async def steps(engine):
        await engine.invoke()
        engine.clock.jump(0.5)
        assert engine.sandbox.frozen
        engine.clock.jump(60)
        await asyncio.sleep(0.05)
        assert batches == []
        await engine.invoke()
        await engine.until(lambda: batches)
        kinds = [kind.removeprefix("platform.") for kind in batches[0]]
        assert sorted(kinds[1:3]) == ["initRuntimeDone", "telemetrySubscription"]
        assert [kinds[0], *kinds[3:8]] == ["initStart", "extension", "initReport", "start", "runtimeDone", "report"]

    running(tmp_path, steps, listens=listens)


def test_what_the_region_does_not_reach_gets_no_telemetry_and_is_told(tmp_path):
    engines, answers = [], []

    async def asks(me):
        engines[0].sandbox.local_address = ""
        await me.register("INVOKE")
        where = {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"}
        wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": where}
        answers.append(await me.ask("PUT", "/2022-07-01/telemetry", wanted))
        while True:
            await me.next()

    async def steps(engine):
        engines.append(engine)
        await engine.invoke()
        assert [(status, answer["errorType"]) for status, answer in answers] == [(202, "Telemetry.NotSupported")]
        assert [line for line in engine.said() if line.startswith("[lambdalab] asks gets no telemetry: this machine")]
        assert not [line for line in engine.said() if line.startswith("TELEMETRY")]

    running(tmp_path, steps, asks=asks)


def test_the_regions_end_waits_for_the_extensions(tmp_path):
    one = Heard("SHUTDOWN", leaves=False)

    async def steps(engine):
        await engine.invoke()
        engine.environments.close()
        closed = asyncio.create_task(engine.environments.closed())
        await engine.until(lambda: one.kinds == ["SHUTDOWN"])
        assert not closed.done()
        engine.clock.jump(2)
        await closed

    running(tmp_path, steps, one=one)
