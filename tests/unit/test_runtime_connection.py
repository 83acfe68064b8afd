"""A connection of a runtime's, alone: the test is the transport and the port."""

import pytest

from lambdalab.runtimes.runtime_connection import HELD_LIMIT, RESPONSE_LIMIT, Connection
from lambdalab.runtimes.runtime_event import Event

EVENT = Event("id-1", b'{"a": 1}', "arn", "Root=1")
POST = b"POST /x HTTP/1.1\r\nLambda-Runtime-Function-Error-Type: Runtime.X\r\nContent-Length: 5\r\n\r\nabcde"
POLL = b"GET /next HTTP/1.1\r\n\r\n"


def answers(connection, request, method):
    if method == b"GET":
        connection.asks()
    else:
        connection.answer(202)


class Port:
    """Takes what is routed, and answers as it is told; a transport that writes down what is written."""

    def __init__(self):
        self.held, self.routed, self.written, self.stream, self.polls = 0, [], [], None, 0
        self.aborted = self.closed = False
        self.answers = answers
        self.connection = Connection(self)
        self.connection.connection_made(self)

    def entered(self, connection):
        pass

    def left(self, connection):
        pass

    def begun(self, connection, request):
        return self.stream

    def route(self, connection, request, method):
        self.routed.append((method, request.url, request.body(), request.error_type))
        self.answers(connection, request, method)

    def poll(self, connection):
        self.polls += 1
        connection.asks()

    def write(self, data):
        self.written.append(data)

    def abort(self):
        self.aborted = True

    def close(self):
        self.closed = True

    def get_extra_info(self, name):
        return None  # as uvloop's transport says of a peer that has gone


@pytest.fixture
def port():
    return Port()


@pytest.mark.parametrize("size", [1, 7, len(POST)])
def test_a_request_is_routed_once_however_it_is_cut(port, size):
    for at in range(0, len(POST), size):
        port.connection.data_received(POST[at : at + size])
    assert port.routed == [(b"POST", b"/x", b"abcde", "Runtime.X")]
    assert len(port.written) == 1
    assert port.written[0].startswith(b"HTTP/1.1 202 Accepted\r\n")


def test_what_is_not_whole_yet_is_counted_until_it_is(port):
    port.connection.data_received(POST[:-1])
    assert port.held == len(POST) - 1
    port.connection.data_received(POST[-1:])
    assert port.held == 0


def test_what_a_lost_connection_had_begun_is_counted_no_more(port):
    port.connection.data_received(POST[:-1])
    port.connection.connection_lost(None)
    assert port.held == 0
    assert port.connection.closed


def test_an_answer_that_nobody_read_goes_with_the_event_in_one_write(port):
    port.connection.data_received(POST + POLL)
    assert port.written == []
    port.connection.send_event(EVENT, 1)
    (written,) = port.written
    assert written.startswith(b"HTTP/1.1 202 Accepted\r\n")
    assert written.endswith(EVENT.encode(1))


def test_a_poll_in_the_words_of_the_last_one_is_not_parsed_again(port):
    for _ in range(3):
        port.connection.data_received(POLL)
        port.connection.send_event(EVENT, 1)
        port.connection.data_received(POST)
    assert [method for method, *_ in port.routed] == [b"GET", b"POST", b"POST", b"POST"]
    assert port.polls == 2
    assert len(port.written) == 6


@pytest.mark.parametrize("first", [POST + POLL, POLL + POST], ids=["behind an answer", "before an answer"])
def test_a_poll_that_came_with_something_else_says_nothing_of_the_next(port, first):
    port.connection.data_received(first)
    port.connection.send_event(EVENT, 1)
    port.connection.data_received(first)
    assert [method for method, *_ in port.routed].count(b"POST") == 2
    assert port.polls == 0


