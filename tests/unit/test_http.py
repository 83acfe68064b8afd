"""The protocol itself: one answer for each request, whole, and nothing that could be read as the next one."""

import asyncio
import hashlib
from types import SimpleNamespace

import pytest

from lambdalab.api import http
from lambdalab.api.http import Held, HttpProtocol, HttpResponse


class Transport:
    def __init__(self):
        self.sent, self.closed, self.aborted, self.paused = b"", False, False, False

    def write(self, data):
        self.sent += data

    def close(self):
        self.closed = True

    def abort(self):
        self.aborted = True

    def is_reading(self):
        return not self.paused

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False


class Gateway:
    """Answers with what it is given for a path, and remembers what it was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []

    def respond_now(self, request, send):
        return False

    async def respond(self, request):
        self.asked.append(request)
        return self.answers[request.target.decode()]


class Requests:
    """How many are in hand."""

    def __init__(self):
        self.in_hand = 0

    def request(self):
        self.in_hand += 1

    def answered(self):
        self.in_hand -= 1


def connected(gateway, transport, held, requests=None):
    """A connection to a server that holds so much."""
    config = SimpleNamespace(loaded=True, loaded_app=gateway)
    protocol = HttpProtocol(held, requests or Requests(), config, SimpleNamespace(connections=set(), tasks=set()), {})
    protocol.connection_made(transport)
    return protocol


def talk(data, **answers):
    """What a connection says to `data`, and its transport and gateway."""
    gateway, transport = Gateway({f"/{path}": answer for path, answer in answers.items()}), Transport()

    async def go():
        protocol = connected(gateway, transport, Held())
        for piece in [data] if isinstance(data, bytes) else data:
            protocol.data_received(piece)
        for _ in range(50):
            await asyncio.sleep(0)

    asyncio.run(go())
    return transport, gateway


async def pieces(*given):
    for piece in given:
        if isinstance(piece, Exception):
            raise piece
        yield piece


PLAIN = HttpResponse(200, [], b"second")
NEXT = b"GET /next HTTP/1.1\r\nhost: x\r\n\r\n"
SECOND = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond"


@pytest.mark.parametrize("status", [299, 451, 599])
def test_any_final_status_is_written(status):
    transport, _ = talk(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", a=HttpResponse(status, [], b"x"))
    assert transport.sent.startswith(b"HTTP/1.1 %d " % status)
    assert transport.sent.endswith(b"content-length: 1\r\n\r\nx")


@pytest.mark.parametrize(
    ("method", "answer", "head"),
    [
        (b"HEAD", HttpResponse(200, [], b"junk"), b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"),
        (b"HEAD", HttpResponse(404, [], b"junk"), b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\n"),
        (b"HEAD", HttpResponse(200, [], b"", 70), b"HTTP/1.1 200 OK\r\ncontent-length: 70\r\n\r\n"),
        (b"GET", HttpResponse(204, [], b"junk"), b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", HttpResponse(304, [], b"junk"), b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    ],
)
def test_where_there_is_no_body_none_is_written_and_the_next_answer_is_read_right(method, answer, head):
    transport, _ = talk(method + b" /a HTTP/1.1\r\nhost: x\r\n\r\n" + NEXT, a=answer, next=PLAIN)
    assert transport.sent == head + SECOND


@pytest.mark.parametrize(
    ("method", "status", "sent"),
    [
        (b"GET", 200, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
        (b"HEAD", 200, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        (b"GET", 204, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
def test_a_streamed_answer_keeps_to_the_same_rules(method, status, sent):
    answer = HttpResponse(status, [], stream=pieces(b"one", b"", b"two"))
    transport, _ = talk(method + b" /a HTTP/1.1\r\nhost: x\r\n\r\n" + NEXT, a=answer, next=PLAIN)
    assert transport.sent == sent + SECOND


def test_a_stream_that_breaks_ends_the_connection_and_nobody_waits():
    answer = HttpResponse(200, [], stream=pieces(b"one", RuntimeError("broken")))
    transport, _ = talk(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n" + NEXT, a=answer, next=PLAIN)
    assert transport.aborted
    assert transport.sent.endswith(b"3\r\none\r\n")


def test_a_stream_whose_head_cannot_be_written_is_read_to_its_end():
    read = []

    async def made():
        for piece in (b"one", b"two"):
            read.append(piece)
            yield piece

    answer = HttpResponse(200, [(b"x", b"a\r\ny: b")], stream=made())
    transport, _ = talk(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", a=answer)
    assert (transport.aborted, transport.sent, read) == (True, b"", [b"one", b"two"])


@pytest.mark.parametrize("value", [b"a\r\nx-injected: yes", b"a\nb", b"a\rb", b"a\0b"])
def test_a_header_that_would_begin_another_is_never_written(value):
    transport, _ = talk(b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n", a=HttpResponse(200, [(b"x", value)], b"y"))
    assert transport.sent == b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("size", [10, 3 << 20])
def test_a_body_is_handed_over_whole_with_its_hash(size):
    body = bytes(range(256)) * (size // 256 + 1)
    head = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    _, gateway = talk([head, *(body[n : n + 65536] for n in range(0, len(body), 65536)), NEXT], a=PLAIN, next=PLAIN)
    first, second = gateway.asked
    assert first.body == body and not first.too_large
    assert first.sha256 in {None, hashlib.sha256(body).hexdigest()}
    assert (second.body, second.sha256) == (b"", None)


def test_a_body_over_the_limit_is_dropped_and_its_hash_is_kept(monkeypatch):
    monkeypatch.setattr(http, "BODY_LIMIT", 2 << 20)
    body = b"x" * (3 << 20)
    head = b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    _, gateway = talk([head, *(body[n : n + 65536] for n in range(0, len(body), 65536))], a=PLAIN)
    assert (gateway.asked[0].too_large, gateway.asked[0].body) == (True, b"")
    assert gateway.asked[0].sha256 == hashlib.sha256(body).hexdigest()


def test_requests_that_do_not_come_to_an_end_take_no_more_than_there_is_for_them(monkeypatch):
    monkeypatch.setattr(http, "HELD_LIMIT", 1000)
    head = b"POST /a HTTP/1.1\r\nContent-Length: 900\r\n\r\n"
    within, _ = talk([head, b"x" * 900], a=HttpResponse(200, [], b"whole"))
    assert b"whole" in within.sent
    beyond, gateway = talk([head, b"x" * 800, b"y" * 99, b"z" * 200])
    assert beyond.sent.startswith(b"HTTP/1.1 503 ")
    assert beyond.closed
    assert gateway.asked == []


def test_the_room_for_unfinished_requests_is_the_servers_and_comes_back_with_the_connection(monkeypatch):
    monkeypatch.setattr(http, "HELD_LIMIT", 1000)
    head = b"POST /a HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"

    async def steps():
        one, other = Held(), Held()
        transports = [Transport() for _ in range(3)]
        connections = [connected(Gateway({}), *pair) for pair in zip(transports, (one, one, other), strict=True)]
        for connection in connections:
            connection.data_received(head + b"x" * 900)
        assert [transport.closed for transport in transports] == [False, True, False]
        for connection in connections[:2]:
            connection.connection_lost(None)
        assert (one.size, other.size) == (0, len(head) + 900)
        later = Transport()
        connected(Gateway({}), later, one).data_received(head + b"x" * 900)
        assert not later.closed

    asyncio.run(steps())


def in_hand_while_answering(answer, closes=None):
    """How many requests the server had in hand before the answer to the only one, and after it."""
    counted, requests = [], Requests()

    async def go():
        begin = asyncio.Event()

        class Slow(Gateway):
            async def respond(self, request):
                await begin.wait()
                return answer

        protocol = connected(Slow({}), Transport(), Held(), requests)
        protocol.data_received(b"GET /a HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0)
        if closes:
            protocol.connection_lost(None)
        counted.append(requests.in_hand)
        begin.set()
        for _ in range(50):
            await asyncio.sleep(0)
        counted.append(requests.in_hand)

    asyncio.run(go())
    return counted


def test_a_request_is_in_hand_until_its_answer():
    assert in_hand_while_answering(HttpResponse(200, [], b"whole")) == [1, 0]


def test_a_request_whose_client_went_away_is_in_hand_until_it_would_have_been_answered():
    assert in_hand_while_answering(HttpResponse(200, [], b"whole"), closes=True) == [1, 0]


@pytest.mark.parametrize("given", [(b"a", b"b"), (b"a", ValueError("it broke"))], ids=["whole", "broken"])
def test_a_streamed_answer_is_in_hand_until_its_stream_ends(given):
    requests, going = Requests(), []

    async def watched():
        async for piece in pieces(*given):
            going.append(requests.in_hand)
            yield piece

    async def go():
        gateway = Gateway({"/a": HttpResponse(200, [], stream=watched())})
        connected(gateway, Transport(), Held(), requests).data_received(b"GET /a HTTP/1.1\r\n\r\n")
        for _ in range(50):
            await asyncio.sleep(0)

    asyncio.run(go())
    assert set(going) == {1}
    assert requests.in_hand == 0


def test_a_connection_that_asks_without_waiting_is_read_no_faster_than_it_is_answered():
    transport, gateway = talk(
        [b"GET /a HTTP/1.1\r\n\r\n" * 4, b"GET /a HTTP/1.1\r\n\r\n" * 4], a=HttpResponse(200, [], b"ok")
    )
    assert transport.sent.count(b"ok") == len(gateway.asked) == 8
    assert not transport.paused
