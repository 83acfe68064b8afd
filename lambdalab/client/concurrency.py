"""One function's concurrency: what is reserved for it, what is provisioned, and what the account has."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from lambdalab.client.display import Displayed
from lambdalab.client.function_api import PATIENCE_SECONDS, FunctionApi
from lambdalab.errors import LabError

_RESERVED: dict[str, Any] = {"date": "2017-10-31"}
_READING: dict[str, Any] = {"date": "2019-09-30"}


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The environments that are kept initialised for a version or an alias. `status` is AWS's word."""

    qualifier: str
    requested: int
    available: int
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Concurrency(Displayed):
    """How many calls of the function may run at once: `reserved` for it (None: it shares), of the account's `limit`.

    `unreserved` is what the functions without a reservation share.
    """

    function: str
    reserved: int | None
    limit: int
    unreserved: int
    provisioned: tuple[Provisioned, ...]

    def __repr__(self) -> str:
        shared = f"shares {self.unreserved} of {self.limit}"
        own = shared if self.reserved is None else f"reserved {self.reserved} of {self.limit}"
        ready = (f"{one.qualifier} {one.available}/{one.requested} {one.status}" for one in self.provisioned)
        return "; ".join([f"{self.function} concurrency: {own}", *(f"provisioned {words}" for words in ready)])


def concurrency(api: FunctionApi) -> Concurrency:
    """The function's concurrency as it is now."""
    account = json.loads(api.session.call("GET", "/2016-08-19/account-settings").body)["AccountLimit"]
    listed = api.pages("/provisioned-concurrency", "ProvisionedConcurrencyConfigs", query={"List": "ALL"}, **_READING)
    return Concurrency(
        api.name,
        api.ask("GET", "/concurrency", **_READING).get("ReservedConcurrentExecutions"),
        account["ConcurrentExecutions"],
        account["UnreservedConcurrentExecutions"],
        tuple(_provisioned(document) for document in listed),
    )


def reserve(api: FunctionApi, count: int | None) -> Concurrency:
    """Set `count` aside for the function (0 stops it), or give its reservation back."""
    if count is None:
        api.call("DELETE", "/concurrency", **_RESERVED)
    else:
        api.ask("PUT", "/concurrency", {"ReservedConcurrentExecutions": count}, **_RESERVED)
    return concurrency(api)


def provision(api: FunctionApi, qualifier: str, count: int | None) -> Concurrency:
    """Keep `count` environments initialised for a version or an alias, and wait for them; or give them up.

    Raises `LabError` when they cannot be made.
    """
    more: dict[str, Any] = {"query": {"Qualifier": qualifier}, **_READING}
    if count is None:
        api.call("DELETE", "/provisioned-concurrency", **more)
        return concurrency(api)
    api.ask("PUT", "/provisioned-concurrency", {"ProvisionedConcurrentExecutions": count}, **more)
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = api.ask("GET", "/provisioned-concurrency", **more)
        if now["Status"] == "FAILED":
            raise LabError(f"{api.name}:{qualifier} could not be provisioned: {now.get('StatusReason', 'no reason')}")
        if now["Status"] == "READY" or time.monotonic() > until:
            return concurrency(api)
        time.sleep(0.02)


def _provisioned(document: dict[str, Any]) -> Provisioned:
    return Provisioned(
        document["FunctionArn"].rpartition(":")[2],
        document["RequestedProvisionedConcurrentExecutions"],
        document.get("AvailableProvisionedConcurrentExecutions", 0),
        document["Status"],
        document.get("StatusReason", ""),
    )
