"""S3's presigned links in Signature Version 2, which SDKs still make for us-east-1 unless told otherwise.

Source: AWS, "Signing and authenticating REST requests (Signature Version 2)", query string authentication.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from lambdalab.api.http import HttpRequest
from lambdalab.api.signature import Credentials, Identity
from lambdalab.errors import SignatureRefused

_PARTS_OF_THE_RESOURCE = frozenset(
    [
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location",
        "logging", "metrics", "notification", "object-lock", "partNumber", "policy", "replication", "requestPayment",
        "restore", "retention", "select", "select-type", "tagging", "torrent", "uploadId", "uploads", "versionId",
        "versioning", "versions", "website", "response-cache-control", "response-content-disposition",
        "response-content-encoding", "response-content-language", "response-content-type", "response-expires",
    ]
)  # fmt: skip


def is_presigned(request: HttpRequest) -> bool:
    """Whether a request carries this kind of signature in its query."""
    return b"AWSAccessKeyId=" in request.target and b"Signature=" in request.target


def verify(request: HttpRequest, known: Mapping[str, Credentials], now: datetime, region: str) -> Identity:
    """The identity behind the link. Raises `SignatureRefused` with S3's text."""
    path, _, query = request.target.decode("ascii", "replace").partition("?")
    fields = dict(parse_qsl(query, keep_blank_values=True))
    credentials = known.get(fields.get("AWSAccessKeyId", ""))
    if credentials is None:
        raise SignatureRefused(
            "The AWS Access Key Id you provided does not exist in our records.", code="UnrecognizedClientException"
        )
    expires = fields.get("Expires", "")
    if not expires.isdecimal() or now.timestamp() > int(expires):
        raise SignatureRefused("Request has expired", code="AccessDenied")
    headers = {name.decode("latin-1"): value.decode("utf-8", "replace") for name, value in request.headers}
    named = sorted((name, value) for name, value in fields.items() if name in _PARTS_OF_THE_RESOURCE)
    resource = path + ("?" + "&".join(f"{n}={v}" if v else n for n, v in named) if named else "")
    amz = {**{n: v for n, v in headers.items() if n.startswith("x-amz-")}}
    amz |= {n.lower(): v for n, v in fields.items() if n.lower().startswith("x-amz-")}
    lines = "".join(f"{name}:{amz[name]}\n" for name in sorted(amz))
    text = "\n".join([request.method, headers.get("content-md5", ""), headers.get("content-type", ""), expires, ""])
    signed = hmac.new(credentials.secret.encode(), f"{text}{lines}{resource}".encode(), hashlib.sha1)
    if not hmac.compare_digest(base64.b64encode(signed.digest()).decode(), fields["Signature"]):
        raise SignatureRefused(
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."
        )
    return Identity(credentials.access_key_id, credentials.account, "s3", region)
