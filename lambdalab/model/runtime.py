"""Which runtimes AWS knows, and from which day it refuses them. Source and date stand in `runtimes.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from lambdalab.errors import InvalidParameterValue

_FILE = Path(__file__).with_name("runtimes.json")


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """A runtime's days: deprecated, creating refused, updating refused; None where AWS names none yet."""

    name: str
    deprecated: date | None = None
    create_blocked: date | None = None
    update_blocked: date | None = None


@cache
def known() -> dict[str, RuntimeFacts]:
    """The runtimes that AWS offers, by name."""
    found = json.loads(_FILE.read_text())["runtimes"]
    return {
        name: RuntimeFacts(name, **{k: date.fromisoformat(v) for k, v in days.items()}) for name, days in found.items()
    }


@cache
def blocked() -> frozenset[str]:
    """The runtimes that AWS refuses since before this table."""
    return frozenset(json.loads(_FILE.read_text())["blocked"])


def check(name: str, today: date, *, updating: bool) -> None:
    """Refuse a runtime that AWS does not know, or refuses on this day, in its words."""
    facts = known().get(name)
    if facts is None and name not in blocked():
        raise InvalidParameterValue(
            f"Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(known())}] or be a valid ARN"
        )
    day = facts and (facts.update_blocked if updating else facts.create_blocked)
    if facts is None or (day and today >= day):
        raise InvalidParameterValue(
            f"The runtime parameter of {name} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
