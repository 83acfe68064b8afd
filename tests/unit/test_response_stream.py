"""Streamed responses against a clock that only moves when told: their bandwidth, their limit, and what waits for them."""

import asyncio
import json
import uuid
from functools import partial
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lambdalab.clock import FakeClock
from lambdalab.engine.bandwidth import BURST, RATE, Allowance
from lambdalab.engine.dispatch import Dispatcher
from lambdalab.engine.environments import Environments
from lambdalab.engine.logs import LogStore
from lambdalab.engine.request import Request
from lambdalab.engine.response_stream import STREAM_LIMIT, StreamedAnswer
from lambdalab.model.function import LATEST, CodeReference, FunctionKey, FunctionVersion
from lambdalab.runtimes.backends.fake import FakeBackend
from tests.unit.test_engine_time import running as engine_running

MIB = 1 << 20

# -- the rule


def test_the_figures_are_awss():
    assert (BURST, RATE, STREAM_LIMIT) == (6 * MIB, 2 * MIB, 200 * MIB)


def test_what_is_left_goes_at_once_and_the_rest_at_the_rate():
    full = Allowance(BURST, moment=10.0)
    assert full.spend(BURST, 10.0) == Allowance(0, 10.0)
    assert full.spend(BURST + RATE, 10.0) == Allowance(0, 11.0)


