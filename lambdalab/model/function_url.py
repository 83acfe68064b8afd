"""Function URLs: from an HTTP request to the event, from the result to an HTTP answer, and CORS. Pure.

Source: `lambda-contract.md` section 16 (payload format 2.0); the CORS rules are those of AWS's page "Creating
and managing Lambda function URLs".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

_TEXT = ("text/", "application/json", "application/javascript", "application/xml")
_NOT_PASSED_ON = frozenset(["connection", "content-length", "transfer-encoding", "keep-alive"])


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """One request to a function's URL. `path` and `query` are still percent-encoded; header names lower-case."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, several joined by commas; None when it is absent."""
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None


@dataclass(frozen=True, slots=True)
class UrlResponse:
    """The answer to it."""

    status: int
    headers: Sequence[tuple[str, str]] = field(default=())
    body: bytes = b""


def event(
    request: UrlRequest, *, url_id: str, region: str, request_id: str, moment: datetime, caller: str = "anonymous"
) -> dict[str, Any]:
    """The event in payload format 2.0."""
    domain = f"{url_id}.lambda-url.{region}.on.aws"
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": _joined((name, value) for name, value in request.headers if name != "cookie"),
        "requestContext": {
            "accountId": caller,
            "apiId": url_id,
            "domainName": domain,
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": request.header("user-agent") or "",
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(moment.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    cookies = [part.strip() for name, value in request.headers if name == "cookie" for part in value.split(";")]
    if cookies:
        made["cookies"] = cookies
    query = _joined(parse_qsl(request.query, keep_blank_values=True))
    if query:
        made["queryStringParameters"] = query
    if request.body:
        made["body"], made["isBase64Encoded"] = _body(request)
    return made


def _joined(pairs: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _body(request: UrlRequest) -> tuple[str, bool]:
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind.startswith(_TEXT) or kind.endswith(("+json", "+xml")):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


INTEGRATION = "application/vnd.awslambda.http-integration-response"
"""The content type of a streamed answer that begins with its status and headers, and the end of those."""
HEAD_END = b"\0" * 8


def response(result: bytes) -> UrlResponse | None:
    """The answer that a handler's result describes; None for one that describes none (a bad gateway)."""
    value = json.loads(result)
    if not isinstance(value, dict) or "statusCode" not in value:
        body = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return UrlResponse(200, [("content-type", "application/json")], body.encode())
    try:
        status = int(value["statusCode"])
        answered = _answered_body(value)
    except (TypeError, ValueError, binascii.Error):
        return None
    if not 100 <= status <= 599:
        return None
    return UrlResponse(status, _answered_headers(value, "application/json"), answered)


def streamed_head(prelude: bytes) -> UrlResponse | None:
    """Status and headers that a streaming handler wrote before its body; None when they are none."""
    try:
        value = json.loads(prelude)
        status = int(value.get("statusCode", 200))
        headers = _answered_headers(value, "application/octet-stream")
    except (AttributeError, TypeError, ValueError):
        return None
    return UrlResponse(status, headers) if 100 <= status <= 599 else None


def _answered_headers(value: Mapping[str, Any], content_type: str) -> list[tuple[str, str]]:
    headers = [(str(k).lower(), str(v)) for k, v in (value.get("headers") or {}).items()]
    headers = [(name, text) for name, text in headers if name not in _NOT_PASSED_ON]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", content_type))
    return headers + [("set-cookie", str(cookie)) for cookie in value.get("cookies") or ()]


def _answered_body(value: Mapping[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    return base64.b64decode(text, validate=True) if value.get("isBase64Encoded") else text.encode()


def preflight(request: UrlRequest, cors: Mapping[str, Any]) -> UrlResponse | None:
    """The answer to a browser's preflight, which the URL gives itself; None for any other request."""
    asked = request.header("access-control-request-method")
    if request.method != "OPTIONS" or asked is None:
        return None
    headers = cors_headers(request, cors)
    if headers:
        for member, name in (("AllowMethods", "methods"), ("AllowHeaders", "headers")):
            if cors.get(member):
                headers.append((f"access-control-allow-{name}", ",".join(cors[member])))
        if "MaxAge" in cors:
            headers.append(("access-control-max-age", str(cors["MaxAge"])))
    return UrlResponse(200, headers)


def cors_headers(request: UrlRequest, cors: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The headers that let the request's origin read the answer; none for an origin that is not allowed."""
    origin, allowed = request.header("origin"), cors.get("AllowOrigins", ())
    if origin is None or not (origin in allowed or "*" in allowed):
        return []
    named = origin if origin in allowed or cors.get("AllowCredentials") else "*"
    headers = [("access-control-allow-origin", named), ("vary", "Origin")]
    if cors.get("AllowCredentials"):
        headers.append(("access-control-allow-credentials", "true"))
    if cors.get("ExposeHeaders"):
        headers.append(("access-control-expose-headers", ",".join(cors["ExposeHeaders"])))
    return headers
