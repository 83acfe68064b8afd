"""The family of the account: its limits and what is used of them. Source: `lambda-contract.md` section 7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.api.operations import Call, operation
from lambdalab.model import limits

if TYPE_CHECKING:
    from lambdalab.api.region import Region


@operation("GetAccountSettings")
async def get_account_settings(region: Region, call: Call) -> Mapping[str, Any]:
    """The account's quotas, and its functions and code counted now."""
    count, size = region.functions.usage(call.account, region.settings.region)
    size += region.layers.usage(call.account, region.settings.region)
    admission = region.dispatcher.admission
    return {
        "AccountLimit": {
            "TotalCodeSize": limits.STORAGE_BYTES,
            "CodeSizeUnzipped": limits.UNZIPPED_BYTES,
            "CodeSizeZipped": limits.ZIPPED_BYTES,
            "ConcurrentExecutions": admission.limit,
            "UnreservedConcurrentExecutions": admission.unreserved(call.account),
        },
        "AccountUsage": {"TotalCodeSize": size, "FunctionCount": count},
    }
