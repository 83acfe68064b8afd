"""What both sides of Signature Version 4 share: the canonical path, and the last steps to the signature.

Source: AWS, "Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"


@lru_cache(maxsize=1024)
def canonical_path(path: str) -> str:
    """The path as it is signed, for every service but S3: without dot segments (RFC 3986, 5.2.4) and empty ones,
    and encoded once more than it was sent."""
    if "/." in path or "//" in path:
        path = _without_dot_segments(path)
    return quote(path, safe="/~") or "/"


def _without_dot_segments(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in {"", "."}:
            kept.append(segment)
    end = "/" if path.endswith("/") and kept else ""
    return f"/{'/'.join(kept)}{end}"


def signature(canonical: bytes, stamp: str, secret: str, region: str, service: str) -> str:
    """The hexadecimal signature of a canonical request; `stamp` is its time as `20261123T120000Z`."""
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    key = _signing_key(secret, stamp[:8], region, service)
    return hmac.digest(key, text.encode(), "sha256").hex()


@lru_cache(maxsize=256)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
