"""The function's role: AWS asks IAM whether Lambda may assume it; here IAM is asked where it can know better.

AWS refuses a role that is not there. AWS's own documentation creates functions with a role that nobody made here, and
the region enforces no role's permissions, so that a role IAM does not know is accepted; and the rest of AWS is not
started only to be asked. A role that was made here, while it runs, has a trust policy: it has to name Lambda, as
on AWS. Conditions of the policy are not evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValue
from lambdalab.model import trust

if TYPE_CHECKING:
    from lambdalab.api.region import Region


async def check(region: Region, params: Mapping[str, Any]) -> None:
    """Refuse a role whose trust policy does not let Lambda assume it, when a request names a role."""
    role = params.get("Role")
    if role is None or region.child.pid is None:
        return
    found = await region.aws.role(role.rpartition("/")[2])
    if found is not None and found.arn == role and not trust.allows(found.trust, trust.LAMBDA):
        raise InvalidParameterValue("The role defined for the function cannot be assumed by Lambda.")
