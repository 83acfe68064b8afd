"""The pieces of one streamed answer between the engine and whoever reads them: they are few, and nobody waits in vain."""

import asyncio
from types import SimpleNamespace

from lambdalab.api.response_streaming import ROOM, Pieces
from lambdalab.engine.request import Request

HALF = bytes(ROOM // 2)


def streaming(steps):
    """Run `steps` with the pieces of an invocation that never ends, and what was heard of room."""

    async def go():
        heard = []

        async def invoke(request):
            await asyncio.Event().wait()

        region = SimpleNamespace(dispatcher=SimpleNamespace(invoke=invoke))
        made = Pieces(region, Request(None, "arn", b"{}", "id", 0.0))
        made.on_room = lambda: heard.append(1)
        await steps(made, heard)
        made._invoked.cancel()

    asyncio.run(go())


def test_there_is_room_until_a_megabyte_waits_and_again_when_some_of_it_is_read():
    async def steps(made, heard):
        assert [made.write(piece) for piece in (HALF, HALF, b"x", HALF)] == [True, True, False, False]
        reading = made.pieces()
        for expected in (0, 1, 1, 1):
            await anext(reading)
            assert len(heard) == expected
        assert made.write(HALF)

    streaming(steps)


def test_what_nobody_reads_on_is_dropped_and_holds_nobody_up():
    async def steps(made, heard):
        made.write(HALF + HALF + b"x")
        made.give_up()
        assert heard == [1]
        assert [made.write(HALF) for _ in range(5)] == [True] * 5

    streaming(steps)
