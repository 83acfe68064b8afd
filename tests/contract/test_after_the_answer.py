"""What a runtime does between its answer and its next poll: as on AWS it is of the invocation, with all its limits."""

import json
import re

import pytest

RUNTIME = """
import http.client, os, time

def works():
    time.sleep(2)
    print("worked on", flush=True)

def spins():
    while True: pass

def hogs():
    kept = []
    while True: kept.append(bytearray(b"x" * 10_000_000))

def exits(): os._exit(3)

def dawdles():
    end = time.process_time() + 0.02
    while time.process_time() < end: pass

def rests(): pass

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def ask(method, path, body=None):
    api.request(method, "/2018-06-01/runtime/invocation/" + path, body)
    answer = api.getresponse()
    answer.read()
    return answer.headers["Lambda-Runtime-Aws-Request-Id"]

while True:
    ask("POST", ask("GET", "next") + "/response", '"answered"')
    globals()[os.environ["_HANDLER"].partition(".")[2]]()
"""
"""A runtime of its own, in the place of a handler's module."""


def duration(lines):
    return float(re.search(r"\tDuration: ([\d.]+) ms", lines)[1])


def test_the_caller_has_the_answer_while_the_runtime_works_on_and_the_next_call_goes_elsewhere(with_extensions):
    async def steps(engine):
        first = await engine.invoke("works", tail=False)
        assert first.body == b'"answered"'
        assert first.record.duration_ms < 1500
        assert engine.environments.counts()["busy"] == 1
        second = await engine.invoke("works")
        assert second.record.environment_id != first.record.environment_id
        assert second.record.duration_ms == pytest.approx(duration(second.tail), abs=0.01)
        assert second.record.duration_ms >= 2000
        assert second.tail.index("worked on") < second.tail.index("END RequestId")
        assert (await engine.invoke("works")).record.init_ms is None

    with_extensions(steps, RUNTIME)


def test_what_works_on_for_a_function_that_changed_meanwhile_is_still_at_work(with_extensions):
    async def steps(engine):
        first = await engine.invoke("works", tail=False)
        engine.environments.retire(engine.version("works").key)
        assert engine.environments.at_work()
        second = await engine.invoke("works")
        assert second.record.environment_id != first.record.environment_id
        assert engine.environments.counts() == {"starting": 0, "idle": 1, "busy": 0}

    with_extensions(steps, RUNTIME)


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        ("spins", "Status: timeout"),
        ("hogs", "Status: error\tError Type: Runtime.OutOfMemory"),
        ("exits", "Status: error\tError Type: Runtime.ExitError"),
    ],
)
def test_what_works_on_is_ended_by_the_invocations_limits_and_its_answer_stands(with_extensions, handler, status):
    async def steps(engine):
        result = await engine.invoke(handler, timeout=2)
        assert (json.loads(result.body), result.record.outcome) == ("answered", "ok")
        assert status in result.tail
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}

    with_extensions(steps, RUNTIME)


@pytest.mark.parametrize(("handler", "calls"), [("rests", 50), ("dawdles", 5)])
def test_a_runtime_that_polls_soon_serves_call_after_call(with_extensions, handler, calls):
    """As a shell script does, which needs its share of the processor to start the program that polls."""

    async def steps(engine):
        results = [await engine.invoke(handler, tail=False, memory_size=128) for _ in range(calls)]
        assert len({result.record.environment_id for result in results}) == 1

    with_extensions(steps, RUNTIME)


TWICE = """
import http.client, os

def twice(event, context):
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    api.request("POST", f"/2018-06-01/runtime/invocation/{context.aws_request_id}/response", '"first"')
    api.getresponse().read()
    return "second"
"""


def test_a_second_answer_ends_the_runtime_within_its_own_invocation(with_extensions):
    async def steps(engine):
        for _ in range(2):
            result = await engine.invoke("twice")
            assert (result.body, result.record.outcome) == (b'"first"', "ok")
            assert "Status: error\tError Type: Runtime.ExitError" in result.tail

    with_extensions(steps, TWICE)
