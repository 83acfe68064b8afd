"""SnapStart against a clock that only moves when told: snapshots made ahead, restored once, made again, given up."""

import asyncio
import json
import uuid
from dataclasses import replace
from types import SimpleNamespace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.engine.room import Memory, Room
from lambdalab.engine.snapshots import KEPT_SECONDS, READY_AT_ONCE, REFILL_SECONDS, NotMade
from lambdalab.errors import SnapStartFailed, SnapStartTimeout
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends.base import Exit
from lambdalab.runtimes.backends.fake import FakeBackend, FakeExit, FakeHooks

KEY = FunctionKey("123456789012", "us-east-1", "snapped")
VERSION = FunctionVersion(
    KEY, "1", "r", CodeReference("s", 1, 1), "role", "now", runtime="python3.12", handler="app.tell",
    memory_size=128, settings={"SnapStart": {"ApplyOn": "PublishedVersions"}},
)  # fmt: skip
OTHER = replace(VERSION, key=FunctionKey("123456789012", "us-east-1", "other"), version=LATEST)


async def _tell(event, context):
    """What its hooks left in this environment."""
    context.globals.setdefault("told", []).append("handler")
    return context.globals["told"]


async def _variables(event, context):
    return sorted(context.spec.environment)


async def _hang(*_):
    await asyncio.Event().wait()


async def _before(context):
    context.write("getting ready")
    context.globals["told"] = ["before"]


async def _after(context):
    context.globals["told"].append("after")


async def _fail(context):
    raise ValueError("no")


async def _exit(context):
    raise FakeExit(Exit("exited", status=7))


class Engine:
    """A dispatcher over the fake backend and the fake clock, and what became of publications."""

    def __init__(self, folder, hooks=None, extensions=None, **options):
        self.clock = FakeClock()
        handlers = {"app.tell": _tell, "app.variables": _variables, "app.hang": _hang}
        self.backend = FakeBackend(handlers, extensions=extensions, hooks=hooks or FakeHooks(_before, _after))
        self.logs = LogStore(folder / "logs", self.clock)
        packages = SimpleNamespace(unpacked=lambda sha256: folder, hold=lambda held: None, release=lambda held: None)
        self.environments = Environments(
            self.backend, self.clock, self.logs, packages, access={}, keep_warm_seconds=600, **options
        )
        self.dispatcher = Dispatcher(self.environments, self.clock)
        self.snapshots = self.dispatcher.snapshots

    def publish(self, version=VERSION):
        made = asyncio.get_running_loop().create_future()
        self.snapshots.publish(version, made.set_result)
        return made

    async def invoke(self, version=VERSION):
        request = Request(version, version.qualified_arn, b"{}", str(uuid.uuid4()), self.clock.monotonic(), tail=True)
        return await self.dispatcher.invoke(request)

    async def until(self, true):
        """Let the loop turn until something is so."""
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0)

    async def until_ready(self, version=VERSION):
        await self.until(lambda: self.environments.has_snapshot(version))

    def log(self):
        """Every line of the function's log group, by stream."""
        self.logs.flush()
        found = {}
        for event in self.logs.events("/aws/lambda/snapped"):
            found.setdefault(event.stream, []).append(event.message)
        return found


def running(tmp_path, steps, *hooks, **options):
    async def go():
        engine = Engine(tmp_path, *hooks, **options)
        try:
            await steps(engine)
        finally:
            engine.snapshots.close()
            engine.environments.close()
            engine.clock.jump(3)
            await engine.environments.closed()
            await engine.backend.close()

    asyncio.run(go())


def test_the_first_call_of_a_version_is_restored_from_what_was_initialised_when_it_was_published(tmp_path):
    async def steps(engine):
        assert await engine.publish() is None
        (sandbox,) = engine.backend.sandboxes
        assert engine.environments.has_snapshot(VERSION)
        result = await engine.invoke()
        assert json.loads(result.body) == ["before", "after", "handler"]
        assert engine.backend.sandboxes == [sandbox]
        record = result.record
        assert (record.init_ms, record.initialization, record.cold) == (None, "snap-start", True)
        assert record.restore_ms is not None
        assert record.billed_restore_ms is not None
        assert "initialised ahead" in record.start_reason

    running(tmp_path, steps)


def test_a_snapshot_waits_frozen_and_is_thawed_by_its_restore(tmp_path):
    async def steps(engine):
        await engine.publish()
        (sandbox,) = engine.backend.sandboxes
        assert not sandbox.frozen
        engine.clock.jump(1)
        assert sandbox.frozen
        await engine.invoke()
        assert not sandbox.frozen

    running(tmp_path, steps)


