"""How much concurrency may be set aside. Pure rules. Source: `lambda-contract.md` section 8."""

from __future__ import annotations

from lambdalab.errors import InvalidParameterValue

UNRESERVED_LEAST = 100
"""What an account always keeps for functions without a reservation."""


def check_reserved(wanted: int, *, left_to_others: int, provisioned: int) -> None:
    """Refuse a reservation that leaves the others too little, or is less than what is provisioned."""
    if left_to_others < UNRESERVED_LEAST:
        raise InvalidParameterValue(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED_LEAST}]."
        )
    if wanted < provisioned:
        raise InvalidParameterValue(
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}]."
        )


def check_provisioned(wanted: int, *, others: int, reserved: int | None, pool: int) -> None:
    """Refuse more provisioned concurrency than the function's reservation, or without one the account's pool, holds.

    `others` is what the function's other versions and aliases have, `pool` what this one may have at most.
    """
    if reserved is not None:
        if wanted + others > reserved:
            raise InvalidParameterValue(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                "for function"
            )
    elif wanted > pool:
        raise InvalidParameterValue(
            "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
            f"[{max(pool, 0)}]."
        )
