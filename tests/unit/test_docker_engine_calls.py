"""Calls to a Docker engine: what is under way when a region ends, and what comes after."""

import asyncio
import threading

import pytest

from lambdalab.errors import EngineUnavailable
from lambdalab.runtimes.backends.docker.engine import Engine, Facts

FACTS = Facts("unix:///engine", "29", "Linux", "x86_64", podman=False, desktop=False, unix=True)


class Api:
    """An engine's, that makes a container when it is let."""

    def __init__(self):
        self.made = []
        self.asked, self.let = threading.Event(), threading.Event()

    def create(self, name):
        self.asked.set()
        self.let.wait(20)
        self.made.append(name)

    def close(self):
        pass


def ending(steps):
    async def run():
        api = Api()
        engine = Engine(api, FACTS)
        creating = asyncio.create_task(engine.call(api.create, "holder"))
        await asyncio.to_thread(api.asked.wait, 20)
        await steps(api, engine, creating)
        engine.close()

    asyncio.run(run())


def test_the_last_call_finds_what_one_made_that_nobody_waits_for_any_more():
    async def steps(api, engine, creating):
        creating.cancel()
        await asyncio.wait({creating})
        last = asyncio.create_task(engine.finish(lambda: list(api.made)))
        await asyncio.sleep(0)
        api.let.set()
        assert await last == ["holder"]

    ending(steps)


def test_no_other_call_is_begun_before_the_last_one():
    async def steps(api, engine, creating):
        last = asyncio.create_task(engine.finish(lambda: list(api.made)))
        await asyncio.sleep(0)
        with pytest.raises(EngineUnavailable, match="is ending"):
            await engine.call(api.create, "another")
        api.let.set()
        await creating
        assert await last == ["holder"]

    ending(steps)
