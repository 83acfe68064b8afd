"""Publishing: when $LATEST is a new version, and what that version is. Pure.

Source: `lambda-contract.md` section 4.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

from lambdalab.errors import InvalidParameterValue
from lambdalab.model.function import Function, FunctionVersion
from lambdalab.model.function_rules import CREATING, Stamp

_CONFIGURATION = (
    "role", "code", "runtime", "handler", "description", "timeout", "memory_size", "ephemeral_size", "package_type",
    "architecture", "environment", "layers", "settings",
)  # fmt: skip


def fingerprint(version: FunctionVersion) -> str:
    """Code and configuration as one hash: equal for two versions that AWS would not tell apart."""
    members = asdict(version)
    parts = [members[name] for name in _CONFIGURATION]
    if version.environment_digest is not None:
        parts.append(version.environment_digest)
    document = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()


def check_code(latest: FunctionVersion, given: str | None) -> None:
    """Refuse to publish other code than the caller expects (`given` is a CodeSha256)."""
    actual = latest.code_hash
    if given and given != actual:
        raise InvalidParameterValue(
            f"CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({actual}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def publish(
    function: Function, latest: FunctionVersion, description: str | None, stamp: Stamp
) -> tuple[Function, FunctionVersion]:
    """The next version of `latest`, Pending, and the function that has used its number."""
    number = function.last_version + 1
    version = replace(
        latest,
        version=str(number),
        revision_id=stamp.revision_id,
        last_modified=stamp.last_modified,
        description=latest.description if description is None else description,
        fingerprint=fingerprint(latest),
        state="Pending",
        last_update_status=None,
        last_update_reason=None,
        last_update_reason_code=None,
        **CREATING,  # type: ignore[arg-type]
    )
    return replace(function, last_version=number), version
