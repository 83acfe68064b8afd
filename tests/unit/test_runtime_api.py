"""The Runtime API of one environment, spoken to over a real socket."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
import uvloop

from lambdalab.runtimes.runtime_api import RuntimeApi
from lambdalab.runtimes.runtime_connection import HELD_LIMIT, RESPONSE_LIMIT
from lambdalab.runtimes.runtime_event import Event

EVENT = Event("id-1", b'{"a": 1}', "arn:aws:lambda:us-east-1:123456789012:function:f", "Root=1")


class Recorder:
    """A listener that hands out one event and writes down what it is told."""

    def __init__(self):
        self.told = []
        self.known = True

    def polled(self, connection):
        self.told.append("polled")
        connection.send_event(EVENT, 1_800_000_000_000)

    def responded(self, request_id, body, *, too_large):
        self.told.append(("responded", request_id, body, too_large))
        return self.known

    def failed(self, request_id, body, error_type):
        self.told.append(("failed", request_id, body, error_type))
        return self.known

    def is_answered(self, request_id):
        return request_id == "id-answered"

    def init_failed(self, body, error_type):
        self.told.append(("init_failed", body, error_type))


@pytest.fixture(autouse=True)
def _loop_of_the_region():
    """What is tested here runs on uvloop in the region, which differs in what it reads and when."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.fixture
def listener():
    return Recorder()


def talk(listener, *requests, admit=lambda peer, local: True):
    """Send raw requests over one connection; return the raw answers, one for each request."""

    async def run():
        api = RuntimeApi(listener, listener)
        await api.start()
        api.let_in(admit)
        host, port = api.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        answers = []
        try:
            for request in requests:
                writer.write(request)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
                length = next(int(h.split(b": ")[1]) for h in head.split(b"\r\n") if h.startswith(b"Content-Length"))
                answers.append(head + await reader.readexactly(length))
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            api.close()
        return answers

    return asyncio.run(run())


def post(path, body=b"", headers=b""):
    return b"POST /2018-06-01/runtime/%s HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (path, headers, len(body), body)


NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"


def test_next_hands_out_the_event_with_its_headers(listener):
    (answer,) = talk(listener, NEXT)
    head, body = answer.split(b"\r\n\r\n")
    assert body == EVENT.body
    assert b"Lambda-Runtime-Aws-Request-Id: id-1\r\n" in head
    assert b"Lambda-Runtime-Deadline-Ms: 1800000000000\r\n" in head
    assert b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:f" in head


def test_a_response_is_accepted_and_passed_on(listener):
    (answer,) = talk(listener, post(b"invocation/id-1/response", b'"ok"'))
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert listener.told == [("responded", "id-1", b'"ok"', False)]


