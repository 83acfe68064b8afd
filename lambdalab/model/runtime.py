"""Which runtimes AWS knows, and from which day it refuses them. Source and date stand in `runtimes.json`.

A runtime is one line of that file: its family and version say what runs it (`runtimes/catalogue.json`), the
days what AWS does with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from lambdalab.errors import InvalidParameterValue

_DAYS = ("deprecated", "create_blocked", "update_blocked")
_FILE = Path(__file__).with_name("runtimes.json")
GO = "go1.x"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A runtime identifier.

    `family` and `version` name the language and its release ("nodejs", "20"). Its days: deprecated, creating
    refused, updating refused; None where AWS names none yet. `blocked`: refused since before this table.
    """

    name: str
    family: str
    version: str
    deprecated: date | None = None
    create_blocked: date | None = None
    update_blocked: date | None = None
    blocked: bool = False

    def refused(self, today: date, *, updating: bool) -> bool:
        """Whether AWS refuses it on this day."""
        day = self.update_blocked if updating else self.create_blocked
        return self.blocked or (day is not None and today >= day)

    def is_deprecated(self, today: date) -> bool:
        """Whether AWS patches it no longer."""
        return self.blocked or (self.deprecated is not None and today >= self.deprecated)


@dataclass(frozen=True, slots=True)
class Policy:
    """By what day runtimes are judged, and whether a course may use those that AWS refuses by then."""

    today: date
    allow_blocked: bool = False


@cache
def known() -> dict[str, Runtime]:
    """Every runtime that AWS offers or has offered, by name."""
    return {name: _read(name, facts) for name, facts in json.loads(_FILE.read_text())["runtimes"].items()}


def _read(name: str, facts: dict[str, Any]) -> Runtime:
    read: dict[str, Any] = {k: date.fromisoformat(v) if k in _DAYS else v for k, v in facts.items()}
    return Runtime(name, **read)


def check(name: str, policy: Policy, *, updating: bool) -> None:
    """Refuse a runtime that AWS does not know, or refuses on the day, in its words and with the way on."""
    today = policy.today
    found = known().get(name)
    if found is None:
        offered = [one.name for one in known().values() if not one.refused(today, updating=updating)]
        raise InvalidParameterValue(
            f"Value {name} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(offered)}] or be a valid ARN"
        )
    if found.refused(today, updating=updating) and not policy.allow_blocked:
        raise InvalidParameterValue(
            f"The runtime parameter of {name} is no longer supported for creating or updating AWS Lambda functions. "
            f"We recommend you use a supported runtime while creating or updating functions. ({_way_on(found, today)})"
        )


def successor(name: str, today: date) -> str | None:
    """The oldest runtime of the same family that is newer than `name` and not deprecated; None without one."""
    if name == GO:
        return "provided.al2023"
    mine = known()[name]
    newer = [one for one in known().values() if one.family == mine.family and _order(one) > _order(mine)]
    return next((one.name for one in sorted(newer, key=_order) if not one.is_deprecated(today)), None)


def offered(family: str, policy: Policy) -> list[str]:
    """The runtimes of a family that functions may be created with, the newest first."""
    mine = [one for one in known().values() if one.family == family and one.version]
    may = [one for one in mine if policy.allow_blocked or not one.refused(policy.today, updating=False)]
    return [one.name for one in sorted(may, key=_order, reverse=True)]


def _order(one: Runtime) -> tuple[int, ...]:
    return tuple(int(part) for part in one.version.removeprefix("al").split(".") if part.isdecimal())


def _way_on(found: Runtime, today: date) -> str:
    instead = successor(found.name, today)
    words = f"{instead} is its successor" if instead else "it has no successor"
    if found.name == GO:
        words = "Go runs as a custom runtime now: provided.al2023, with the program as `bootstrap`"
    return f"{words}; LAMBDALAB_ALLOW_BLOCKED_RUNTIMES=1 lets a course use {found.name} here all the same."
