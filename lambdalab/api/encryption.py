"""Environment variables under a KMS key of the account's: sealed when they are written, opened when they are needed.

Variables without a key are encrypted at rest with the home's (`store/sealing.py`). Those with one are kept as KMS
sealed them and in no other way, beside a digest that only the home can make, by which a version is known to have
the same ones. What it takes to read them, to show or to start a function, is asked of KMS each time: a key that it no
longer lends keeps a function from starting and hides the variables, as on AWS.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.errors import AwsError, InvalidParameterValue
from lambdalab.model.function import FunctionVersion
from lambdalab.sources.aws import KmsRefusal

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def sealed(region: Region, version: FunctionVersion) -> FunctionVersion:
    """`version` as it is kept, its variables under its KMSKeyArn. Raises AWS's refusal of a key that cannot be used."""
    key = version.settings.get("KMSKeyArn")
    if not key:
        return replace(version, kms_sealed=None, environment_digest=None)
    text = json.dumps(version.environment or {}, separators=(",", ":")).encode()
    try:
        found = await region.aws.encrypt(key, text)
    except KmsRefusal as refused:
        raise InvalidParameterValue(
            "Lambda was unable to configure access to your environment variables because the KMS key is invalid "
            f"for CreateGrant. Please check your KMS key settings. {refused.part}"
        ) from refused
    if version.environment is None:  # there is nothing to hide; the key has been tried
        return replace(version, kms_sealed=None, environment_digest=None)
    return replace(
        version,
        environment=None,
        kms_sealed=base64.b64encode(found).decode(),
        environment_digest=region.functions.digest(version.key, version.environment),
    )


async def opened(region: Region, version: FunctionVersion) -> FunctionVersion:
    """`version` with its variables as KMS gives them. Raises KMS's refusal as Lambda passes it on."""
    if version.kms_sealed is None:
        return version
    text = await region.aws.decrypt(version.settings["KMSKeyArn"], base64.b64decode(version.kms_sealed))
    return replace(version, environment=json.loads(text))


async def opened_for_change(region: Region, version: FunctionVersion) -> FunctionVersion:
    """`version` with its variables, to be sealed by another key or none. Raises what a change is refused with.

    The service model has no KMS error for changes: the refusal of KMS is an invalid parameter's.
    """
    try:
        return await opened(region, version)
    except KmsRefusal as refused:
        raise InvalidParameterValue(refused.message or "") from refused


async def shown(region: Region, version: FunctionVersion, document: dict[str, Any]) -> dict[str, Any]:
    """A configuration with the variables that KMS opens, or with AWS's error in their place."""
    if version.kms_sealed is None:
        return document
    try:
        environment: Mapping[str, Any] = {"Variables": (await opened(region, version)).environment}
    except AwsError as refused:
        environment = {"Error": {"ErrorCode": refused.error_code, "Message": refused.message or ""}}
    return {**document, "Environment": environment}


async def all_shown(
    region: Region, versions: Sequence[FunctionVersion], documents: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The configurations of a list, each as `shown` makes it. Without a key among them, nothing is waited for."""
    if all(version.kms_sealed is None for version in versions):
        return list(documents)
    return list(await asyncio.gather(*(shown(region, *pair) for pair in zip(versions, documents, strict=True))))
