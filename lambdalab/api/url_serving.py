"""Answering function URLs: who may call, the event, the invocation, the answer. Anybody may knock here, unsigned.

Source: `lambda-contract.md` section 16.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lambdalab.api import invocation, resolving
from lambdalab.api.function_urls import PREFIX
from lambdalab.api.http import HttpRequest, HttpResponse
from lambdalab.api.response_streaming import Pieces
from lambdalab.api.signature import Credentials, verify
from lambdalab.engine.request import Request
from lambdalab.engine.trace import new_trace, root
from lambdalab.errors import (
    AccessDenied,
    AwsError,
    InvalidRuntime,
    ResourceNotFound,
    RuntimeUnavailable,
    TooManyRequests,
)
from lambdalab.model import function_url, policy
from lambdalab.model.arn import FunctionReference
from lambdalab.model.function import FunctionKey
from lambdalab.model.function_url import Caller, UrlRequest, UrlResponse

if TYPE_CHECKING:
    from lambdalab.api.region import Region

_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_HOST = ".lambda-url."
_HEAD_LIMIT = 1 << 16
"""Bytes of status and headers that a streamed answer may begin with."""
_TRACE = "x-amzn-trace-id"
_BAD_GATEWAY = UrlResponse(502, [("content-type", "text/plain")], b"Internal Server Error")


def is_url(request: HttpRequest) -> bool:
    """Whether a request is to a function's URL: by its path, or by the host it names."""
    if request.target.startswith(PREFIX.encode()):
        return True
    return any(name == b"host" and _HOST.encode() in value for name, value in request.headers)


async def serve(
    region: Region, request: HttpRequest, known: Mapping[str, Credentials], request_id: str
) -> HttpResponse:
    """The function's answer, or AWS's refusal."""
    try:
        answer = await _answer(region, request, known, request_id)
    except TooManyRequests:
        answer = UrlResponse(429, [("content-type", "application/json")], b'{"Message":"Too Many Requests"}')
    except AwsError as refused:
        body = json.dumps({"Message": refused.message}).encode()
        kind = ("x-amzn-errortype", refused.error_code)
        answer = UrlResponse(refused.http_status, [("content-type", "application/json"), kind], body)
    if isinstance(answer, _Streamed):
        return HttpResponse(answer.head.status, _headers(answer.head, request_id), stream=answer.pieces)
    return HttpResponse(answer.status, _headers(answer, request_id), answer.body)


@dataclass(frozen=True, slots=True)
class _Streamed:
    """An answer whose body comes in pieces."""

    head: UrlResponse
    pieces: AsyncIterator[bytes]


def _headers(answer: UrlResponse, request_id: str) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("utf-8")) for name, value in answer.headers]
    return [(b"x-amzn-requestid", request_id.encode()), *headers]


async def _answer(
    region: Region, request: HttpRequest, known: Mapping[str, Credentials], request_id: str
) -> UrlResponse | _Streamed:
    identifier, asked = _read(request)
    found = region.attachments.find("url", "id", identifier)
    if found is None:
        raise ResourceNotFound(None)
    key, qualifier, document = found
    if request.too_large:
        raise invocation.too_large()
    cors = document.get("Cors", {})
    early = function_url.preflight(asked, cors) if cors else None
    if early is not None:
        return early
    caller = _authorise(region, request, known, key, qualifier, document)
    given = asked.header(_TRACE)
    trace_id = given or new_trace(region.clock.epoch_ms(), key.arn)
    sent = function_url.event(
        asked,
        url_id=identifier,
        region=region.settings.region,
        request_id=request_id,
        moment=region.clock.now(),
        port=urlsplit(region.endpoint).port or 80,
        trace=given or root(trace_id),
        caller=caller,
    )
    call = _request(region, FunctionReference(key, qualifier or None), sent, request_id, trace_id)
    if document.get("InvokeMode") == "RESPONSE_STREAM":
        answer, pieces = await _stream(region, call)
    else:
        answer, pieces = await _invoke(region, call), None
    head = UrlResponse(answer.status, function_url.with_cors(answer.headers, asked, cors), answer.body)
    return head if pieces is None else _Streamed(head, pieces)


