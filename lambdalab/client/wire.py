"""A thin signed HTTP client for one region: kept-alive connections, AWS's errors as exceptions."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from lambdalab.client import signing
from lambdalab.client.keys import Credentials
from lambdalab.errors import AwsError, RegionUnavailable

_OK = 300
_LONGEST_SECONDS = 1000
"""A function may run for 900 seconds; an answer that takes longer will not come."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Calls one endpoint. Each thread has a connection of its own."""

    def __init__(self, endpoint: str, credentials: Credentials, region: str) -> None:
        self.endpoint = endpoint
        self.credentials = credentials
        self.region = region
        self._host = endpoint.partition("://")[2]
        self._local = threading.local()

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
        """One request and its answer. Raises `AwsError` for a refusal, `RegionUnavailable` when nobody answers."""
        query = query or {}
        signed = signing.sign(self.credentials, self.region, service, method, self._host, path, query, body)
        target = f"{path}?{signing.encode_query(query)}" if query else path
        response = self._exchange(method, target, {**signed, **(headers or {})}, body)
        if response.status >= _OK:
            raise _refusal(response)
        return response

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        reused = getattr(self._local, "connection", None) is not None
        try:
            return self._once(method, target, headers, body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # The region closed the idle connection; the request was never read, so it may be sent again.
            if not reused:
                raise RegionUnavailable(f"The region at {self.endpoint} closed the connection.") from None
            return self._once(method, target, headers, body)
        except OSError as problem:
            raise RegionUnavailable(f"No region answers at {self.endpoint}: {problem}.") from problem

    def _once(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._host, timeout=_LONGEST_SECONDS)
        try:
            connection.request(method, target, body, dict(headers))
            answer = connection.getresponse()
            data = answer.read()
        except BaseException:
            # Interrupted or broken half-way: what is left in the connection belongs to nobody.
            self._local.connection = None
            connection.close()
            raise
        return Response(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            self._local.connection = None
            connection.close()


def _refusal(response: Response) -> AwsError:
    try:
        document = json.loads(response.body) if response.body else {}
    except ValueError:
        document = {}
    code = response.headers.get("x-amzn-errortype") or document.pop("__type", "UnknownError")
    message = document.pop("message", None) or document.pop("Message", None)
    document.pop("Type", None)
    return AwsError.from_wire(code.partition(":")[0], message, response.status, **document)
