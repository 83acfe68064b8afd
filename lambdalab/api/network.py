"""VpcConfig: checked against the region's EC2; the function waits for its interfaces on the lab's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdalab.model import vpc
from lambdalab.model.function import FunctionVersion

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def placed(region: Region, version: FunctionVersion, params: Mapping[str, Any]) -> FunctionVersion:
    """`version` with the VPC that a request's VpcConfig means. Raises AWS's refusal of what EC2 does not have."""
    if "VpcConfig" not in params:
        return version
    config = params["VpcConfig"]
    vpc.check(config)
    subnets = config.get("SubnetIds") or []
    found = await region.aws.vpc_of(subnets, config["SecurityGroupIds"]) if subnets else None
    return replace(version, vpc_id=found)


def waiting(version: FunctionVersion, seconds: float) -> FunctionVersion:
    """`version` with the reason of its wait for interfaces beside AWS's own words, and that it is simulated."""
    if not seconds:
        return version
    why = f" (LambdaLab: {seconds:g} s for its network interfaces, simulated on the lab's clock)"
    return replace(
        version,
        state_reason=version.state_reason and version.state_reason + why,
        last_update_reason=version.last_update_reason and version.last_update_reason + why,
    )


def attaching_seconds(region: Region, version: FunctionVersion, before: FunctionVersion | None = None) -> float:
    """Simulated seconds until the interfaces are attached: none where there are some for the same place already."""
    place = vpc.place(version)
    if place is None or region.settings.vpc_model != "today" or (before and vpc.place(before) == place):
        return 0.0
    others = (one for one in region.functions.in_vpc() if (one.key, one.version) != (version.key, version.version))
    return 0.0 if any(vpc.place(one) == place for one in others) else vpc.ATTACH_SECONDS
