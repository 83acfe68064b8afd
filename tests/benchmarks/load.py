"""One way of calling an endpoint for all that are compared: a signed request over kept-alive connections."""

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials

_PATIENCE_SECONDS = 60  # for the last answers, after the time is over


@dataclass(frozen=True)
class Target:
    """An endpoint, the key to sign with, and a function that is there."""

    endpoint: str
    access_key: str
    secret_key: str
    function: str


def request_bytes(target, body=b'{"n": 1}'):
    """A whole signed invoke request; the signature stays valid for five minutes."""
    url = f"{target.endpoint}/2015-03-31/functions/{target.function}/invocations"
    request = botocore.awsrequest.AWSRequest("POST", url, data=body, headers={"Host": urlsplit(url).netloc})
    credentials = botocore.credentials.Credentials(target.access_key, target.secret_key)
    botocore.auth.SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    lines = [f"POST {urlsplit(url).path} HTTP/1.1", *(f"{k}: {v}" for k, v in request.headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class _Connection(asyncio.Protocol):
    """Sends the request again whenever its answer is complete; answers carry a Content-Length.

    Done when the time is over, or when the server closes connections after each answer.
    """

    def __init__(self, data, times, until, began):
        self._data, self._times, self._until, self._began = data, times, until, began
        self._buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self._transport = transport
        self._next(self._began or time.perf_counter())

    def _next(self, began):
        self._began = began
        self._transport.write(self._data)

    def data_received(self, data):
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        head = head.lower()
        length = int(next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))[15:])
        if len(body) < length:
            return
        now = time.perf_counter()
        self._times.append(now - self._began)
        self._buffer = b""
        if not head.startswith(b"http/1.1 200") or b"x-amz-function-error" in head or b'"ok"' not in body:
            self._end(AssertionError(f"{head.decode().splitlines()[0]}: {body.decode()[:200]}"))
        elif now < self._until and b"connection: close" not in head:
            self._next(now)
        else:
            self._end()

    def _end(self, problem=None):
        if not self.done.done():
            self.done.set_exception(problem) if problem else self.done.set_result(None)
        self._transport.close()

    def connection_lost(self, problem):
        self._end(problem or ConnectionError("the server closed the connection before its answer"))


async def _client(where, data, times, until):
    """One that waits for each answer. Where the server closes after it, connecting again is part of the next call."""
    loop, began = asyncio.get_running_loop(), None
    while began is None or began < until:
        make = partial(_Connection, data, times, until, began)
        _, connection = await loop.create_connection(make, where.hostname, where.port)
        await connection.done
        began = time.perf_counter()


def run(target, clients, seconds):
    """Milliseconds of each call, and calls a second, with so many clients that each wait for their answer.

    Raises AssertionError for any answer but the function's, TimeoutError where none comes.
    """

    async def all_clients():
        data, times = request_bytes(target), []
        until = time.perf_counter() + seconds
        async with asyncio.timeout(seconds + _PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(_client(urlsplit(target.endpoint), data, times, until))
        return times

    began = time.perf_counter()
    times = asyncio.run(all_clients())
    return [value * 1000 for value in times], len(times) / (time.perf_counter() - began)