def test_bytes_of_one_moment_wait_behind_each_other():
    first = Allowance(0, 0.0).spend(RATE, 0.0)
    second = first.spend(RATE // 2, 0.0)
    assert (first.moment, second.moment) == (1.0, 1.5)


def test_a_pause_saves_up_for_later_but_no_more_than_the_burst():
    assert Allowance(0, 0.0).spend(RATE, 1.0).moment == 1.0
    assert Allowance(0, 0.0).spend(BURST + RATE, 3600.0).moment == 3601.0


@given(some.lists(some.tuples(some.integers(0, 4 * MIB), some.floats(0, 5)), min_size=1, max_size=50))
def test_however_the_pieces_come_no_more_goes_than_burst_and_rate_allow(pieces):
    allowance, now, total = Allowance(BURST, 0.0), 0.0, 0
    for size, pause in pieces:
        now += pause
        allowance = allowance.spend(size, now)
        total += size
        assert allowance.moment >= now
        assert total <= BURST + RATE * allowance.moment + 1


# -- one answer


class Caller:
    def __init__(self):
        self.sizes, self.room = [], True

    def begin(self, content_type):
        self.content_type = content_type

    def write(self, piece):
        self.sizes.append(len(piece))
        return self.room


class Runtime:
    """The side of the runtime: whether it is read, and what it was told."""

    def __init__(self):
        self.read, self.accepted = True, 0

    def wait(self):
        self.read = False

    def go_on(self):
        self.read = True

    def accept(self):
        self.accepted += 1


class Answer:
    """An answer between a caller and a runtime; `ends` are what the engine was told."""

    def __init__(self, clock=None):
        self.clock = clock or FakeClock()
        self.caller, self.runtime, self.ends = Caller(), Runtime(), []
        self.stream = StreamedAnswer(
            self.caller, self.runtime, self.clock, self.ends.append, lambda: self.ends.append("full")
        )

    def pieces(self, total, size=MIB // 4):
        for _ in range(total // size):
            self.stream.piece(bytes(size))


class NoClock:
    """A clock that nobody may ask."""


def test_up_to_the_burst_nothing_is_timed_counted_or_held():
    answer = Answer(NoClock())
    answer.pieces(BURST)
    assert sum(answer.caller.sizes) == answer.stream.size == BURST
    answer.stream.end(None)
    assert (answer.ends, answer.runtime.accepted, answer.stream.held_seconds) == ([None], 1, 0.0)


def test_beyond_the_burst_a_piece_waits_for_its_share_and_the_runtime_is_not_read():
    answer = Answer()
    answer.pieces(BURST)
    answer.stream.piece(bytes(RATE // 8))
    assert (answer.stream.size, answer.runtime.read) == (BURST, False)
    answer.clock.jump(0.124)
    assert (answer.stream.size, answer.runtime.read) == (BURST, False)
    answer.clock.jump(0.001)
    assert (answer.stream.size, answer.runtime.read) == (BURST + RATE // 8, True)
    assert answer.stream.held_seconds == pytest.approx(0.125)


def test_a_caller_who_has_no_room_holds_the_runtime_up_and_that_is_not_the_bandwidths():
    answer = Answer()
    answer.pieces(MIB)
    assert answer.runtime.read
    answer.caller.room = False
    answer.pieces(MIB)
    assert (answer.stream.size, answer.runtime.read) == (2 * MIB, False)
    answer.clock.jump(5)
    assert not answer.runtime.read
    answer.caller.on_room()
    assert (answer.runtime.read, answer.stream.held_seconds) == (True, 0.0)


def test_the_runtime_is_read_again_when_neither_the_bandwidth_nor_the_caller_holds_it_up():
    answer = Answer()
    answer.pieces(BURST)
    answer.caller.room = False
    answer.stream.piece(bytes(RATE))
    assert not answer.runtime.read
    answer.clock.jump(1)
    assert (answer.stream.size, answer.runtime.read) == (BURST + RATE, False)
    answer.stream.piece(bytes(RATE))  # what a socket still had
    answer.caller.on_room()
    assert not answer.runtime.read
    answer.caller.room = True
    answer.clock.jump(1)
    assert answer.runtime.read
    assert answer.stream.held_seconds == pytest.approx(2)


@pytest.mark.parametrize("beyond", [False, True])
def test_a_runtime_that_has_answered_waits_for_no_caller(beyond):
    answer = Answer()
    answer.caller.room = False
    answer.pieces(BURST + RATE if beyond else MIB)
    answer.stream.end(None)
    answer.clock.jump(2)
    assert (answer.ends, answer.runtime.accepted, answer.runtime.read) == ([None], 1, True)
    answer.caller.on_room()
    assert answer.runtime.accepted == 1


def test_nor_does_one_whose_invocation_has_ended():
    answer = Answer()
    answer.caller.room = False
    answer.pieces(MIB)
    answer.stream.stop()
    assert answer.runtime.read


def test_the_answer_is_accepted_and_ended_only_when_all_of_it_has_gone():
    answer = Answer()
    answer.pieces(BURST + 3 * RATE)
    answer.stream.end(("Mine", b"{}"))
    answer.clock.jump(2.99)
    assert (answer.ends, answer.runtime.accepted) == ([], 0)
    answer.clock.jump(0.02)
    assert (answer.ends, answer.runtime.accepted) == ([("Mine", b"{}")], 1)
    assert answer.stream.size == BURST + 3 * RATE


def test_pieces_keep_their_order_even_where_a_small_one_would_still_fit():
    answer = Answer()
    answer.pieces(BURST - MIB)
    for size in (MIB + 10, 5):
        answer.stream.piece(bytes(size))
    answer.clock.jump(1)
    assert answer.caller.sizes[-2:] == [MIB + 10, 5]


def test_once_the_invocation_has_ended_what_is_held_goes_nowhere():
    answer = Answer()
    answer.pieces(BURST + RATE)
    answer.clock.jump(0.5)
    gone = answer.stream.size
    answer.stream.stop()
    answer.pieces(MIB)
    answer.stream.end(None)
    answer.clock.jump(60)
    assert answer.stream.size == sum(answer.caller.sizes) == gone
    assert (answer.ends, answer.runtime.read) == ([], True)


def test_exactly_the_limit_is_no_failure():
    answer = Answer()
    answer.pieces(STREAM_LIMIT, MIB)
    answer.stream.end(None)
    answer.clock.jump(STREAM_LIMIT / RATE)
    assert (answer.ends, sum(answer.caller.sizes)) == ([None], STREAM_LIMIT)


def test_one_byte_over_the_limit_ends_the_answer_with_all_that_may_go():
    answer = Answer()
    answer.pieces(STREAM_LIMIT - MIB, MIB)
    answer.stream.piece(bytes(MIB + 1))
    answer.stream.piece(b"more")
    answer.stream.end(None)
    answer.clock.jump(STREAM_LIMIT / RATE)
    assert (answer.ends, answer.runtime.accepted) == (["full"], 0)
    assert sum(answer.caller.sizes) == answer.stream.size == STREAM_LIMIT


# -- in the engine, over the Runtime API's socket


class Engine:
    """A dispatcher whose functions stream as many MiB as their name says."""

    def __init__(self, folder):
        self.clock = FakeClock()
        self.made, self.writing = 0, False
        self.backend = FakeBackend({f"app.{size}": self._streaming(size) for size in (5, 10, 64, 201)})
        packages = SimpleNamespace(unpacked=lambda sha256: folder, hold=lambda held: None, release=lambda held: None)
        self.environments = Environments(
            self.backend, self.clock, LogStore(folder / "logs", self.clock), packages, access={}, keep_warm_seconds=600
        )
        self.dispatcher = Dispatcher(self.environments, self.clock)

    def _streaming(self, size):
        async def handler(event, context):
            self.writing = True
            for _ in range(size):
                self.made += 1
                yield bytes(MIB)

        return handler

    async def invoke(self, size, *, timeout=900):
        key = FunctionKey("123456789012", "us-east-1", f"stream-{size}")
        version = FunctionVersion(
            key, LATEST, "r", CodeReference("s", 1, 1), "role", "now",
            runtime="python3.12", handler=f"app.{size}", memory_size=128, timeout=timeout,
        )  # fmt: skip
        caller = Caller()
        request = Request(version, key.arn, b"{}", str(uuid.uuid4()), self.clock.monotonic(), tail=True, caller=caller)
        result = await self.dispatcher.invoke(request)
        return result, sum(caller.sizes)

    async def driven(self, call):
        """The call's result. Once its function writes, the clock moves whenever the loop has had some turns: what is
        written to a socket of the same machine can be read in the next one, however busy the machine is."""
        call, self.writing = asyncio.ensure_future(call), False
        while not self.writing and not call.done():
            await asyncio.sleep(0.001)
        return await self.driven_on(call)

    async def driven_on(self, call):
        while not call.done():
            for _ in range(20):
                await asyncio.sleep(0)
            self.clock.jump(1 / 16)
        return call.result()


running = partial(engine_running, make=Engine)


def test_the_duration_is_as_long_as_the_bandwidth_makes_it(tmp_path):
    async def steps(engine):
        result, arrived = await engine.driven(engine.invoke(10))
        assert (result.record.outcome, arrived) == ("ok", 10 * MIB)
        assert result.record.streamed_bytes == 10 * MIB
        assert result.record.duration_ms >= 2000
        assert 0 < result.record.held_ms <= result.record.duration_ms

    running(tmp_path, steps)


def test_a_stream_within_the_burst_waits_for_no_clock(tmp_path):
    async def steps(engine):
        result, arrived = await engine.invoke(5)
        assert (result.record.duration_ms, result.record.held_ms, arrived) == (0, 0, 5 * MIB)

    running(tmp_path, steps)


def test_while_time_stands_still_the_function_cannot_go_on_writing(tmp_path):
    async def steps(engine):
        call = asyncio.create_task(engine.invoke(64))
        made = -1
        while engine.made != made or made < 7:  # until nothing moves any more
            made = engine.made
            await asyncio.sleep(0.05)
        assert made < 64
        await engine.driven_on(call)
        assert engine.made == 64

    running(tmp_path, steps)


def test_a_timeout_holds_while_the_bandwidth_holds_the_function_up(tmp_path):
    async def steps(engine):
        result, arrived = await engine.driven(engine.invoke(64, timeout=3))
        assert result.record.outcome == "timeout"
        assert "Task timed out after 3.00 seconds" in json.loads(result.body)["errorMessage"]
        assert result.record.duration_ms == 3000
        assert arrived == result.record.streamed_bytes
        assert BURST <= arrived <= BURST + 3 * RATE

    running(tmp_path, steps)


def test_at_the_limit_the_response_ends_with_an_error_and_so_does_the_environment(tmp_path):
    async def steps(engine):
        result, arrived = await engine.driven(engine.invoke(201))
        assert (arrived, result.record.outcome) == (STREAM_LIMIT, "response_too_large")
        assert json.loads(result.body) == {
            "errorMessage": "Response payload size exceeded maximum allowed payload size (209715200 bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        }
        assert result.record.duration_ms >= 97_000
        again, _ = await engine.driven(engine.invoke(201, timeout=1))
        assert (again.record.nth_call, again.record.outcome) == (2, "timeout")
        assert "its response passed the limit of streams" in again.record.start_reason

    running(tmp_path, steps)
