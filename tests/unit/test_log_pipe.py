"""What a function prints becomes lines of its log, within bounds."""

import asyncio
import os

import pytest

from lambdalab.engine.log_pipe import FIRST_BYTES, LAST_BYTES, TAIL_BYTES, EnvironmentLog, LogPipe


@pytest.fixture
def lines():
    return []


@pytest.fixture
def log(lines):
    return EnvironmentLog(lines.extend)


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


def test_what_is_left_out_reaches_neither_log_nor_tail_nor_telemetry(lines):
    log, told = EnvironmentLog(lines.extend, lambda line: b"quiet" not in line), []
    log.told = lambda source, line: told.append((source, line))
    log.begin()
    log.take(b"quiet")
    log.take(b"loud")
    log.take(b"quiet", "extension")
    log.add("quiet platform")
    assert lines == ["loud", "quiet", "quiet platform"]
    assert told == [("function", "loud"), ("extension", "quiet")]
    assert log.tail() == "loud\nquiet\nquiet platform\n"


def test_what_is_left_out_uses_up_the_allowance_too(lines):
    log = EnvironmentLog(lines.extend, lambda line: False)
    log.begin()
    log.take(b"x" * FIRST_BYTES)
    assert log.full


def write_all(pipe, write, data):
    for at in range(0, len(data), 32768):
        os.write(write, data[at : at + 32768])
        pipe._read()


def test_of_one_invocation_the_beginning_and_the_end_are_kept(log, lines):
    def use(pipe, write):
        log.begin()
        write_all(pipe, write, b"".join(b"line %024d\n" % number for number in range(200_000)))
        pipe.drain()
        log.add("END")

    with_pipe(log, use)
    assert lines[0] == f"line {0:024d}"
    assert lines[-2:] == [f"line {199_999:024d}", "END"]
    assert sum(len(line) + 1 for line in lines) < FIRST_BYTES + LAST_BYTES + 70_000
    (said,) = [line for line in lines if "not kept" in line]
    dropped = int(said.split(" ")[1])
    kept = sum(len(line) + 1 for line in lines if line.startswith("line"))
    assert dropped + kept == 200_000 * 30
    assert all(len(line) == 29 for line in lines if line.startswith("line")), "no half lines"
    assert log.tail().endswith(f"{199_999:024d}\nEND\n")


def test_an_end_of_nothing_but_newlines_takes_no_time(log, lines):
    def use(pipe, write):
        log.begin()
        write_all(pipe, write, b"x" * FIRST_BYTES + b"\n" + b"\n" * LAST_BYTES)
        lines.clear()
        pipe.drain()

    with_pipe(log, use)
    assert len(lines) <= 20_002
    assert "not kept" in lines[0]


def test_what_is_within_bounds_is_kept_whole_and_in_order(log, lines):
    def use(pipe, write):
        log.begin()
        write_all(pipe, write, b"".join(b"line %024d\n" % number for number in range(33_000)))
        pipe.drain()

    with_pipe(log, use)
    assert lines == [f"line {number:024d}" for number in range(33_000)]


def test_the_next_invocation_has_an_allowance_of_its_own(log, lines):
    def use(pipe, write):
        for _ in range(2):
            log.begin()
            write_all(pipe, write, b"x" * 1023 * 4 + b"\n" + b"y\n" * 300_000)
            pipe.drain()
        log.begin()
        os.write(write, b"next\n")
        pipe._read()
        assert lines[-1] == "next"

    with_pipe(log, use)


def test_a_hundred_megabytes_without_a_newline_cost_no_memory(log, lines):
    def use(pipe, write):
        os.set_blocking(write, False)
        for _ in range(1600):
            os.write(write, b"y" * 65536)
            pipe._read()
        pipe.drain()

    with_pipe(log, use)
    assert sum(map(len, lines)) < 3 * (FIRST_BYTES + LAST_BYTES)
