"""Enough of HTTP/1.1 for the stand-ins, on plain sockets: what they import counts as the peers' own time."""

import socket
import threading
import time


def requests(connection):
    """Every request of a connection as (method, path, body), until the other side closes it."""
    stream = connection.makefile("rb")
    while line := stream.readline():
        method, path, _ = line.decode().split(" ", 2)
        length = 0
        while header := stream.readline().strip().lower():
            if header.startswith(b"content-length:"):
                length = int(header[15:])
            elif header == b"expect: 100-continue":
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        yield method, path, stream.read(length)


def reply(connection, status, body=b"", headers=()):
    """Answer the request that was read last. AWS's client for Python ends by a signal where no content type is named."""
    lines = (
        f"HTTP/1.1 {status} OK",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
        "",
        "",
    )
    connection.sendall("\r\n".join(lines).encode() + body)


def hand_over(connection, request_id, arn, event):
    """Answer the Runtime API's `next` with an event."""
    deadline = int(time.time() * 1000) + 30_000
    names = ("Aws-Request-Id", request_id), ("Deadline-Ms", deadline), ("Invoked-Function-Arn", arn)
    reply(connection, 200, event, [f"Lambda-Runtime-{name}: {value}" for name, value in names])


def serve(address, answer):
    """Call `answer` with every connection, each in a thread of its own."""
    listening = socket.create_server(address)

    def accept():
        while True:
            connection, _ = listening.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


class Caller:
    """Posts to one server over a connection that it keeps; used by one thread at a time."""

    def __init__(self, host, port):
        self._address, self._lock, self._connection = (host, port), threading.Lock(), None

    def post(self, path, body=b""):
        """Send, and wait for the answer's head and body; a closed connection is opened again once."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self._address[0]}\r\nContent-Length: {len(body)}\r\n\r\n"
        with self._lock:
            if not self._sent(head.encode() + body):
                self._sent(head.encode() + body)

    def _sent(self, data):
        try:
            if self._connection is None:
                self._connection = socket.create_connection(self._address)
                self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connection.sendall(data)
            if next(requests(self._connection), None):
                return True
        except OSError:
            pass
        self._connection = None
        return False
