"""One way of calling an endpoint for all that are compared: a signed request over kept-alive connections."""

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials


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


class _Client(asyncio.Protocol):
    """Sends the request again whenever its answer is complete; answers carry a Content-Length."""

    def __init__(self, data, times, until):
        self._data, self._times, self._until = data, times, until
        self._buffer = b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self._transport = transport
        self._next()

    def _next(self):
        self._began = time.perf_counter()
        self._transport.write(self._data)

    def data_received(self, data):
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))[15:])
        if len(body) < length:
            return
        now = time.perf_counter()
        self._times.append(now - self._began)
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 200") or b"x-amz-function-error" in head.lower():
            self.done.set_exception(AssertionError(head.decode() + body.decode()))
            self._transport.close()
        elif now < self._until:
            self._next()
        else:
            self._transport.close()

    def connection_lost(self, problem):
        if not self.done.done():
            self.done.set_result(None)


def run(target, clients, seconds):
    """Milliseconds of each call, and calls a second, with so many clients that each wait for their answer."""

    async def all_clients():
        data, times = request_bytes(target), []
        where = urlsplit(target.endpoint)
        until = time.perf_counter() + seconds
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Client(data, times, until), where.hostname, where.port)
            for _ in range(clients)
        ]
        await asyncio.gather(*(client.done for _, client in made))
        return times

    began = time.perf_counter()
    times = asyncio.run(all_clients())
    return [value * 1000 for value in times], len(times) / (time.perf_counter() - began)
