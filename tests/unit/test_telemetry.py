"""The Telemetry API: what may be asked for, what is delivered to a listener, and when."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine import subscription
from lambdalab.engine.telemetry import Telemetry

GOOD = {
    "schemaVersion": "2022-12-13",
    "types": ["platform", "function"],
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080/path?q=1"},
}


def test_a_subscription_has_awss_defaults():
    read = subscription.read(GOOD)
    assert (read.max_items, read.max_bytes, read.timeout_ms) == (10_000, 262_144, 1_000)
    assert (read.protocol, read.port, read.path) == ("HTTP", 8080, "/path?q=1")


def test_tcp_names_a_port_only():
    read = subscription.read({**GOOD, "destination": {"protocol": "TCP", "port": 8081}})
    assert (read.protocol, read.port) == ("TCP", 8081)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schemaVersion": "2021-01-01"}, "schemaVersion should be one of 2022-07-01, 2022-12-13, 2025-01-29"),
        ({"types": []}, "types should not be empty"),
        ({"types": ["logs"]}, "types should be among platform, function, extension: logs"),
        ({"buffering": {"maxItems": 999}}, "maxItems should be between 1000 and 10000"),
        ({"buffering": {"maxBytes": 1_048_577}}, "maxBytes should be between 262144 and 1048576"),
        ({"buffering": {"timeoutMs": "25"}}, "timeoutMs should be between 25 and 30000"),
        ({"destination": {"protocol": "UDP"}}, "protocol should be HTTP or TCP; URI is not provided"),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain"}}, "URI port is not provided"),
        (
            {"destination": {"protocol": "HTTP", "URI": "http://example.com:80"}},
            "URI should begin with http://sandbox.localdomain:",
        ),
        ({"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:x"}}, "URI is not valid"),
        ({"destination": {"protocol": "TCP"}}, "port is not provided"),
        ({"types": [], "destination": {"protocol": "TCP"}}, "types should not be empty; port is not provided"),
    ],
)
def test_what_aws_would_refuse_is_refused_with_all_reasons(change, words):
    with pytest.raises(subscription.Invalid) as refused:
        subscription.read({**GOOD, **change})
    assert str(refused.value) == words


class Listener:
    """A listener of the sandbox's: keeps what it is sent, answers with `status`, or not at all while `mute`."""

    def __init__(self):
        self.batches, self.heads, self.status, self.mute = [], [], 200, False
        self.unmuted = asyncio.Event()

    async def __call__(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
            self.batches.append(json.loads(await reader.readexactly(length)))
            self.heads.append(head)
            if self.mute:
                await self.unmuted.wait()
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    @property
    def got(self):
        return [(event["type"], event["record"]) for batch in self.batches for event in batch]


def delivering(steps, *, json_lines=False, **changes):
    """Run `steps(clock, telemetry, listener)` with one subscriber named "one"."""

    async def run():
        listener, clock = Listener(), FakeClock()
        server = await asyncio.start_server(listener, "127.0.0.1", 0)
        wanted = replace(subscription.read(GOOD), port=server.sockets[0].getsockname()[1], **changes)
        telemetry = Telemetry(clock, "127.0.0.1", json_lines=json_lines)
        try:
            await asyncio.wait_for(steps(clock, telemetry, listener, wanted), 20)
        finally:
            telemetry.close()
            listener.unmuted.set()
            server.close()

    asyncio.run(run())


async def until(condition):
    for _ in range(5_000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never was so")


def test_events_wait_for_the_time_that_was_asked_for_and_go_together():
    async def steps(clock, telemetry, listener, wanted):
        telemetry.subscribe("one", wanted)
        telemetry.line("function", "a line")
        telemetry.line("extension", "not asked for")
        clock.jump(0.9)
        await asyncio.sleep(0.02)
        assert listener.batches == []
        clock.jump(0.2)
        await until(lambda: listener.batches)
        (batch,) = listener.batches
        assert [event["type"] for event in batch] == ["platform.telemetrySubscription", "function"]
        assert batch[0]["record"] == {"name": "one", "state": "Subscribed", "types": ["platform", "function"]}
        assert batch[1] == {"time": "2026-11-01T12:00:00.000Z", "type": "function", "record": "a line"}
        head = listener.heads[0]
        assert head.startswith("POST /path?q=1 HTTP/1.1\r\nHost: sandbox.localdomain:")
        assert "Content-Type: application/json\r\n" in head

    delivering(steps)


def test_a_full_buffer_goes_at_once():
    async def steps(clock, telemetry, listener, wanted):
        telemetry.subscribe("one", wanted)
        for number in range(wanted.max_items - 1):
            telemetry.line("function", str(number))
        await until(lambda: listener.batches)
        assert len(listener.batches[0]) == 1000

    delivering(steps, max_items=1000)


def test_a_late_subscriber_gets_the_init_so_far_and_nobody_after_it():
    async def steps(clock, telemetry, listener, wanted):
        telemetry.platform(("platform.initStart", {"phase": "init"}))
        telemetry.subscribe("one", wanted)
        telemetry.end_init()
        telemetry.hurry()
        await until(lambda: listener.batches)
        assert [kind for kind, _ in listener.got] == ["platform.initStart", "platform.telemetrySubscription"]

    delivering(steps)


def test_a_frozen_environment_gets_nothing_until_it_thaws():
    async def steps(clock, telemetry, listener, wanted):
        telemetry.subscribe("one", wanted)
        telemetry.pause()
        clock.jump(60)
        await asyncio.sleep(0.02)
        assert listener.batches == []
        telemetry.resume()  # what waits is old by now
        await until(lambda: listener.batches)

    delivering(steps)


def test_what_was_not_taken_is_sent_again():
    async def steps(clock, telemetry, listener, wanted):
        listener.status = 500
        telemetry.subscribe("one", wanted)
        clock.jump(1)
        await until(lambda: len(listener.batches) == 1)
        await asyncio.sleep(0.02)
        listener.status = 200
        clock.jump(0.1)
        await until(lambda: len(listener.batches) == 2)
        assert listener.batches[0] == listener.batches[1]

    delivering(steps)


def test_a_listener_that_is_too_slow_is_told_how_much_it_missed():
    async def steps(clock, telemetry, listener, wanted):
        listener.mute = True
        telemetry.subscribe("one", wanted)
        clock.jump(1)
        await until(lambda: listener.batches)
        for _ in range(1_010):
            telemetry.line("function", "x")
        listener.mute = False
        listener.unmuted.set()
        await until(lambda: len(listener.batches) == 2)
        kind, record = listener.got[-1]
        assert (kind, record["droppedRecords"]) == ("platform.logsDropped", 10)
        assert record["droppedBytes"] == 10 * len('{"time":"2026-11-01T12:00:01.000Z","type":"function","record":"x"}')
        assert "slower" in record["reason"]

    delivering(steps, max_items=1000)


@pytest.mark.parametrize(("schema", "record"), [("2022-07-01", '{"level": "INFO"}'), ("2022-12-13", {"level": "INFO"})])
def test_a_json_line_is_an_object_since_the_second_schema(schema, record):
    async def steps(clock, telemetry, listener, wanted):
        telemetry.subscribe("one", wanted)
        telemetry.line("function", '{"level": "INFO"}')
        telemetry.line("function", "plain")
        telemetry.hurry()
        await until(lambda: len(listener.got) == 3)
        assert listener.got[1:] == [("function", record), ("function", "plain")]

    delivering(steps, json_lines=True, schema=schema)


def test_tcp_gets_lines_on_one_connection():
    async def run():
        lines, clock = [], FakeClock()

        async def listen(reader, writer):
            while line := await reader.readline():
                lines.append(json.loads(line)["type"])
            writer.close()

        server = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        telemetry = Telemetry(clock, "127.0.0.1", json_lines=False)
        telemetry.subscribe("one", subscription.read({**GOOD, "destination": {"protocol": "TCP", "port": port}}))
        clock.jump(1)
        await until(lambda: len(lines) == 1)
        telemetry.line("function", "a line")
        await asyncio.sleep(0)
        clock.jump(1)
        await until(lambda: len(lines) == 2)
        telemetry.close()
        server.close()
        assert lines == ["platform.telemetrySubscription", "function"]

    asyncio.run(run())
