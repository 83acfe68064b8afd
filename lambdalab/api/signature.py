"""Signature Version 4, verified: who signed the request, and that nothing of it was changed.

Written by hand because it stands on every request: with the signing key cached it costs microseconds, where
botocore's signer would cost sixty (`speed.md`). It is proved against botocore's signers in the tests.
Source of the algorithm and its refusals: AWS's "Signing AWS API requests".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from lambdalab import sigv4
from lambdalab.api.http import HttpRequest
from lambdalab.errors import SignatureRefused

_UNSIGNED = "UNSIGNED-PAYLOAD"
_USUAL = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request, ?"
    r"SignedHeaders=([^,\s]+), ?"
)
"""The header up to the signature as every SDK writes it; what is written otherwise is read with more patience."""
_SKEW = timedelta(minutes=5)
_LONGEST = 604_800
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key that may sign here, and the account it speaks for."""

    access_key_id: str
    secret: str
    account: str


class Identity(NamedTuple):
    """Who signed a request, and for which service and region."""

    access_key_id: str
    account: str
    service: str
    region: str


class _Claim(NamedTuple):
    """What a request says of its own signature."""

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: str
    signature: str
    stamp: str
    presigned_for: int | None = None


def verify(request: HttpRequest, known: Mapping[str, Credentials], now: datetime) -> Identity:
    """The identity behind the request. Raises `SignatureRefused` with AWS's code and text."""
    path, _, query = request.target.decode("ascii", "replace").partition("?")
    headers = dict(request.headers)
    claim = _claim_of_query(query) if b"authorization" not in headers else _claim_of_headers(headers)
    credentials = known.get(claim.key_id)
    if credentials is None:
        raise SignatureRefused(
            "The security token included in the request is invalid.", code="UnrecognizedClientException"
        )
    _check_time(claim.stamp, claim.presigned_for, now.replace(microsecond=0))
    canonical = _canonical(request, path, query, claim, _payload_hash(request, headers, claim))
    expected = sigv4.signature(canonical, claim.stamp, credentials.secret, claim.region, claim.service)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise SignatureRefused(_MISMATCH)
    return Identity(claim.key_id, credentials.account, claim.service, claim.region)


# -- what the request claims


def _claim_of_headers(headers: Mapping[bytes, bytes]) -> _Claim:
    text = headers[b"authorization"].decode("latin-1")
    said, _, signature = text.rpartition("Signature=")
    usual = _usual(said)
    stamp = headers.get(b"x-amz-date", b"").decode("latin-1")
    if usual is not None and len(stamp) == 16 and stamp.startswith(usual[1]) and stamp.endswith("Z"):
        return _Claim(*usual, signature, stamp)
    kind, _, rest = text.partition(" ")
    if kind != sigv4.ALGORITHM:
        raise SignatureRefused(f"Unsupported AWS 'algorithm': '{kind}'.", code="IncompleteSignatureException")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    try:
        return _claim(fields["Credential"], fields["SignedHeaders"], fields["Signature"], stamp)
    except (KeyError, ValueError) as incomplete:
        raise SignatureRefused(
            "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters and an "
            "'X-Amz-Date' header.",
            code="IncompleteSignatureException",
        ) from incomplete


@lru_cache(maxsize=256)
def _usual(said: str) -> tuple[str, str, str, str, str] | None:
    """Key id, date, region, service and signed headers: the same in all that a client signs within a day."""
    found = _USUAL.fullmatch(said)
    return None if found is None else (found[1], found[2], found[3], found[4], found[5])


def _claim_of_query(query: str) -> _Claim:
    fields = dict(parse_qsl(query, keep_blank_values=True))
    if "X-Amz-Signature" not in fields:
        raise SignatureRefused("Missing Authentication Token", code="MissingAuthenticationTokenException")
    try:
        lasts = int(fields["X-Amz-Expires"])
        if not 1 <= lasts <= _LONGEST or fields["X-Amz-Algorithm"] != sigv4.ALGORITHM:
            raise ValueError(lasts)
        return _claim(
            fields["X-Amz-Credential"],
            fields["X-Amz-SignedHeaders"],
            fields["X-Amz-Signature"],
            fields["X-Amz-Date"],
            lasts,
        )
    except (KeyError, ValueError) as incomplete:
        raise SignatureRefused(
            "The presigned query needs X-Amz-Algorithm, X-Amz-Credential, X-Amz-Date, X-Amz-SignedHeaders and "
            f"X-Amz-Expires of 1 to {_LONGEST} seconds.",
            code="IncompleteSignatureException",
        ) from incomplete


def _claim(credential: str, signed: str, signature: str, stamp: str, presigned_for: int | None = None) -> _Claim:
    key_id, date, region, service, _ = credential.rsplit("/", 4)
    if not (len(stamp) == 16 and stamp.startswith(date) and stamp.endswith("Z")):
        raise ValueError(stamp)
    return _Claim(key_id, date, region, service, signed, signature, stamp, presigned_for)


@lru_cache(maxsize=256)
def _check_time(stamp: str, presigned_for: int | None, now: datetime) -> None:
    """Refuse what was signed too long ago, or is still to come; in whole seconds, as its words are.

    What was in time is remembered: a client signs many requests within a second.
    """
    try:
        signed = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as bad:
        raise SignatureRefused(
            f"'{stamp}' is not a date in ISO-8601 basic format.", code="IncompleteSignatureException"
        ) from bad
    lasts = timedelta(seconds=presigned_for) if presigned_for else _SKEW
    if signed < now - lasts:
        told = f"{presigned_for} sec." if presigned_for else "5 min."
        raise SignatureRefused(
            f"Signature expired: {stamp} is now earlier than {_stamp(now - lasts)} ({_stamp(now)} - {told})"
        )
    if signed > now + _SKEW:
        raise SignatureRefused(
            f"Signature not yet current: {stamp} is still later than {_stamp(now + _SKEW)} ({_stamp(now)} + 5 min.)"
        )


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


# -- the canonical request


def _payload_hash(request: HttpRequest, headers: Mapping[bytes, bytes], claim: _Claim) -> str:
    stated = headers.get(b"x-amz-content-sha256", b"").decode("latin-1")
    if stated == _UNSIGNED or (stated.startswith("STREAMING-") and claim.service == "s3"):
        return stated  # S3's chunks carry signatures of their own, which are not looked at
    real = request.sha256 or hashlib.sha256(request.body).hexdigest()
    if stated and stated != real:
        raise SignatureRefused(_MISMATCH)
    if claim.presigned_for is not None and claim.service == "s3":
        return _UNSIGNED
    return real


def _canonical(request: HttpRequest, path: str, query: str, claim: _Claim, payload_hash: str) -> bytes:
    values: dict[bytes, bytes | None] = dict.fromkeys(claim.signed_headers.encode().split(b";"))
    for name, raw in request.headers:
        if name in values:
            value = b" ".join(raw.split())
            before = values[name]
            values[name] = value if before is None else b"%b,%b" % (before, value)
    lines = b"".join([b"%b:%b\n" % (name, value or b"") for name, value in values.items()])
    canonical_path = (path or "/") if claim.service == "s3" else sigv4.canonical_path(path)
    canonical_query = _canonical_query(query) if query else ""
    head = f"{request.method}\n{canonical_path}\n{canonical_query}\n"
    return head.encode() + lines + f"\n{claim.signed_headers}\n{payload_hash}".encode()


def _canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name != "X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="~")
