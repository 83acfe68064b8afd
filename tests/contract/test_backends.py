"""What every backend does alike, seen from the engine. A backend is done when it passes."""

import asyncio
import json
import os
from pathlib import Path

import pytest


def test_a_handlers_value_comes_back(on_engine):
    async def steps(engine):
        result = await engine.invoke("echo", b'{"a": [1, "\\u00e9"]}')
        assert json.loads(result.body) == {"a": [1, "é"]}
        assert result.record.outcome == "ok"
        assert result.record.init_ms > 0

    on_engine(steps)


@pytest.mark.behaviour("counts")
def test_the_second_call_is_warm_and_finds_what_the_first_left(on_engine):
    async def steps(engine):
        first, second = await engine.invoke("counts"), await engine.invoke("counts")
        assert (first.body, second.body) == (b"1", b"2")
        assert (first.record.cold, second.record.cold) == (True, False)
        assert first.record.environment_id == second.record.environment_id

    on_engine(steps)


@pytest.mark.behaviour("keeps")
def test_tmp_lasts_as_long_as_the_environment_and_no_longer(on_engine):
    async def steps(engine):
        assert [(await engine.invoke("keeps")).body for _ in range(2)] == [b"false", b"true"]
        engine.environments.retire(engine.version("keeps").key)
        assert (await engine.invoke("keeps")).body == b"false"

    on_engine(steps)


def test_calls_at_the_same_time_have_environments_of_their_own(on_engine):
    async def steps(engine):
        results = await asyncio.gather(*(engine.invoke("waits") for _ in range(3)))
        assert {result.body for result in results} == {b'"waited"'}
        assert len({result.record.environment_id for result in results}) == 3

    on_engine(steps)


@pytest.mark.behaviour("fails")
def test_an_exception_is_the_functions_error_and_the_environment_lives_on(on_engine):
    async def steps(engine):
        failed = await engine.invoke("fails", b'{"what": "thing"}')
        document = json.loads(failed.body)
        assert (document["errorType"], document["errorMessage"]) == (engine.error_type, "no thing")
        assert failed.record.outcome == "error"
        again = await engine.invoke("fails", b'{"what": "thing"}')
        assert again.record.environment_id == failed.record.environment_id

    on_engine(steps)


def test_a_timeout_ends_the_environment(on_engine):
    async def steps(engine):
        result = await engine.invoke("hangs", timeout=1)
        assert "Task timed out after 1.00 seconds" in json.loads(result.body)["errorMessage"]
        assert result.record.outcome == "timeout"
        assert result.record.duration_ms == 1000
        assert "Status: timeout" in result.tail
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}

    on_engine(steps)


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        pytest.param("exits", "exit status 3", marks=pytest.mark.behaviour("exits")),
        pytest.param("crashes", "signal: segmentation fault", marks=pytest.mark.behaviour("crashes")),
    ],
)
def test_a_process_that_ends_is_an_exit_error(on_engine, handler, words):
    async def steps(engine):
        result = await engine.invoke(handler)
        document = json.loads(result.body)
        assert document["errorType"] == "Runtime.ExitError"
        assert f"Runtime exited with error: {words}" in document["errorMessage"]
        assert "Status: error\tError Type: Runtime.ExitError" in result.tail

    on_engine(steps)


@pytest.mark.behaviour("hogs")
def test_too_much_memory_is_out_of_memory_at_the_size(on_engine):
    async def steps(engine):
        result = await engine.invoke("hogs", timeout=20)
        assert json.loads(result.body)["errorType"] == "Runtime.OutOfMemory"
        assert result.record.outcome == "out_of_memory"
        size = engine.language.memory
        assert f"Memory Size: {size} MB\tMax Memory Used: {size} MB" in result.tail

    on_engine(steps)


