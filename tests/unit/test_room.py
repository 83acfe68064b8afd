"""Room on the machine, and turns at starting: nobody overloads it, and nobody is starved."""

import asyncio
import re

import pytest

from lambdalab.clock import FakeClock
from lambdalab.engine.room import Growth, Memory, Room, machine
from lambdalab.engine.spawns import Spawns
from lambdalab.errors import TooManyRequests
from lambdalab.model.function import FunctionKey
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


class Burst:
    """A handler whose calls end when they are told to; `begin` has many run at once, `end` ends them."""

    def __init__(self):
        self.may_end = asyncio.Event()

    async def __call__(self, event, context):
        await self.may_end.wait()
        return event

    async def begin(self, engine, number):
        calls = [asyncio.create_task(engine.invoke("wait")) for _ in range(number)]
        while sum(call.done() for call in calls) + engine.environments.counts()["busy"] < number:
            await asyncio.sleep(0)
        return calls

    async def end(self, calls):
        self.may_end.set()
        found = await asyncio.gather(*calls, return_exceptions=True)
        self.may_end.clear()
        return found


def test_those_that_wait_are_given_calls_only_as_far_as_all_of_them_may_grow(tmp_path):
    burst = Burst()

    async def steps(engine):
        calls = await burst.begin(engine, 5)
        engine.backend.sandboxes[0].memory_mb = 120
        await burst.end(calls)
        for sandbox in engine.backend.sandboxes:
            sandbox.now_mb = 20
        calls = await burst.begin(engine, 5)
        assert engine.environments.counts() == {"starting": 0, "idle": 1, "busy": 4}
        found = await burst.end(calls)
        refused = [one for one in found if isinstance(one, TooManyRequests)]
        assert len(refused) == 1
        assert "no memory for this call" in str(refused[0])
        assert "may grow by about 100 MB beside 400 MB that those at work may take yet" in str(refused[0])
        assert engine.dispatcher.admission.in_flight(FunctionKey("123456789012", "us-east-1", "wait")) == 0
        again = await burst.end(await burst.begin(engine, 4))
        assert [result.record.cold for result in again] == [False] * 4, "nobody ended for it"

    # 30 MB of 500 stay free: 470 are enough for four that grow by 100.
    running(tmp_path, steps, room=Room(lambda: Memory(500, 500)), handlers={"app.wait": burst})


def test_one_that_waits_grows_in_the_place_of_another_functions(tmp_path):
    available, burst = [1000], Burst()

    async def steps(engine):
        await engine.invoke()
        mine = engine.backend.sandboxes[0]
        mine.memory_mb = 120
        await engine.invoke()
        await burst.end(await burst.begin(engine, 1))
        other = engine.backend.sandboxes[1]
        mine.now_mb, other.now_mb = 20, 60
        available[0] = 100
        engine.clock.jump(1)
        assert (await engine.invoke()).record.nth_call == 3
        assert other.exited.done()
        engine.clock.jump(1)
        with pytest.raises(TooManyRequests, match="may grow by about 100 MB"):
            await engine.invoke()
        available[0] = 160
        assert (await engine.invoke()).record.nth_call == 4

    running(tmp_path, steps, room=Room(lambda: Memory(1000, available[0])), handlers={"app.wait": burst})


def test_for_a_call_that_needs_no_growth_nobody_looks_at_the_machine(tmp_path):
    looks = []

    async def steps(engine):
        await engine.invoke()
        engine.backend.sandboxes[0].memory_mb = 120
        before = len(looks)
        for _ in range(5):
            assert (await engine.invoke()).record.outcome == "ok"
            engine.clock.jump(1)
        assert len(looks) == before
        engine.backend.sandboxes[0].now_mb = 20
        await engine.invoke()
        assert len(looks) == before + 1

    running(tmp_path, steps, room=Room(lambda: looks.append(1) or Memory(1000, 1000)))


def test_the_machine_is_looked_at_once_in_a_while_and_when_it_gets_narrow():
    clock, looks, promised = FakeClock(), [], [100]
    growth = Growth(Room(lambda: looks.append(1) or Memory(1000, 1000)), lambda: promised[0], clock)
    assert [growth.grant(200) for _ in range(4)] == [True] * 4  # of 840: 60 of 1,000 stay free
    assert len(looks) == 1
    promised[0] = 900  # what was granted is promised now
    assert not growth.grant(200)
    assert len(looks) == 2
    promised[0] = 0
    assert growth.grant(200), "it is looked at again before anybody is refused"
    clock.jump(1)
    assert growth.grant(200)
    assert len(looks) == 4


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
