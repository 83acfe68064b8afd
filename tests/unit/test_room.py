"""Room on the machine, and turns at starting: nobody overloads it, and nobody is starved."""

import asyncio
import re

import pytest

from lambdalab.engine.room import Memory, Room, machine
from lambdalab.engine.spawns import Spawns
from lambdalab.errors import TooManyRequests
from tests.unit.test_engine_time import running


def test_there_is_room_while_what_stays_free_is_left():
    room = Room(lambda: Memory(1000, 200))
    assert room.missing_mb(100) == 0
    assert room.missing_mb(150) == 10  # 60 MB of 1000 stay free


def test_a_machine_that_cannot_be_looked_at_has_room():
    assert Room(lambda: None).missing_mb(10_000) == 0


def test_the_refusal_names_what_there_is_and_what_is_needed():
    refused = Room(lambda: Memory(1000, 200)).refusal(300, 7)
    assert "200 of 1,000 MB are free, 60 MB stay so, and one needs about 300 MB. 7 environments" in str(refused)
    assert refused.extra == {"Reason": "ConcurrentInvocationLimitExceeded"}


def test_this_machine_has_some_memory():
    found = machine()
    assert found is None or 0 < found.available_mb <= found.total_mb


def test_a_call_without_room_is_throttled_and_a_warm_one_is_not(tmp_path):
    available = [1000]

    async def steps(engine):
        await engine.invoke()
        available[0] = 60
        assert (await engine.invoke()).record.nth_call == 2
        with pytest.raises(TooManyRequests, match="no memory for another execution environment"):
            await engine.invoke("hang")

    running(tmp_path, steps, room=Room(lambda: Memory(1000, available[0])))


def test_a_burst_is_let_in_only_as_far_as_all_of_it_will_fit(tmp_path):
    async def steps(engine):
        first = asyncio.create_task(engine.invoke("hang"))
        await engine.until("busy")
        engine.backend.sandboxes[0].memory_mb = 300
        engine.clock.jump(4)
        await first
        calls = [asyncio.create_task(engine.invoke("hang")) for _ in range(5)]
        await engine.until("busy", 3)
        while sum(call.done() for call in calls) < 2:
            await asyncio.sleep(0)
        refused = [str(call.exception()) for call in calls if call.done()]
        assert len(refused) == 2
        assert all(re.search(r"about 300 MB beside [\d,]+ MB that those at work may take yet", one) for one in refused)
        engine.clock.jump(4)
        await asyncio.gather(*calls, return_exceptions=True)

    # Of 1,000 MB 60 stay free. Each is known to come to 300, and those at work hold 16 so far.
    running(tmp_path, steps, room=Room(lambda: Memory(1000, 1000)))


def test_a_new_environment_takes_the_place_of_an_idle_one_of_another_function(tmp_path):
    available = [1000]

    async def steps(engine):
        await engine.invoke()
        engine.backend.sandboxes[0].memory_mb = 100
        available[0] = 60
        call = asyncio.create_task(engine.invoke("hang"))
        await engine.until("busy")
        assert engine.backend.sandboxes[0].exited.done()
        call.cancel()
        available[0] = 1000
        assert "made room for another function" in (await engine.invoke()).record.start_reason

    running(tmp_path, steps, room=Room(lambda: Memory(1000, available[0])))


def test_starts_go_round_the_functions_that_wait():
    async def steps():
        spawns, order = Spawns(1), []

        async def start(owner):
            async with spawns.place(owner):
                order.append(owner)
                await asyncio.sleep(0)

        await asyncio.gather(*(start(owner) for owner in ["many"] * 5 + ["few"] * 2))
        return order

    assert asyncio.run(steps()) == ["many", "many", "few", "many", "few", "many", "many"]


def test_who_gives_up_waiting_takes_nobodys_place():
    async def steps():
        spawns = Spawns(1)
        async with spawns.place("first"):
            waiting = asyncio.create_task(_use(spawns))
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.wait_for(_use(spawns), 1)

    async def _use(spawns):
        async with spawns.place("second"):
            pass

    asyncio.run(steps())
