"""Requests for services that are not Lambda: verified here, answered by the child, in each service's own form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

from lambdalab.api.http import BODY_LIMIT, HttpRequest, HttpResponse
from lambdalab.api.serializing import serialize_error
from lambdalab.api.signature import Identity
from lambdalab.errors import AwsError, RequestEntityTooLarge

if TYPE_CHECKING:
    from lambdalab.sources.child import Child

_SCOPE = re.compile(rb"Credential=[^/,\s]+(?:/|%2F)\d{8}(?:/|%2F)[^/%]+(?:/|%2F)([a-z0-9-]+)(?:/|%2F)aws4_request")
_ADMIN = re.compile(rb"/+_(?:ministack|localstack)(?:/|\?|$)")
"""Paths by which MiniStack is emptied and reconfigured. No bucket has an underscore in its name."""
_DATED = re.compile(rb"/20\d\d-\d\d-\d\d/")
_REPLACED = frozenset([b"authorization", b"x-amz-security-token"])


async def pass_on(child: Child, request: HttpRequest, identity: Identity) -> HttpResponse:
    """The child's answer to a verified request. It is told the account in the place of the key, as it wants it."""
    if _ADMIN.match(unquote_to_bytes(request.target)):
        raise AwsError(
            "The process that serves the rest of AWS is the region's to administer: it is no service of AWS's.",
            code="UnknownOperationException",
            status=404,
        )
    if request.too_large and identity.service == "s3":
        raise AwsError(
            f"Your proposed upload exceeds the maximum allowed object size. (One request here has at most {BODY_LIMIT} "
            "bytes: upload larger objects in parts.)",
            code="EntityTooLarge",
            status=400,
        )
    if request.too_large:
        raise RequestEntityTooLarge(f"Request must be smaller than {BODY_LIMIT} bytes")
    scope = f"{identity.account}/20200101/{identity.region}/{identity.service}/aws4_request"
    claim = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    headers = [(name, value) for name, value in request.headers if name not in _REPLACED]
    headers.append((b"authorization", claim.encode()))
    answer = await child.request(
        identity.service, request.method, _without_signature(request.target), headers, request.body
    )
    length = answer.length if request.method == "HEAD" else None
    return HttpResponse(answer.status, answer.headers, answer.body, length)


def _without_signature(target: bytes) -> bytes:
    """The target without a presigned request's signature, which has been verified."""
    path, mark, query = target.partition(b"?")
    kept = [part for part in query.split(b"&") if part.partition(b"=")[0] not in _PRESIGNED]
    return path + (b"?" + b"&".join(kept) if kept and mark else b"")


_PRESIGNED = frozenset([b"AWSAccessKeyId", b"Signature", b"Expires"]) | frozenset(
    b"X-Amz-" + name
    for name in (b"Algorithm", b"Credential", b"Date", b"Expires", b"SignedHeaders", b"Signature", b"Security-Token")
)


def service_of(request: HttpRequest) -> str:
    """The service that a request says it is for, verified or not; Lambda when it does not say."""
    return _claimed(request) or "lambda"


def _claimed(request: HttpRequest) -> str | None:
    if b"AWSAccessKeyId=" in request.target:
        return "s3"
    found = _SCOPE.search(next((value for name, value in request.headers if name == b"authorization"), request.target))
    return found[1].decode() if found else None


def _is_lambdas(request: HttpRequest) -> bool:
    """Whether it says so, or, saying nothing, has one of the paths that begin with a date: its answers are JSON."""
    claimed = _claimed(request)
    return claimed == "lambda" or (claimed is None and _DATED.match(request.target) is not None)


def refusal(request: HttpRequest, error: AwsError, request_id: str) -> HttpResponse:
    """An error in the form that the service's clients read."""
    headers = dict(request.headers)
    kind, service = headers.get(b"content-type", b""), service_of(request)
    query = kind.startswith(_FORM) and not _is_lambdas(request)
    for wanted, frame in ((service == "s3", _S3), (service == "ec2", _EC2), (query, _QUERY)):
        if wanted:
            return _xml(error, request_id, frame)
    return serialize_error(error, request_id, rest=not kind.startswith(b"application/x-amz-json"))


_FORM = b"application/x-www-form-urlencoded"
_S3 = "<Error>{}<RequestId>{}</RequestId></Error>"
_EC2 = "<Response><Errors><Error>{}</Error></Errors><RequestID>{}</RequestID></Response>"
_QUERY = "<ErrorResponse><Error><Type>Sender</Type>{}</Error><RequestId>{}</RequestId></ErrorResponse>"
_CODES = {
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "MissingAuthenticationTokenException": "AccessDenied",
    "NotImplementedException": "NotImplemented",
}


def _xml(error: AwsError, request_id: str, frame: str) -> HttpResponse:
    code = _CODES.get(error.error_code, error.error_code)
    inner = f"<Code>{escape(code)}</Code><Message>{escape(error.message or '')}</Message>"
    body = '<?xml version="1.0" encoding="UTF-8"?>\n' + frame.format(inner, request_id)
    headers = [(b"x-amzn-requestid", request_id.encode()), (b"content-type", b"application/xml")]
    return HttpResponse(error.http_status, headers, body.encode())
