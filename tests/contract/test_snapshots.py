"""SnapStart on every backend, for every runtime that has it: what is initialised ahead, waits frozen, and is restored."""

import asyncio
import json

import pytest

from lambdalab.model import snapstart
from tests.contract.conftest import DOCKER, HERE, MACHINE

THESE = [("fake", HERE), *((backend, name) for backend, name in MACHINE if name in snapstart.RUNTIMES)]
THESE += [param for param in DOCKER if param.values[0][1] in snapstart.RUNTIMES]


def _name(pair):
    return f"{pair[1]}-{pair[0]}"


on_those_that_have_it = pytest.mark.parametrize("on_engine", THESE, indirect=True, ids=_name)
SNAPPED = {"version": "1", "settings": {"SnapStart": {"ApplyOn": "PublishedVersions"}}}


async def published(engine, handler):
    """Make a version's snapshot; why it could not be made, if so."""
    made = asyncio.get_running_loop().create_future()
    engine.dispatcher.snapshots.publish(engine.version(handler, **SNAPPED), made.set_result)
    return await made


@on_those_that_have_it
@pytest.mark.behaviour("counts")
def test_a_call_is_restored_from_what_was_initialised_ahead_and_the_next_one_is_warm(on_engine):
    async def steps(engine):
        assert await published(engine, "counts") is None
        first = await engine.invoke("counts", **SNAPPED)
        second = await engine.invoke("counts", **SNAPPED)
        assert (first.body, second.body) == (b"1", b"2")
        assert first.record.init_ms is None
        assert first.record.restore_ms > 0
        assert "\tRestore Duration: " in first.tail
        assert "\tInit Duration: " not in first.tail
        assert (second.record.restore_ms, second.record.cold) == (None, False)
        engine.dispatcher.snapshots.close()

    on_engine(steps)


@on_those_that_have_it
def test_restored_environments_have_memory_and_tmp_of_their_own(on_engine):
    async def steps(engine):
        assert await published(engine, "waits") is None
        results = await asyncio.gather(*(engine.invoke("waits", **SNAPPED) for _ in range(3)))
        assert {result.body for result in results} == {b'"waited"'}
        assert len({result.record.environment_id for result in results}) == 3
        assert all(result.record.restore_ms is not None for result in results)
        engine.dispatcher.snapshots.close()

    on_engine(steps)


@on_those_that_have_it
@pytest.mark.behaviour("environment")
def test_the_functions_variables_say_snap_start_and_name_no_log(on_engine):
    async def steps(engine):
        assert await published(engine, "environment") is None
        variables = json.loads((await engine.invoke("environment", **SNAPPED)).body)
        assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
        assert not {"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"} & variables.keys()
        engine.dispatcher.snapshots.close()

    on_engine(steps)
