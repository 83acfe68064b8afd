"""SnapStart: which versions have a snapshot, and what may not be together with it. Pure.

Source: `lambda-contract.md` section 3, and AWS's pages "Improving startup performance with Lambda SnapStart" and
"Activating and managing Lambda SnapStart".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdalab.errors import InvalidParameterValue
from lambdalab.model.function import LATEST, FunctionVersion

RUNTIMES = ("java11", "java17", "java21", "java25", "python3.12", "python3.13", "python3.14", "dotnet8", "dotnet10")
STORAGE_MB = 512
"""The most that /tmp may have."""
RESTORE_SECONDS = 10.0
"""The time that a restore may take, after-restore hooks included."""


def wanted(settings: Mapping[str, Any]) -> bool:
    """Whether published versions with these settings have SnapStart."""
    return bool(settings.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions")


def applies(version: FunctionVersion) -> bool:
    """Whether environments of this version are restored from a snapshot: $LATEST's never are."""
    return version.version != LATEST and wanted(version.settings)


def free(runtime: str | None) -> bool:
    """Whether SnapStart costs nothing beside the duration: so it is with Java."""
    return (runtime or "").startswith("java")


def check(settings: Mapping[str, Any], *, runtime: str | None, package_type: str, ephemeral_mb: int) -> None:
    """Refuse what SnapStart cannot be together with.

    The text is AWS's for runtimes and images; that for /tmp is made after it.
    """
    if not wanted(settings):
        return
    if package_type != "Zip":
        raise InvalidParameterValue("ContainerImage is not supported for SnapStart enabled functions.")
    if runtime not in RUNTIMES:
        raise InvalidParameterValue(
            f"{runtime} is not supported for SnapStart enabled functions. ({', '.join(RUNTIMES)} are.)"
        )
    if ephemeral_mb > STORAGE_MB:
        raise InvalidParameterValue(
            f"Ephemeral storage of more than {STORAGE_MB} MB is not supported for SnapStart enabled functions."
        )
