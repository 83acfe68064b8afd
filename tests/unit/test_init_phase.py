"""How an init ends: who says so first is right."""

import asyncio
import json

from lambdalab.clock import FakeClock
from lambdalab.engine.init_phase import InitFailure, InitPhase
from lambdalab.runtimes.backends.base import Exit

FAILED = InitFailure("error", "Runtime.ExitError", None, Exit("exited", status=1))
LATE = InitFailure("timeout", None, None, None)


def phase(steps):
    """Run steps with a clock, a phase, and what was heard of its end."""

    async def go():
        clock, heard = FakeClock(), []
        await steps(clock, InitPhase(clock, lambda spent_ms, why: heard.append((spent_ms, why))), heard)

    asyncio.run(go())


async def _waiting(init, limit=10):
    task = asyncio.create_task(init.wait(limit, lambda: init.settle(LATE)))
    await asyncio.sleep(0)
    return task


def test_its_end_is_told_once_with_the_time_it_took():
    async def steps(clock, init, heard):
        waiting = await _waiting(init)
        clock.jump(0.25)
        init.settle(None)
        init.settle(FAILED)
        assert await waiting is None
        assert heard == [(250, None)]

    phase(steps)


def test_one_that_was_made_ahead_counts_from_its_begin():
    async def steps(clock, init, heard):
        clock.jump(100)
        init.begin()
        clock.jump(0.25)
        init.settle(None)
        assert heard == [(250, None)]

    phase(steps)


def test_it_is_too_late_after_its_limit_and_not_before():
    async def steps(clock, init, heard):
        waiting = await _waiting(init, limit=10)
        clock.jump(9.9)
        assert heard == []
        clock.jump(0.2)
        assert await waiting is LATE
        assert heard == [(10_000, LATE)]

    phase(steps)


def test_an_init_that_is_over_is_never_too_late():
    async def steps(clock, init, heard):
        waiting = await _waiting(init)
        init.settle(FAILED)
        assert await waiting is FAILED
        clock.jump(100)
        assert [why for _, why in heard] == [FAILED]

    phase(steps)


def test_one_that_ended_before_anybody_waited_has_its_result():
    async def steps(clock, init, heard):
        init.settle(FAILED)
        assert await init.wait(10, lambda: init.settle(LATE)) is FAILED

    phase(steps)


def test_a_caller_that_goes_away_does_not_end_it():
    async def steps(clock, init, heard):
        waiting = await _waiting(init)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert heard == []
        init.settle(None)
        assert heard == [(0, None)]

    phase(steps)


def test_what_the_runtime_said_of_its_init_is_the_callers_answer():
    said = InitFailure("error", "Runtime.ImportModuleError", b'{"errorMessage": "no module"}', None).completion(
        "i", 3, 12
    )
    assert (said.body, said.outcome, said.duration_ms) == (b'{"errorMessage": "no module"}', "init_error", 12)


def test_an_init_that_was_too_long_twice_is_a_timeout_of_the_functions():
    said = LATE.completion("id-1", 3, 3000)
    assert said.outcome == "timeout"
    assert json.loads(said.body)["errorMessage"] == "RequestId: id-1 Error: Task timed out after 3.00 seconds"
