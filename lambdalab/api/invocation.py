"""The family of invoking: Invoke, synchronous, with its log tail, its dry run and its limits.

Source: `lambda-contract.md` section 10.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api import resolving
from lambdalab.api.complaint import complaint, no_constant
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.engine.request import Request, Result
from lambdalab.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    InvalidRuntime,
    NotOffered,
    RequestTooLarge,
    ResourceConflict,
    RuntimeUnavailable,
)
from lambdalab.model.function import LATEST, FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region

SYNC_LIMIT = 6 * 1024 * 1024
"""Bytes of payload of a synchronous invocation."""
CLIENT_CONTEXT_LIMIT = 3583
RECORD_HEADER = "x-lambdalab-record"
"""Asked for with any value, the answer carries the whole `InvocationRecord`, base64 of its JSON."""
_CONTEXT_SHOWN = 60
"""Characters of a client context that is refused."""
_INLINE_BYTES = 1 << 16
_NOT_READY = frozenset(["Pending", "Failed"])


@operation("Invoke")
async def invoke(region: Region, call: Call) -> Answer:
    """Run a function and answer with its result, whether it succeeded or failed."""
    request = await request_of(region, call)
    kind = call.params.get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        return Answer(status=204)
    if kind == "Event":
        raise NotOffered("InvocationType Event (the asynchronous queue) is not offered by this version of LambdaLab.")
    try:
        result = await region.dispatcher.invoke(request)
    except RuntimeUnavailable as missing:
        raise InvalidRuntime(str(missing)) from missing
    return _answer(call, result)


async def request_of(region: Region, call: Call) -> Request:
    """What an invocation's call asks for. Raises AWS's refusals of its name, payload and client context."""
    arrived = region.clock.monotonic()
    version, invoked_arn = _find(region, call)
    payload = call.params.get("Payload") or b"{}"
    if len(payload) <= _INLINE_BYTES:
        _parse(payload)
    else:
        _check_size(payload)
        # Parsing megabytes takes tens of milliseconds, which the other invocations should not wait for.
        await asyncio.to_thread(_parse, payload)
        version, invoked_arn = _find(region, call)  # it may have changed meanwhile
    return _request(call, version, invoked_arn, payload, arrived)


def prepare_now(region: Region, call: Call) -> Request | None:
    """The request of a plain synchronous invocation with a small payload; None when it needs the long way."""
    payload = call.params.get("Payload") or b"{}"
    if len(payload) > _INLINE_BYTES or call.params.get("InvocationType", "RequestResponse") != "RequestResponse":
        return None
    arrived = region.clock.monotonic()
    version, invoked_arn = _find(region, call)
    _parse(payload)
    return _request(call, version, invoked_arn, payload, arrived)


def invoke_now(region: Region, call: Call, request: Request, done: Callable[[Answer | None], None]) -> bool:
    """Run it in an idle environment; `done` gets the answer, or None when that ended first. False: none is idle."""

    def ended(result: Result | None) -> None:
        done(None if result is None else _answer(call, result))

    return region.dispatcher.invoke_warm(request, ended)


def _request(call: Call, version: FunctionVersion, invoked_arn: str, payload: bytes, arrived: float) -> Request:
    return Request(
        version=version,
        invoked_arn=invoked_arn,
        payload=payload,
        request_id=call.request_id,
        arrived=arrived,
        client_context=_client_context(call.params.get("ClientContext")),
        trace_id=call.headers.get("x-amzn-trace-id", ""),
        tail=call.params.get("LogType") == "Tail",
    )


def _answer(call: Call, result: Result) -> Answer:
    output: dict[str, Any] = {
        "StatusCode": 200,
        "ExecutedVersion": result.record.executed_version,
        "Payload": result.body,
    }
    if result.record.outcome != "ok":
        output["FunctionError"] = "Unhandled"
    if result.tail is not None:
        output["LogResult"] = base64.b64encode(result.tail.encode()).decode()
    headers: Mapping[str, str] = {}
    if RECORD_HEADER in call.headers:
        headers = {RECORD_HEADER: base64.b64encode(result.record.to_json().encode()).decode()}
    return Answer(output, headers=headers)


def _find(region: Region, call: Call) -> tuple[FunctionVersion, str]:
    """The version to run, an alias's by its weights, and its ARN as the caller addressed it."""
    reference = resolving.reference(region, call)
    version = resolving.version(region, reference, random.random())  # noqa: S311 - a share, no secret
    if version is None:
        raise reference.not_found(LATEST)
    version = resolving.running(region, version)
    if version.state in _NOT_READY:
        raise ResourceConflict(
            "The operation cannot be performed at this time. "
            f"The function is currently in the following state: {version.state}"
        )
    invoked = f"{reference.key.arn}:{reference.qualifier}" if reference.qualifier else reference.key.arn
    return version, invoked


def too_large() -> RequestTooLarge:
    """AWS's refusal of a payload over the limit."""
    return RequestTooLarge(f"Request must be smaller than {SYNC_LIMIT} bytes for the InvokeFunction operation")


def _check_size(payload: bytes) -> None:
    if len(payload) > SYNC_LIMIT:
        raise too_large()


_READ = json.JSONDecoder(parse_constant=no_constant).decode


def _parse(payload: bytes) -> None:
    """Refuse what is not JSON in UTF-8; a mark of its byte order is allowed, as Jackson allows it."""
    try:
        _READ(payload.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError) as bad:
        raise InvalidRequestContent(
            f"Could not parse request body into json: Could not parse payload into json: {complaint(bad, payload)}"
        ) from bad


def _client_context(encoded: str | None) -> str | None:
    """The client context as the JSON text that the runtime is handed."""
    if not encoded:
        return None
    if len(encoded) > CLIENT_CONTEXT_LIMIT:
        raise InvalidParameterValue(
            f"Client context must be at most {CLIENT_CONTEXT_LIMIT} bytes of base64; this one has {len(encoded)}."
        )
    try:
        document = json.loads(base64.b64decode(encoded, validate=True).decode())
        if not isinstance(document, dict):
            raise ValueError(f"it is {json.dumps(document)[:_CONTEXT_SHOWN]}")
        return json.dumps(document, separators=(",", ":"))
    except (binascii.Error, ValueError, RecursionError) as bad:
        raise InvalidRequestContent(f"Client context must be a valid Base64-encoded JSON object: {bad}") from bad
