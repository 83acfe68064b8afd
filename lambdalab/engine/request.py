"""What is asked of the dispatcher, and what became of it. Records only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lambdalab.engine.response_stream import ResponseStream
from lambdalab.model.function import FunctionVersion
from lambdalab.model.invocation import InvocationRecord


class Request(NamedTuple):
    """One synchronous invocation to make. `arrived` is the clock's monotonic count at the request's arrival."""

    version: FunctionVersion
    invoked_arn: str
    payload: bytes
    request_id: str
    arrived: float
    client_context: str | None = None
    trace_id: str = ""
    tail: bool = False
    caller: ResponseStream | None = None
    """Gets the response in pieces where the runtime makes it so; the result's body is what was not passed on."""


class Result(NamedTuple):
    """What became of it: the body for the caller, everything measured, and the tail of the log if it was asked for."""

    body: bytes
    record: InvocationRecord
    tail: str | None


Done = Callable[["Result | None"], None]
"""Called once with the result; with None when the environment ended before it took the event: invoke again."""
