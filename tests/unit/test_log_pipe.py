"""What a function prints becomes lines of its log, within bounds."""

import asyncio
import os

import pytest

from lambdalab.engine.log_pipe import KEPT_BYTES, TAIL_BYTES, EnvironmentLog, LogPipe


@pytest.fixture
def lines():
    return []


@pytest.fixture
def log(lines):
    return EnvironmentLog(lines.append)


def with_pipe(log, use):
    async def run():
        read, write = os.pipe()
        os.set_blocking(read, False)
        pipe = LogPipe(read, log)
        try:
            use(pipe, write)
        finally:
            pipe.close()
            os.close(write)

    asyncio.run(run())


def test_drain_takes_everything_written_before_it(log, lines):
    def use(pipe, write):
        os.write(write, b"one\ntwo\n")
        pipe.drain()
        assert lines == ["one", "two"]

    with_pipe(log, use)


def test_a_line_left_open_ends_at_the_drain(log, lines):
    def use(pipe, write):
        os.write(write, b"no newline")
        pipe.drain()
        assert lines == ["no newline"]

    with_pipe(log, use)


def test_a_line_may_come_in_pieces(log, lines):
    def use(pipe, write):
        os.write(write, b"hel")
        pipe._read()
        os.write(write, b"lo\n")
        pipe.drain()
        assert lines == ["hello"]

    with_pipe(log, use)


def test_bytes_that_are_not_utf8_are_replaced_not_lost(log, lines):
    log.take(b"a\xffb")
    assert lines == ["a�b"]


def test_the_tail_is_the_last_four_kilobytes_of_one_invocation(log):
    log.begin()
    for number in range(1000):
        log.take(b"line %04d" % number)
    tail = log.tail()
    assert len(tail.encode()) <= TAIL_BYTES
    assert tail.endswith("line 0999\n")


def test_the_tail_of_the_next_invocation_starts_afresh(log):
    log.take(b"before")
    log.begin()
    log.add("START")
    assert log.tail() == "START\n"


def test_one_invocation_cannot_fill_the_log(log, lines):
    log.begin()
    for _ in range(3 * KEPT_BYTES // 1024):
        log.take(b"x" * 1023)
    log.settle()
    assert sum(len(line) + 1 for line in lines) < KEPT_BYTES + 200
    assert "not kept" in lines[-1]


def test_a_hundred_megabytes_without_a_newline_cost_no_memory(log, lines):
    def use(pipe, write):
        os.set_blocking(write, False)
        for _ in range(1600):
            os.write(write, b"y" * 65536)
            pipe._read()
        pipe.drain()

    with_pipe(log, use)
    assert sum(map(len, lines)) < 3 * KEPT_BYTES