def test_restore_and_report_are_told_in_aws_words(tmp_path):
    async def slowly(context):
        engines[0].clock.jump(0.0204)

    engines = []

    async def steps(engine):
        engines.append(engine)
        await engine.publish()
        result = await engine.invoke()
        assert result.record.restore_ms == 20.4
        assert (result.record.billed_restore_ms, result.record.billed_ms) == (21, 21)
        assert result.record.queue_ms == 0
        start, report, began, _, end = result.tail.splitlines()
        assert start.startswith("RESTORE_START Runtime Version: python:3.12 (lambdalab fake)")
        assert report == "RESTORE_REPORT Restore Duration: 20.40 ms"
        assert began.startswith("START RequestId:")
        assert "Init Duration" not in end
        assert end.endswith("\tRestore Duration: 20.40 ms\tBilled Restore Duration: 21 ms\t")

    running(tmp_path, steps, FakeHooks(after_restore=slowly))


def test_what_is_restored_logs_to_a_stream_of_its_own_and_the_init_is_in_the_snapshots(tmp_path):
    async def steps(engine):
        await engine.publish()
        record = (await engine.invoke()).record
        streams = engine.log()
        restored = streams.pop(record.log_stream)
        assert restored[0].startswith("RESTORE_START")
        ((first, ready, init),) = streams.values()
        assert (first.partition(" ")[0], ready) == ("INIT_START", "getting ready")
        assert init.startswith("INIT_REPORT Init Duration: ")
        assert "Status" not in init

    running(tmp_path, steps)


def test_a_json_log_has_the_same_moments(tmp_path):
    async def steps(engine):
        version = replace(VERSION, settings={**VERSION.settings, "LoggingConfig": {"LogFormat": "JSON"}})
        await engine.publish(version)
        said = [json.loads(line) for line in (await engine.invoke(version)).tail.splitlines()]
        start, report, *_, last = said
        assert start["type"] == "platform.restoreStart"
        assert start["record"]["functionVersion"] == "1"
        assert (report["type"], report["record"]["status"]) == ("platform.restoreReport", "success")
        assert last["record"]["metrics"]["restoreDurationMs"] == report["record"]["metrics"]["durationMs"]
        (init,) = [lines for name, lines in engine.log().items() if any("initStart" in line for line in lines)]
        assert json.loads(init[0])["record"]["initializationType"] == "snap-start"

    running(tmp_path, steps)


def test_its_variables_say_how_it_was_initialised_and_name_no_log(tmp_path):
    async def steps(engine):
        version = replace(VERSION, handler="app.variables")
        await engine.publish(version)
        names = json.loads((await engine.invoke(version)).body)
        assert not [name for name in names if "_LOG_" in name]
        (sandbox,) = engine.backend.sandboxes
        assert sandbox.spec.environment["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
        latest = json.loads((await engine.invoke(replace(version, version=LATEST))).body)
        assert {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"} < set(latest)

    running(tmp_path, steps)


def test_latest_starts_cold_as_ever(tmp_path):
    async def steps(engine):
        await engine.publish()
        record = (await engine.invoke(replace(VERSION, version=LATEST))).record
        assert (record.restore_ms, record.initialization, record.cold) == (None, "on-demand", True)
        assert record.init_ms is not None

    running(tmp_path, steps)


def test_the_next_call_is_warm(tmp_path):
    async def steps(engine):
        await engine.publish()
        first, second = (await engine.invoke()).record, (await engine.invoke()).record
        assert (second.restore_ms, second.billed_restore_ms, second.cold) == (None, None, False)
        assert second.environment_id == first.environment_id

    running(tmp_path, steps)


def test_when_none_is_ready_one_is_initialised_for_the_call_and_that_counts_as_queue(tmp_path):
    async def slowly(context):
        engines[0].clock.jump(0.5)

    engines = []

    async def steps(engine):
        engines.append(engine)
        await engine.publish()
        first = asyncio.create_task(engine.invoke(replace(VERSION, handler="app.hang")))
        await engine.until(lambda: engine.environments.counts()["busy"])
        record = (await engine.invoke()).record
        assert record.queue_ms == 500
        assert (record.init_ms, record.restore_ms is None) == (None, False)
        assert "just been restored for another call" in record.start_reason
        assert "0.5 s of the queue, which AWS does not have" in record.start_reason
        first.cancel()

    running(tmp_path, steps, FakeHooks(before_snapshot=slowly))


def test_another_is_made_a_moment_after_a_restore(tmp_path):
    async def steps(engine):
        await engine.publish()
        await engine.invoke()
        assert len(engine.backend.sandboxes) == 1
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await engine.until_ready()
        assert len(engine.backend.sandboxes) == 2

    running(tmp_path, steps)


def test_no_other_is_made_while_a_call_waits_for_its_own(tmp_path):
    gate = asyncio.Event()

    async def steps(engine):
        await engine.publish()
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: engine.environments.counts()["starting"])
        engine.snapshots.keep(VERSION)
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await asyncio.sleep(0.01)
        assert len(engine.backend.sandboxes) == 1
        gate.set()
        await call

    async def wait(context):
        await gate.wait()

    running(tmp_path, steps, FakeHooks(after_restore=wait))


def test_one_that_nobody_restores_is_ended_after_its_time_and_made_again_with_the_next_call(tmp_path):
    async def steps(engine):
        await engine.publish()
        engine.clock.jump(KEPT_SECONDS - 1)
        assert engine.environments.has_snapshot(VERSION)
        engine.clock.jump(2)
        assert not engine.environments.has_snapshot(VERSION)
        assert engine.backend.sandboxes[0].exited.done()
        assert "was ended after 1 h without a call" in (await engine.invoke()).record.start_reason
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await engine.until_ready()

    running(tmp_path, steps)


def test_only_those_of_the_versions_that_were_used_last_are_kept_ready(tmp_path):
    async def steps(engine):
        versions = [replace(VERSION, version=str(number)) for number in range(1, READY_AT_ONCE + 3)]
        for version in versions:
            await engine.publish(version)
            engine.clock.jump(0.1)
        ready = [version.version for version in versions if engine.environments.has_snapshot(version)]
        assert ready == [str(number) for number in range(3, READY_AT_ONCE + 3)]
        record = (await engine.invoke(versions[0])).record
        assert "10 other versions had been used since" in record.start_reason

    running(tmp_path, steps)


def test_a_failing_before_snapshot_hook_fails_the_publication(tmp_path):
    async def steps(engine):
        why = await engine.publish()
        assert why == NotMade("FunctionError", "An error occurred during function initialization.")
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}
        (lines,) = engine.log().values()
        assert lines[-1].endswith("Phase: init\tStatus: error\tError Type: Runtime.BeforeSnapshotError")
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await asyncio.sleep(0.01)
        assert len(engine.backend.sandboxes) == 1, "it is not tried again"

    running(tmp_path, steps, FakeHooks(before_snapshot=_fail))


