"""Resource policies of functions and layers: statements added and removed one by one. Pure.

Source: `lambda-contract.md` sections 6 and 7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lambdalab.errors import InvalidParameterValue, PolicyLengthExceeded, ResourceConflict, ResourceNotFound

LONGEST = 20 * 1024
"""Bytes of a policy."""
Statement = Mapping[str, Any]
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|alexa-(appkit|connectedhome)\.amazon\.com")
"""AWS's services, and Alexa's two, which have a domain of their own and an EventSourceToken for a condition."""
_CONDITIONS = (
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("OrganizationId", "StringEquals", "aws:PrincipalOrgID"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
)


def statement(params: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """The statement that AddPermission's parameters describe. Raises AWS's refusal of a bad principal."""
    made: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, Any]] = {}
    for member, operator, name in _CONDITIONS:
        if member in params:
            value = params[member]
            conditions.setdefault(operator, {})[name] = str(value).lower() if isinstance(value, bool) else value
    if conditions:
        made["Condition"] = conditions
    return made


def _principal(text: str) -> Any:
    if text == "*":
        return "*"
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    raise InvalidParameterValue("The provided principal was invalid. Please check the principal and try again.")


def add(statements: Sequence[Statement], new: Statement) -> list[Statement]:
    """The statements with one more. Raises AWS's refusals of a Sid used twice and of a policy too long."""
    if any(one["Sid"] == new["Sid"] for one in statements):
        raise ResourceConflict(
            f"The statement id ({new['Sid']}) provided already exists. Please provide a new statement id, "
            "or remove the existing statement."
        )
    grown = [*statements, new]
    size = len(document(grown).encode())
    if size > LONGEST:
        raise PolicyLengthExceeded(f"The final policy size ({size}) is bigger than the limit ({LONGEST}).")
    return grown


def remove(statements: Sequence[Statement], sid: str) -> list[Statement]:
    """The statements without one. Raises AWS's refusals when there is none, or none of this Sid."""
    if not statements:
        raise ResourceNotFound("No policy is associated with the given resource.")
    left = [one for one in statements if one["Sid"] != sid]
    if len(left) == len(statements):
        raise ResourceNotFound(f"Statement {sid} is not found in resource policy.")
    return left


def document(statements: Sequence[Statement]) -> str:
    """The policy as AWS returns it: JSON in a string."""
    return json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}, separators=(",", ":"))


def allows(statements: Sequence[Statement], action: str, conditions: Mapping[str, Any], principal: str) -> bool:
    """Whether a statement lets `principal` do `action` under these condition values.

    `principal` is "*" for anybody, an account id, or an ARN. Conditions are compared for equality.
    """
    return any(
        one["Action"] in {action, "lambda:*", "*"}
        and _is(one["Principal"], principal)
        and all(
            str(conditions.get(name)).lower() == str(value).lower()
            for wanted in one.get("Condition", {}).values()
            for name, value in wanted.items()
        )
        for one in statements
    )


def _is(stated: Any, principal: str) -> bool:
    if stated == "*":
        return True
    named = stated.get("AWS", "")
    return principal != "*" and named in {principal, f"arn:aws:iam::{principal}:root"}
