"""Function URLs: from an HTTP request to the event, from the result to an HTTP answer, and CORS. Pure.

Source: `lambda-contract.md` section 16 (payload format 2.0); the CORS rules are those of AWS's page "Creating
and managing Lambda function URLs".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

_TEXT = ("text/", "application/json", "application/javascript", "application/xml")
_NOT_PASSED_ON = frozenset(
    ["connection", "content-length", "transfer-encoding", "keep-alive", "proxy-connection", "trailer", "upgrade"]
)
_SOURCE = "127.0.0.1"
"""Where every request comes from: a region listens to its own machine."""
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]*")
"""What may stand in a header (RFC 9110, section 5), and can be written as UTF-8."""


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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request to a URL of AuthType AWS_IAM: the key, and the account that it speaks for."""

    access_key_id: str
    account: str


def event(
    request: UrlRequest,
    *,
    url_id: str,
    region: str,
    request_id: str,
    moment: datetime,
    port: int,
    trace: str,
    caller: Caller | None = None,
) -> dict[str, Any]:
    """The event in payload format 2.0. `port` is the one that the URL was reached by, `trace` the header of its trace;
    without a `caller` it is anonymous.
    """
    domain = f"{url_id}.lambda-url.{region}.on.aws"
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": _headers(request, port, trace),
        "requestContext": {
            "accountId": caller.account if caller is not None else "anonymous",
            "apiId": url_id,
            **({"authorizer": {"iam": _iam(caller)}} if caller is not None else {}),
            "domainName": domain,
            "domainPrefix": url_id,
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": "HTTP/1.1",
                "sourceIp": _SOURCE,
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


def _headers(request: UrlRequest, port: int, trace: str) -> dict[str, str]:
    """The request's own headers but for cookies, and those by which AWS says how it came, true of this machine.

    Here it came over http, not over https. A proxy's list of addresses goes on with ours; what else a client says of
    these headers does not count.
    """
    how = {"x-forwarded-proto": "http", "x-forwarded-port": str(port), "x-amzn-trace-id": trace}
    own = [(name, value) for name, value in request.headers if name != "cookie" and name not in how]
    return _joined([*own, ("x-forwarded-for", _SOURCE), *how.items()])


def _iam(caller: Caller) -> dict[str, Any]:
    """The caller as STS's GetCallerIdentity here names the same key: every key speaks for its account's root user,
    whose ids are the account's.
    """
    return {
        "accessKey": caller.access_key_id,
        "accountId": caller.account,
        "callerId": caller.account,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{caller.account}:root",
        "userId": caller.account,
    }


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
    try:
        value = json.loads(result)
        if not isinstance(value, dict) or "statusCode" not in value:
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
            return UrlResponse(200, [("content-type", "application/json")], text.encode(errors="replace"))
        status, headers = _status(value["statusCode"]), _answered_headers(value, "application/json")
        return UrlResponse(status, headers, _answered_body(value))
    except (ValueError, RecursionError):
        return None


def streamed_head(prelude: bytes) -> UrlResponse | None:
    """Status and headers that a streaming handler wrote before its body; None when they are none."""
    try:
        value = json.loads(prelude)
        if not isinstance(value, dict):
            return None
        return UrlResponse(_status(value.get("statusCode", 200)), _answered_headers(value, "application/octet-stream"))
    except (ValueError, RecursionError):
        return None


def content_type(text: str) -> list[tuple[str, str]]:
    """The header for a streamed answer's own content type, or the usual one for what cannot stand in a header."""
    return [("content-type", text if _VALUE.fullmatch(text) else "application/octet-stream")]


def _status(stated: Any) -> int:
    """A final status as a number or as its digits; a provisional one (1xx) is no answer. Raises `ValueError`."""
    if isinstance(stated, str) and stated.isascii() and stated.isdigit():
        stated = int(stated[:4])
    if isinstance(stated, float) and stated.is_integer():
        stated = int(stated)
    if not isinstance(stated, int) or not 200 <= stated <= 599:
        raise ValueError("not a final status")
    return stated


def _answered_headers(value: Mapping[str, Any], usual: str) -> list[tuple[str, str]]:
    """The headers and cookies that a handler gave. Raises `ValueError` for what can be none."""
    given, cookies = value.get("headers"), value.get("cookies")
    if not isinstance(given or {}, dict) or not isinstance(cookies or [], list):
        raise ValueError("headers are an object and cookies an array")
    headers = [(name.lower(), _header_value(text)) for name, text in (given or {}).items()]
    if any(not _NAME.fullmatch(name) for name, _ in headers):
        raise ValueError("not a header's name")
    headers = [(name, text) for name, text in headers if name not in _NOT_PASSED_ON]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", usual))
    return headers + [("set-cookie", _header_value(cookie)) for cookie in cookies or ()]


def _header_value(value: Any) -> str:
    """A header's value as text; what would end the header, and begin another, is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise ValueError("not a header's value")
    text = str(value)
    if not _VALUE.fullmatch(text):
        raise ValueError("not a header's value")
    return text


def _answered_body(value: Mapping[str, Any]) -> bytes:
    body = value.get("body")
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, separators=(",", ":"))
    if value.get("isBase64Encoded"):
        return base64.b64decode(text, validate=True)  # binascii.Error is a ValueError
    return text.encode(errors="replace")


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


def with_cors(
    headers: Sequence[tuple[str, str]], request: UrlRequest, cors: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """An answer's headers with those of the URL's CORS settings, which take the place of the function's own.

    Source: AWS, "Creating and managing Lambda function URLs", cross-origin resource sharing.
    """
    own = [(name, value) for name, value in headers if not (cors and name.startswith("access-control-"))]
    return own + cors_headers(request, cors)


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