@pytest.mark.behaviour("nothing")
def test_a_handler_that_is_not_there_is_an_init_error(on_engine):
    async def steps(engine):
        result = await engine.invoke(engine.language.missing_handler)
        assert json.loads(result.body)["errorType"] == engine.language.missing_type
        assert result.record.outcome == "init_error"

    on_engine(steps)


@pytest.mark.behaviour("big")
def test_a_response_over_the_limit_is_refused(on_engine):
    async def steps(engine):
        result = await engine.invoke("big", memory_size=512, timeout=20)
        assert json.loads(result.body)["errorType"] == "Function.ResponseSizeTooLarge"

    on_engine(steps)


@pytest.mark.behaviour("survives")
def test_the_environment_outlives_a_response_over_the_limit(on_engine):
    if on_engine.backend == "docker" and on_engine.runtime.startswith("python"):
        pytest.skip("the image has AWS's compiled client, which ends its process over the 413")

    async def steps(engine):
        refused = await engine.invoke("big", memory_size=512, timeout=20)
        again = await engine.invoke("big", memory_size=512, timeout=20)
        assert again.record.environment_id == refused.record.environment_id

    on_engine(steps)


@pytest.mark.behaviour("writes")
def test_what_the_function_writes_stands_between_start_and_end(on_engine):
    async def steps(engine):
        result = await engine.invoke("writes")
        kinds = [line.split(" ")[0] for line in result.tail.splitlines()]
        assert kinds == ["INIT_START", "START", "written", "END", "REPORT"]

    on_engine(steps)


@pytest.fixture
def many_open_files():
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1500)]
    yield
    for fd in opened:
        os.close(fd)


@pytest.mark.usefixtures("many_open_files")
def test_a_region_with_more_open_files_than_a_function_may_have_starts_it_all_the_same(on_engine):
    async def steps(engine):
        assert json.loads((await engine.invoke("echo", b'{"a": 1}')).body) == {"a": 1}

    on_engine(steps)


@pytest.mark.behaviour("environment")
def test_the_environment_has_awss_variables_and_none_of_the_regions(on_engine, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_REGION", "x")

    async def steps(engine):
        seen = json.loads((await engine.invoke("environment")).body)
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "environment"
        assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == str(engine.language.memory)
        assert seen["_HANDLER"] == engine.language.handler("environment")
        assert seen["AWS_ACCESS_KEY_ID"] == "ASIAFUNCTION"
        assert not [name for name in seen if "SECRET" in name or name.startswith("LAMBDALAB_HOME")]

    on_engine(steps)


@pytest.mark.behaviour("reads")
def test_a_function_cannot_read_what_is_the_regions_or_the_persons(on_engine, tmp_path):
    if on_engine.backend == "fake":
        pytest.skip("the fake isolates nothing, and says so")
    secret = tmp_path / "credentials.json"
    secret.write_text("secret")

    async def steps(engine):
        paths = [str(secret), str(tmp_path), str(Path.home() / ".profile"), "/etc/shadow", "/etc/ssl/private"]
        seen = json.loads((await engine.invoke("reads", json.dumps(paths).encode())).body)
        assert set(seen.values()) <= {"PermissionError", "FileNotFoundError"}, seen

    on_engine(steps)


@pytest.mark.behaviour("layered")
def test_a_layers_library_is_found_where_the_language_looks(on_engine):
    async def steps(engine):
        layers = ({"Arn": "arn", "CodeSize": 1, "CodeSha256": "layer"},)
        assert json.loads((await engine.invoke("layered", layers=layers)).body) == "from the layer"

    on_engine(steps)


@pytest.mark.behaviour("about")
def test_the_context_is_awss(on_engine):
    if on_engine.backend == "fake":
        pytest.skip("the fake has no runtime client")

    async def steps(engine):
        result = await engine.invoke("about")
        about = json.loads(result.body)
        assert about["id"] == result.record.request_id
        assert about["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:about"
        assert str(about["memory"]) == str(engine.language.memory)
        assert 0 < about["left"] <= engine.language.timeout * 1000

    on_engine(steps)
