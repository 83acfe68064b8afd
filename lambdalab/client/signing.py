"""Signing requests with Signature Version 4 in a few microseconds: boto3's machinery takes half a millisecond.

Source: AWS's "Signing AWS API requests"; the tests hold it against botocore's signer.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from urllib.parse import quote

from lambdalab import sigv4
from lambdalab.client.keys import Credentials


def sign(
    credentials: Credentials,
    region: str,
    service: str,
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    body: bytes,
) -> dict[str, str]:
    """The headers that sign a request. `path` is encoded once, as it is sent."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    canonical = "\n".join((
        method,
        sigv4.canonical_path(path),
        encode_query(query),
        f"host:{host}\nx-amz-date:{stamp}\n",
        "host;x-amz-date",
        hashlib.sha256(body).hexdigest(),
    ))  # fmt: skip
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signature = sigv4.signature(canonical.encode(), stamp, credentials.secret_access_key, region, service)
    claim = f"Credential={credentials.access_key_id}/{scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
    return {"X-Amz-Date": stamp, "Authorization": f"{sigv4.ALGORITHM} {claim}"}


def encode_query(query: Mapping[str, str]) -> str:
    """The query as it is sent and signed: encoded, then in the order of the encoded names."""
    pairs = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in pairs)
