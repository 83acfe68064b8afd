"""A role's trust policy: whom it lets assume the role. Pure.

Source: AWS's reference of the policy language. Conditions are not evaluated, and NotPrincipal and NotAction, which
trust policies do not have, match nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

LAMBDA = "lambda.amazonaws.com"
_ACTION = "sts:assumerole"


def allows(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a statement lets the service assume the role, and none forbids it."""
    effects = {statement.get("Effect") for statement in _members(policy.get("Statement")) if _meets(statement, service)}
    return effects == {"Allow"}


def _meets(statement: Any, service: str) -> bool:
    return isinstance(statement, Mapping) and _names(statement.get("Principal"), service) and _acts(statement)


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _members(principal.get("Service"))
    return bool(principal == "*")


def _acts(statement: Mapping[str, Any]) -> bool:
    return any(fnmatchcase(_ACTION, str(action).lower()) for action in _members(statement.get("Action")))


def _members(value: Any) -> Iterator[Any]:
    """A list's members, or the one value that may stand in its place."""
    yield from value if isinstance(value, list) else [] if value is None else [value]
