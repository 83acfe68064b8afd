"""Environment variables under a KMS key of the account's: sealed when they are written, opened at each cold start.

They are encrypted at rest with the home's key in any case (`store/sealing.py`). A key that KMS no longer lends
keeps a function from starting, as on AWS; what it needs is asked of KMS each time, never remembered.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.errors import AwsError, InvalidParameterValue
from lambdalab.model.function import FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def sealed(region: Region, version: FunctionVersion) -> FunctionVersion:
    """`version` with its variables under its KMSKeyArn. Raises AWS's refusal of a key that cannot be used."""
    key = version.settings.get("KMSKeyArn")
    if not key:
        return replace(version, kms_sealed=None)
    text = json.dumps(version.environment or {}, separators=(",", ":")).encode()
    try:
        found = await region.aws.encrypt(key, text)
    except AwsError as refused:
        raise InvalidParameterValue(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid "
            f"for CreateGrant. Please check your KMS key settings. {_kms_part(refused)}"
        ) from refused
    return replace(version, kms_sealed=base64.b64encode(found).decode())


async def opened(region: Region, version: FunctionVersion) -> FunctionVersion:
    """`version` with its variables as KMS gives them. Raises KMS's refusal as Lambda passes it on."""
    key = version.settings.get("KMSKeyArn")
    if not key or version.kms_sealed is None:
        return version
    text = await region.aws.decrypt(key, base64.b64decode(version.kms_sealed))
    return replace(version, environment=json.loads(text) or None)


async def unreadable(region: Region, version: FunctionVersion) -> Mapping[str, Any] | None:
    """What stands in the place of variables that KMS does not open; None when it opens them."""
    try:
        await opened(region, version)
    except AwsError as refused:
        return {"Error": {"ErrorCode": refused.error_code, "Message": refused.message or ""}}
    return None


def _kms_part(refused: AwsError) -> str:
    message = refused.message or ""
    return message[message.index("KMS Exception") :] if "KMS Exception" in message else message
