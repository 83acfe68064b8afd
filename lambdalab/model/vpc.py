"""A function's place in a VPC, and how long its network interfaces take. Pure.

Lambda's interfaces are shared by all functions with the same subnets and groups and made when the first of
these is created (`lambda-contract.md` section 17, "a minute or more"). Until 2019 each cold start made its own,
for 10 to 30 seconds, which much teaching material still tells. Both are models here, and neither is a
measurement: there are no interfaces, so what waits is the lab's clock, and every result says "simulated".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lambdalab.errors import InvalidParameterValue
from lambdalab.model.function import FunctionVersion

Model = Literal["today", "classic"]
MODELS: tuple[Model, ...] = ("today", "classic")
Place = tuple[frozenset[str], frozenset[str]]
"""Subnets and security groups."""

ATTACH_SECONDS = 60.0
"""Seconds that the first function of a place is Pending."""
CLASSIC_SECONDS = (10.0, 30.0)
"""Seconds that each cold start of the classic model waits, at least and at most."""


def place(version: FunctionVersion) -> Place | None:
    """Where a version is; None outside any VPC."""
    config = version.settings.get("VpcConfig", {})
    subnets, groups = frozenset(config.get("SubnetIds", ())), frozenset(config.get("SecurityGroupIds", ()))
    return (subnets, groups) if subnets else None


def check(config: Mapping[str, Any]) -> None:
    """Refuse subnets without groups and groups without subnets."""
    if bool(config.get("SubnetIds")) != bool(config.get("SecurityGroupIds")):
        raise InvalidParameterValue("SubnetIds and SecurityIds must coexist or be both empty list.")


def classic_seconds(roll: float) -> float:
    """What one cold start waits in the classic model, by a `roll` between 0 and 1."""
    least, most = CLASSIC_SECONDS
    return least + (most - least) * roll