def test_init_and_before_snapshot_hooks_have_130_seconds(tmp_path):
    async def steps(engine):
        made = engine.publish()
        await engine.until(lambda: engine.environments.counts()["starting"])
        await asyncio.sleep(0.01)
        engine.clock.jump(129)
        await asyncio.sleep(0.01)
        assert not made.done()
        engine.clock.jump(2)
        assert (await made).code == "FunctionError"

    running(tmp_path, steps, FakeHooks(before_snapshot=_hang))


def test_a_version_whose_runtime_is_not_here_cannot_be_published(tmp_path):
    async def steps(engine):
        engine.backend.runtimes = frozenset()
        assert await engine.publish() == NotMade("InvalidRuntime", "no interpreter of python3.12 in this fake")

    running(tmp_path, steps)


@pytest.mark.parametrize(("hook", "kind"), [(_fail, "Runtime.AfterRestoreError"), (_exit, "Runtime.ExitError")])
def test_a_failing_after_restore_hook_fails_the_call(tmp_path, hook, kind):
    async def steps(engine):
        await engine.publish()
        with pytest.raises(SnapStartFailed, match=r"The afterRestore\(\) runtime hook encountered an error"):
            await engine.invoke()
        assert engine.environments.counts()["busy"] == engine.dispatcher.admission.in_flight(KEY) == 0
        await engine.until(engine.backend.sandboxes[0].exited.done)
        (restored,) = [lines for lines in engine.log().values() if lines[0].startswith("RESTORE_START")]
        assert restored[-1].endswith(f" ms\tStatus: error\tError Type: {kind}")

    running(tmp_path, steps, FakeHooks(after_restore=hook))


def test_an_after_restore_hook_has_ten_seconds(tmp_path):
    async def steps(engine):
        await engine.publish()
        call = asyncio.create_task(engine.invoke())
        await engine.until(lambda: engine.environments.counts()["starting"])
        engine.clock.jump(9.9)
        await asyncio.sleep(0.01)
        assert not call.done()
        engine.clock.jump(0.2)
        with pytest.raises(SnapStartTimeout, match="couldn't restore the snapshot within the timeout limit"):
            await call
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}
        (restored,) = [lines for lines in engine.log().values() if lines[0].startswith("RESTORE_START")]
        assert restored[-1].endswith("Status: timeout")

    running(tmp_path, steps, FakeHooks(after_restore=_hang))