def test_a_response_in_chunks_is_put_together(listener):
    request = (
        b"POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    talk(listener, request)
    assert listener.told == [("responded", "id-1", b"abcde", False)]


def test_a_response_over_the_limit_is_refused_and_the_connection_lives(listener):
    big, small = talk(
        listener,
        post(b"invocation/id-1/response", b"x" * (RESPONSE_LIMIT + 1)),
        post(b"invocation/id-1/response", b"1"),
    )
    assert big.startswith(b"HTTP/1.1 413 ")
    assert small.startswith(b"HTTP/1.1 202 ")
    assert listener.told[0][3] is True
    assert listener.told[1] == ("responded", "id-1", b"1", False)


def test_a_response_of_exactly_the_limit_passes(listener):
    (answer,) = talk(listener, post(b"invocation/id-1/response", b"x" * RESPONSE_LIMIT))
    assert answer.startswith(b"HTTP/1.1 202 ")


def test_an_answer_to_another_invocation_is_a_bad_request(listener):
    listener.known = False
    (answer,) = talk(listener, post(b"invocation/other/response", b"1"))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_second_answer_is_refused_for_the_first_one_stands(listener):
    listener.known = False
    (answer,) = talk(listener, post(b"invocation/id-answered/response", b"1"))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"InvalidStateTransition" in answer


def test_a_poll_that_was_sent_along_with_a_refused_answer_takes_no_event(listener):
    listener.known = False
    (answer,) = talk(listener, post(b"invocation/id-answered/response", b"1") + NEXT)
    assert answer.startswith(b"HTTP/1.1 403 ") and b"Connection: close" in answer
    assert [what for what, *_ in listener.told] == ["responded"]


def test_an_error_carries_its_type(listener):
    talk(listener, post(b"invocation/id-1/error", b"{}", b"Lambda-Runtime-Function-Error-Type: Runtime.X\r\n"))
    assert listener.told == [("failed", "id-1", b"{}", "Runtime.X")]


def test_an_init_error_may_come_on_a_connection_that_never_polled(listener):
    talk(listener, post(b"init/error", b"{}", b"lambda-runtime-function-error-type: Runtime.ImportModuleError\r\n"))
    assert listener.told == [("init_failed", b"{}", "Runtime.ImportModuleError")]


@pytest.mark.parametrize("path", [b"invocation/id-1/nonsense", b"nothing", b"invocation//response/x"])
def test_an_unknown_path_is_not_found(listener, path):
    (answer,) = talk(listener, post(path))
    assert answer.startswith(b"HTTP/1.1 404 ")


def test_a_stranger_gets_no_byte(listener):
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        talk(listener, NEXT, admit=lambda peer, local: False)
    assert listener.told == []


@pytest.mark.parametrize("known", [True, False])
def test_who_comes_before_the_sandbox_is_known_waits_until_it_is(listener, known):
    async def run():
        api = RuntimeApi(listener, listener)
        await api.start()
        host, port = api.address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(post(b"init/error"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert listener.told == []
        api.let_in(lambda peer, local: known)
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(12), 5)
        writer.close()
        api.close()
        return answer

    answer = asyncio.run(run())
    assert answer == (b"HTTP/1.1 202" if known else b"")
    assert bool(listener.told) is known


def test_garbage_ends_the_connection(listener):
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        talk(listener, b"\x00\x01\x02 not http\r\n\r\n")


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nX: ",
        post(b"invocation/id-1/response", b"")[:-4].replace(b": 0", b": 6000000\r\n\r\n"),
    ],
)
def test_what_never_comes_to_an_end_is_dropped_and_forgotten(listener, begun):
    async def run():
        api = RuntimeApi(listener, listener)
        await api.start()
        api.let_in(lambda peer, local: True)
        host, port = api.address.split(":")
        most, opened = 0, []
        for _ in range(8):
            reader, writer = await asyncio.open_connection(host, int(port))
            opened.append((reader, writer))
            with contextlib.suppress(ConnectionError):
                writer.write(begun)
                for _ in range(5):
                    writer.write(b"a" * (1 << 20))
                    await writer.drain()
                    most = max(most, api.held)
        for _, writer in opened:
            writer.close()
        while api.held:
            await asyncio.sleep(0)
        api.close()
        return most

    assert asyncio.run(run()) <= HELD_LIMIT + (1 << 18)


def test_a_long_stream_of_small_chunks_is_no_request_without_end():
    pieces = []
    stream = SimpleNamespace(piece=pieces.append, end=lambda error: None)
    listener = Recorder()
    listener.streams = lambda request_id, content_type, source: stream

    async def run():
        api = RuntimeApi(listener, listener)
        await api.start()
        api.let_in(lambda peer, local: True)
        host, port = api.address.split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(b"POST /2018-06-01/runtime/invocation/id-1/response HTTP/1.1\r\n" + head)
        for _ in range(1000):
            writer.write(b"1\r\na\r\n" * 2000)
            await writer.drain()
        while len(pieces) < 2_000_000:
            await asyncio.sleep(0)
        writer.close()
        api.close()

    asyncio.run(asyncio.wait_for(run(), 60))