def test_the_words_of_a_poll_are_a_piece_of_an_answer_where_they_stand_in_one(port):
    port.connection.data_received(POLL)
    port.connection.send_event(EVENT, 1)
    pieces = []
    port.stream = type("Stream", (), {"piece": staticmethod(pieces.append)})
    port.connection.data_received(
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
        b"%x\r\n" % len(POLL)
    )
    port.connection.data_received(POLL)
    assert (pieces, port.polls) == ([POLL], 0)


def test_what_repeats_another_request_that_came_during_a_poll_is_no_poll(port):
    error = b"POST /init/error HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
    port.connection.data_received(POLL)
    port.connection.data_received(error)
    port.connection.send_event(EVENT, 1)
    port.connection.data_received(error)
    assert [method for method, *_ in port.routed] == [b"GET", b"POST", b"POST"]
    assert port.polls == 0


@pytest.mark.parametrize("words", [b"HTTP/1.1\r\nConnection: close", b"HTTP/1.0\r\nHost: x"])
def test_a_connection_that_is_to_be_closed_is_closed_with_the_answer(port, words):
    port.connection.data_received(b"GET /next " + words + b"\r\n\r\n")
    assert not port.closed
    port.connection.send_event(EVENT, 1)
    assert port.closed


def test_the_offer_of_another_protocol_is_ignored(port):
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    for request in (POLL, POST):
        line, rest = request.split(b"\r\n", 1)
        port.connection.data_received(line + b"\r\n" + offer + rest)
        port.connection.polling = False
    assert port.routed == [(b"GET", b"/next", b"", ""), (b"POST", b"/x", b"abcde", "Runtime.X")]
    assert not port.aborted


@pytest.mark.parametrize("more", [b"", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"], ids=["plain", "with an offer"])
def test_a_tunnel_is_refused(port, more):
    port.connection.data_received(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n")
    assert port.aborted
    assert (port.routed, port.held) == ([], 0)


def test_a_peer_that_has_gone_before_it_was_let_in_has_no_address(port):
    assert port.connection.addresses is None


def test_a_body_over_the_limit_is_dropped_and_said_to_be_too_large(port):
    seen = []
    port.answers = lambda connection, request, method: seen.append((request.too_large, request.body()))
    for size in (RESPONSE_LIMIT, RESPONSE_LIMIT + 1):
        port.connection.data_received(b"POST /x HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(2):
            port.connection.data_received(b"x" * (size // 2))
        port.connection.data_received(b"x" * (size % 2))
    assert seen == [(False, b"x" * RESPONSE_LIMIT), (True, b"")]


def test_a_peer_is_dropped_when_all_of_them_hold_too_much(port):
    port.held = HELD_LIMIT
    port.connection.data_received(POST[:-1])
    assert port.aborted
    assert port.routed == []


def test_a_client_that_waits_for_leave_to_send_gets_it(port):
    port.connection.data_received(b"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert port.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]


@pytest.mark.parametrize(
    ("trailers", "error"),
    [
        (b"", None),
        (b"Lambda-Runtime-Function-Error-Type: X\r\nLambda-Runtime-Function-Error-Body: e30=\r\n", ("X", b"{}")),
        (b"Lambda-Runtime-Function-Error-Type: X\r\nLambda-Runtime-Function-Error-Body: {no}\r\n", ("X", b"{no}")),
    ],
)
def test_a_stream_has_its_pieces_at_once_and_its_error_from_the_trailers(port, trailers, error):
    pieces, ends = [], []
    port.stream = type("Stream", (), {"piece": staticmethod(pieces.append)})
    port.answers = lambda connection, request, method: ends.append(request.trailed_error())
    port.connection.data_received(
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n\r\n"
    )
    port.connection.data_received(b"2\r\nab\r\n")
    port.connection.data_received(b"1\r\nc\r\n")
    assert (pieces, port.held) == ([b"ab", b"c"], 0)
    port.connection.data_received(b"0\r\n" + trailers + b"\r\n")
    assert ends == [error]