def test_a_runtime_without_hooks_is_thawed_and_runs(tmp_path):
    async def steps(engine):
        await engine.publish()
        record = (await engine.invoke()).record
        assert (record.init_ms, record.restore_ms) == (None, 0.0)

    running(tmp_path, steps, FakeHooks(aware=False))


def test_a_deleted_version_has_no_snapshot_any_more(tmp_path):
    async def steps(engine):
        await engine.publish()
        engine.snapshots.end(KEY, "1")
        engine.environments.retire(KEY, "1")
        assert engine.backend.sandboxes[0].exited.done()
        engine.clock.jump(KEPT_SECONDS)
        await asyncio.sleep(0.01)
        assert len(engine.backend.sandboxes) == 1

    running(tmp_path, steps)


def test_a_version_that_is_deleted_while_its_snapshot_is_made_leaves_nothing(tmp_path):
    async def steps(engine):
        made = engine.publish()
        await engine.until(lambda: engine.backend.sandboxes)
        engine.snapshots.end(KEY)
        engine.environments.retire(KEY)
        await engine.until(engine.backend.sandboxes[0].exited.done)
        assert not made.done()

    running(tmp_path, steps, FakeHooks(before_snapshot=_hang))


def test_snapshots_are_the_first_to_make_room(tmp_path):
    free = [1000]

    async def steps(engine):
        idle = replace(OTHER, handler="app.tell")
        await engine.invoke(idle)
        await engine.publish()
        free[0] = 110
        await engine.invoke(replace(OTHER, key=FunctionKey("123456789012", "us-east-1", "third"), handler="app.tell"))
        assert not engine.environments.has_snapshot(VERSION)
        assert not engine.backend.sandboxes[0].exited.done(), "the idle one is still there"
        free[0] = 1000
        assert "made room for another function" in (await engine.invoke()).record.start_reason

    running(tmp_path, steps, room=Room(lambda: Memory(1000, free[0])))


def test_none_is_made_again_where_there_is_no_room_for_it(tmp_path):
    free = [1000]

    async def steps(engine):
        await engine.publish()
        await engine.invoke()
        free[0] = 60
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await asyncio.sleep(0.01)
        assert len(engine.backend.sandboxes) == 1
        free[0] = 1000
        engine.clock.jump(601)
        assert "no memory to keep one ready" in (await engine.invoke()).record.start_reason

    running(tmp_path, steps, room=Room(lambda: Memory(1000, free[0])))


def test_a_version_of_an_earlier_region_has_its_snapshot_again(tmp_path):
    async def steps(engine):
        engine.snapshots.keep(VERSION)
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await engine.until_ready()
        assert (await engine.invoke()).record.restore_ms is not None

    running(tmp_path, steps)


def test_after_a_failure_the_next_call_is_restored_anew(tmp_path):
    async def steps(engine):
        await engine.publish()
        first = (await engine.invoke()).record
        engine.clock.jump(REFILL_SECONDS + 0.1)
        await engine.until_ready()
        engine.backend.sandboxes[0]._end(Exit("exited", status=1))
        await asyncio.sleep(0.01)
        again = (await engine.invoke()).record
        assert again.environment_id != first.environment_id
        assert again.restore_ms is not None

    running(tmp_path, steps)


def test_extensions_are_part_of_the_snapshot_and_are_told_of_its_restore(tmp_path):
    told, events = [], []

    async def listens(me):
        async def take(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            told.extend(json.loads(await reader.readexactly(int(head.split("Content-Length: ")[1].split("\r\n")[0]))))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        where = {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.sockets[0].getsockname()[1]}"}
        await me.register("INVOKE")
        wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "destination": where}
        wanted["buffering"] = {"timeoutMs": 25, "maxBytes": 262_144, "maxItems": 1000}
        assert await me.ask("PUT", "/2022-07-01/telemetry", wanted) == (200, "OK")
        while True:
            events.append((await me.next())["eventType"])

    async def steps(engine):
        assert await engine.publish() is None
        result = await engine.invoke()
        assert json.loads(result.body) == ["before", "after", "handler"]
        await engine.until(lambda: events == ["INVOKE"])
        assert "EXTENSION" not in result.tail, "the extensions were part of the init"
        await asyncio.sleep(0.02)  # until it asks for its next event
        engine.clock.jump(0.05)
        await engine.invoke()
        await engine.until(lambda: any(one["type"] == "platform.restoreReport" for one in told))
        by_type = {one["type"].removeprefix("platform."): one["record"] for one in told}
        assert by_type["initStart"]["initializationType"] == "snap-start"
        assert by_type["restoreStart"]["functionName"] == "snapped"
        assert by_type["restoreRuntimeDone"] == {"status": "success"}
        assert by_type["restoreReport"]["status"] == "success"

    running(tmp_path, steps, extensions={"listens": listens})
