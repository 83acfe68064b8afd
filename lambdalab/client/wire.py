"""A thin signed HTTP client for one region: kept-alive connections, AWS's errors as exceptions."""

from __future__ import annotations

import http.client
import json
import os
import select
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lambdalab.client import signing
from lambdalab.client.keys import Credentials
from lambdalab.errors import AwsError, RegionUnavailable

_OK = 300
_LONGEST_SECONDS = 1000
"""A function may run for 900 seconds; an answer that takes longer will not come."""


class NoAnswer(RegionUnavailable):
    """The region took the request, and has not answered for as long as the wire waits."""


class NobodyListens(RegionUnavailable):
    """The connection was refused: the request was not sent, and may be sent to another region."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer below status 300. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Calls one endpoint, from any thread, and from forked processes, each with connections of its own.

    A connection carries one call at a time and is kept for the next.
    `patience` is how long an answer is waited for, in seconds.
    """

    def __init__(
        self, endpoint: str, credentials: Credentials, region: str, patience: float = _LONGEST_SECONDS
    ) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.region = region
        self._patience = patience
        self._host = endpoint.partition("://")[2]
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._process = os.getpid()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        service: str = "lambda",
    ) -> Response:
        """One request and its answer; never sent twice.

        Raises `AwsError` for a refusal, `NobodyListens` when it could not be sent, `NoAnswer` when the wire's
        patience ended, `RegionUnavailable` when no answer came.
        """
        query = query or {}
        signed = signing.sign(self.credentials, self.region, service, method, self._host, path, query, body)
        target = f"{path}?{signing.encode_query(query)}" if query else path
        response = self._exchange(method, target, {**signed, **(headers or {})}, body)
        if response.status >= _OK:
            raise _refusal(response)
        return response

    def stream(
        self, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> tuple[Response, Iterator[bytes]]:
        """One POST to Lambda whose answer comes in pieces: its head at once, and the pieces as they come.

        Raises as `call` does; the iterator raises `RegionUnavailable` when the answer breaks off.
        """
        signed = signing.sign(self.credentials, self.region, "lambda", "POST", self._host, path, query, body)
        target = f"{path}?{signing.encode_query(query)}" if query else path
        connection = self._connection()
        try:
            connection.request("POST", target, body, {**signed, **headers})
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise self._ended(problem) from problem
        head = Response(answer.status, _lowered(answer), b"")
        if answer.status >= _OK:
            refused = Response(answer.status, head.headers, answer.read())
            connection.close()
            raise _refusal(refused)
        return head, self._pieces(connection, answer)

    def _pieces(self, connection: http.client.HTTPConnection, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while piece := answer.read1():
                yield piece
        except (OSError, http.client.HTTPException) as problem:
            raise self._ended(problem) from problem
        finally:
            connection.close()  # who stops in the middle leaves the rest unread

    def _ended(self, problem: Exception) -> RegionUnavailable:
        if isinstance(problem, TimeoutError):
            return NoAnswer(f"The region at {self.endpoint} has not answered within {self._patience:g} s.")
        return RegionUnavailable(
            f"The region at {self.endpoint} ended before it answered: {problem or type(problem).__name__}."
        )

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        connection = self._connection()
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as problem:
            connection.close()
            raise self._ended(problem) from problem
        except BaseException:
            # Interrupted half-way: what is left in the connection belongs to nobody.
            connection.close()
            raise
        self._idle.append(connection)
        return Response(answer.status, _lowered(answer), data)

    def _connection(self) -> http.client.HTTPConnection:
        if self._process != os.getpid():
            # This is a fork's child: on its parent's connections it would hear its parent's answers.
            self.close()
            self._process = os.getpid()
        while self._idle:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            connection.close()
        connection = http.client.HTTPConnection(self._host, timeout=self._patience)
        try:
            connection.connect()
        except TimeoutError as problem:  # it listens, and takes nobody in
            raise self._ended(problem) from problem
        except OSError as problem:
            raise NobodyListens(f"No region answers at {self.endpoint}: {problem}.") from problem
        return connection


def _lowered(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _is_open(connection: http.client.HTTPConnection) -> bool:
    """An idle connection that has something to read has been closed by the other side."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return not poll.poll(0)


def _refusal(response: Response) -> AwsError:
    try:
        document = json.loads(response.body) if response.body else {}
    except ValueError:
        document = {}
    code = response.headers.get("x-amzn-errortype") or document.pop("__type", "UnknownError")
    message = document.pop("message", None) or document.pop("Message", None)
    document.pop("Type", None)
    document.pop("__type", None)
    return AwsError.from_wire(code.partition(":")[0], message, response.status, **document)
