"""The transport under awslambdaric: what its compiled `runtime_client` does, in plain Python sockets.

awslambdaric brings this module as a C++ extension for one interpreter version and for Linux only. The same
four calls here make one copy of awslambdaric serve every interpreter, on every system, without a download.
One kept-alive connection; the answers of the Runtime API always carry a Content-Length. awslambdaric always
polls again right after it has answered, so the poll travels with the answer (HTTP pipelining), which saves a
round trip between two processes on every invocation.
"""

from __future__ import annotations

import _socket
import os

_API = "/2018-06-01/runtime"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_connection: _socket.socket | None = None
_buffer = b""
_agent = ""
_unread = False


def initialize_client(user_agent: str) -> None:
    """Remember the user agent; called once by awslambdaric at import."""
    global _agent
    _agent = user_agent


def next() -> tuple[bytes, dict[str, str | int]]:
    """Wait for the next event: its body (bytes) and its headers by their documented names, the deadline a number."""
    global _unread
    connection = _connection or _connect()
    if not _unread:
        connection.sendall(_poll_request())
    else:
        _unread = False
        status, _, body = _read_answer(connection)
        # 413: too large. The region has answered the caller already; the environment lives on, as on AWS.
        if status not in (202, 413):
            raise RuntimeError(f"Failed to post the invocation's outcome: {status} {body!r}")
    status, headers, body = _read_answer(connection)
    if status != 200:
        raise RuntimeError(f"Failed to get next: {status}")
    return body, {**headers, _DEADLINE: int(headers[_DEADLINE])}


def post_invocation_result(
    invoke_id: str,
    result: bytes,
    content_type: str,
    invocation_id: str | None = None,  # noqa: ARG001 - its signature
) -> None:
    """Answer the invocation with `result`."""
    _post(f"{_API}/invocation/{invoke_id}/response", result, f"Content-Type: {content_type}\r\n")


def post_error(
    invoke_id: str,
    error_response_data: str,
    xray_fault: str,
    invocation_id: str | None = None,  # noqa: ARG001
) -> None:
    """Answer the invocation with an error document."""
    headers = "Content-Type: application/json\r\n"
    cause = xray_fault.encode("ascii", "replace").decode().replace("\r", " ").replace("\n", " ")
    # No more than AWS allows, and no more than a header line should carry.
    if len(cause) <= 8192:
        headers += f"Lambda-Runtime-Function-XRay-Error-Cause: {cause}\r\n"
    _post(f"{_API}/invocation/{invoke_id}/error", error_response_data.encode("utf-8", "replace"), headers)


def _post(path: str, body: bytes, headers: str) -> None:
    global _unread
    head = f"POST {path} HTTP/1.1\r\nHost: runtime\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    connection = _connection or _connect()
    connection.sendall(b"".join((head.encode(), body, _poll_request())))
    _unread = True


def _poll_request() -> bytes:
    return f"GET {_API}/invocation/next HTTP/1.1\r\nHost: runtime\r\nUser-Agent: {_agent}\r\n\r\n".encode()


def _connect() -> _socket.socket:
    global _connection, _buffer
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    connection = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    connection.connect((host, int(port)))
    connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    _connection, _buffer = connection, b""
    return connection


def _read_answer(connection: _socket.socket) -> tuple[int, dict[str, str], bytes]:
    global _buffer
    received = _buffer
    end = received.find(b"\r\n\r\n")
    while end < 0:
        received += _receive(connection)
        end = received.find(b"\r\n\r\n")
    lines = received[:end].decode("utf-8", "surrogateescape").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    length = int(headers.get("Content-Length", 0))
    chunks, have = [received[end + 4 :]], len(received) - end - 4
    while have < length:
        chunk = _receive(connection)
        chunks.append(chunk)
        have += len(chunk)
    rest = b"".join(chunks)
    _buffer = rest[length:]
    return int(lines[0].split(" ", 2)[1]), headers, rest[:length]


def _receive(connection: _socket.socket) -> bytes:
    chunk = connection.recv(1 << 18)
    if not chunk:
        raise ConnectionError("the Runtime API closed the connection")
    return chunk
