"""An init that is too slow or fails, and is repeated within the call: what is measured of it, and what is said."""

import asyncio
import html
import re
from dataclasses import replace

import pytest
import view_records as records
from test_engine_time import Engine, running

from lambdalab.client.invocation import FunctionError, Invocation
from lambdalab.notebook.views import invocation
from lambdalab.runtimes.backends.fake import FakeBackend

SLOW = replace(
    records.TIMED_OUT,
    record=replace(
        records.TIMED_OUT.record, init_ms=None, failed_init_ms=10_003.4, repeated_ms=3037.1, initialised=False
    ),
)


class NeverAsks(FakeBackend):
    """Its runtimes never come to their first event, unless `slow` is taken from it."""

    slow = True

    async def start(self, spec):
        sandbox = await super().start(spec)
        if self.slow:
            sandbox._runtime.cancel()
        return sandbox


class SlowEngine(Engine):
    backend_type = NeverAsks

    async def passes(self, call, seconds):
        """So much time, once somebody waits for the end of an init."""
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not call.done()
        self.clock.jump(seconds)


def words_of(call):
    markup = re.sub(r"<style>.*?</style>", "", invocation.html(call), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def test_both_inits_of_a_slow_function_are_measured_as_inits_and_not_as_its_queue(tmp_path):
    async def steps(engine):
        call = asyncio.create_task(engine.invoke(timeout=3))
        await engine.passes(call, 10)
        await engine.passes(call, 3)
        record = (await call).record
        assert record.outcome == "timeout" and not record.initialised
        assert (record.queue_ms, record.failed_init_ms, record.repeated_ms) == (0, 10_000, 3000)
        assert (record.duration_ms, record.handler_ms) == (3000, 0)
        assert record.init_timed_out

    running(tmp_path, steps, SlowEngine)


def test_the_handler_after_an_init_that_was_repeated_has_a_time_of_its_own(tmp_path):
    async def steps(engine):
        call = asyncio.create_task(engine.invoke(timeout=3))
        await asyncio.sleep(0.01)
        engine.backend.slow = False
        await engine.passes(call, 10)
        record = (await call).record
        assert record.outcome == "ok" and record.initialised
        assert (record.queue_ms, record.failed_init_ms) == (0, 10_000)
        assert record.handler_ms == record.duration_ms - record.repeated_ms

    running(tmp_path, steps, SlowEngine)


def test_the_card_of_a_slow_init_shows_its_inits_and_no_handler():
    words = words_of(SLOW)
    assert "Init, stopped at its limit 10.0 s" in words
    assert "Init again, stopped at the call's limit 3.00 s" in words
    assert "Handler, stopped" not in words


def test_the_card_of_a_slow_init_names_a_way_out_that_works():
    words = words_of(SLOW)
    assert (
        "The handler was not called. Init, the code outside the handler, did not end within 10 s, its limit." in words
    )
    assert "AWS then begins it again within the call, where it did not end within the call's timeout of 3 s." in words
    assert "Move the slow work into the handler, or raise the timeout above what init takes" in words
    assert "--timeout 30" in words and "--timeout 10 " not in words


def test_an_init_that_failed_before_it_was_slow_is_no_timeout_of_init():
    failed = replace(SLOW, record=replace(SLOW.record, failed_init_ms=312.0))
    assert "Init, the code outside the handler, failed after 312 ms. AWS then begins it again" in words_of(failed)


def test_an_environment_that_began_again_and_was_slow_is_told_as_that():
    again = replace(SLOW, record=replace(SLOW.record, failed_init_ms=0.0))
    words = words_of(again)
    assert "The environment began again within the call, and init, the code outside the handler, did not end" in words
    assert "its limit" not in words


def test_a_handler_that_timed_out_after_a_repeated_init_is_told_what_of_the_limit_init_took():
    late = replace(SLOW, record=replace(SLOW.record, repeated_ms=2500.0, initialised=True))
    words = words_of(late)
    assert "Init again 2.50 s" in words and "Handler, stopped at the limit 500 ms" in words
    assert "2.50 s of it went to init, the code outside the handler, which ran again." in words


def test_the_line_of_a_slow_init_names_the_init():
    error = FunctionError(SLOW.error.type, SLOW.error.message)
    line = repr(Invocation("slowinit", None, "$LATEST", "id", b"", "", error, SLOW.record))
    assert line == "slowinit:$LATEST timeout in init after 3.00 s"


@pytest.mark.parametrize(
    ("kind", "said", "shown"),
    [
        ("Sandbox.Timedout", "Error: Task timed out after 3.00 seconds", "Task timed out after 3.00 seconds"),
        (
            "Runtime.ExitError",
            "Error: Runtime exited with error: exit status 3",
            "Runtime exited with error: exit statu",
        ),
        ("Sandbox.Timedout", "Process exited before completing request", "Process exited before completing request"),
    ],
)
def test_the_line_of_an_error_has_awss_sentence_and_not_the_requests_id(kind, said, shown):
    error = FunctionError(kind, f"RequestId: {records.REQUEST_ID} {said}")
    assert str(error).startswith(f"{kind}('{shown}") and records.REQUEST_ID not in str(error)
    assert error.message == f"RequestId: {records.REQUEST_ID} {said}"


def test_a_call_that_waited_for_a_repeated_init_says_why():
    record = replace(records.WARM, repeated_ms=134.2, duration_ms=150.0, start_reason="the last one timed out")
    words = words_of(replace(records.WARM_CALL, record=record))
    assert "Init again 134 ms" in words and "Handler 16 ms" in words
    assert "Cold because the last one timed out." in words