def _read(request: HttpRequest) -> tuple[str, UrlRequest]:
    """The URL's id, and the request as the function shall see it: without the id in its path."""
    path, _, query = request.target.decode("ascii", "replace").partition("?")
    headers = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.headers]
    if path.startswith(PREFIX):
        identifier, _, rest = path[len(PREFIX) :].partition("/")
        path = f"/{rest}"
    else:
        host = next(value for name, value in headers if name == "host")
        identifier = host.partition(".")[0]
    return identifier, UrlRequest(request.method, path, query, headers, request.body)


def _authorise(
    region: Region,
    request: HttpRequest,
    known: Mapping[str, Credentials],
    key: FunctionKey,
    qualifier: str,
    document: Mapping[str, Any],
) -> Caller | None:
    """Who calls; None for anybody. Raises AWS's refusal."""
    if document["AuthType"] == "AWS_IAM":
        try:
            identity = verify(request, known, region.clock.now())
        except AwsError as refused:
            raise AccessDenied(_FORBIDDEN) from refused
        if (identity.service, identity.region) != ("lambda", region.settings.region):
            raise AccessDenied(_FORBIDDEN)
        caller = Caller(identity.access_key_id, identity.account)
        if caller.account == key.account:
            return caller
    else:
        caller = None
    kept = region.attachments.get(key, "policy", qualifier)
    statements = kept["statements"] if kept else ()
    url = {"lambda:FunctionUrlAuthType": document["AuthType"], "lambda:InvokedViaFunctionUrl": "true"}
    principal = caller.account if caller is not None else "*"
    if all(policy.allows(statements, a, url, principal) for a in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")):
        return caller
    raise AccessDenied(_FORBIDDEN)


def _request(
    region: Region, asked: FunctionReference, event: Mapping[str, Any], request_id: str, trace_id: str
) -> Request:
    version = resolving.version(region, asked, random.random())  # noqa: S311 - a share, no secret
    if version is None:
        raise ResourceNotFound(None)
    payload = json.dumps(event).encode()
    if len(payload) > invocation.SYNC_LIMIT:
        raise invocation.too_large()
    return Request(
        version=resolving.running(region, version),
        invoked_arn=asked.arn,
        payload=payload,
        request_id=request_id,
        arrived=region.clock.monotonic(),
        trace_id=trace_id,
    )


async def _invoke(region: Region, request: Request) -> UrlResponse:
    try:
        result = await region.dispatcher.invoke(request)
    except RuntimeUnavailable as missing:
        raise InvalidRuntime(str(missing)) from missing
    if result.record.outcome != "ok":
        return _BAD_GATEWAY
    return function_url.response(result.body) or _BAD_GATEWAY


async def _stream(region: Region, request: Request) -> tuple[UrlResponse, AsyncIterator[bytes] | None]:
    """Status and headers of a streamed answer, and its body; no body where the function failed before it began."""
    answer = Pieces(region, request)
    await answer.began()
    pieces = answer.pieces()
    if answer.content_type != function_url.INTEGRATION:
        first = await anext(pieces, None)
        if first is None and (await answer.result()).record.outcome != "ok":
            return _BAD_GATEWAY, None
        return UrlResponse(200, function_url.content_type(answer.content_type)), _with(first or b"", pieces)
    prelude = b""
    while function_url.HEAD_END not in prelude and len(prelude) <= _HEAD_LIMIT:
        piece = await anext(pieces, None)
        if piece is None:
            return _BAD_GATEWAY, None
        prelude += piece
    head, _, rest = prelude.partition(function_url.HEAD_END)
    found = function_url.streamed_head(head)
    if found is None:
        answer.give_up()
        return _BAD_GATEWAY, None
    return found, _with(rest, pieces)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
