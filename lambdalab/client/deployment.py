"""What deploying a cell changed: the difference between what is wanted and what the region has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.client.display import Displayed


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: its name, and its values before and now as people read them (empty: not set)."""

    what: str
    before: str
    now: str


@dataclass(frozen=True, slots=True, repr=False)
class Deployment(Displayed):
    """The function as it is now. `changes` is empty when the same code and settings were there already.

    `configuration` is AWS's FunctionConfiguration; `old_source` is None where it is not known.
    """

    name: str
    created: bool
    changes: tuple[Change, ...]
    seconds: float
    configuration: Mapping[str, Any] = field(repr=False)
    old_source: str | None = None
    new_source: str | None = None

    def __repr__(self) -> str:
        what = f"{self.configuration.get('Runtime')}, {self.configuration['MemorySize']} MB"
        took = f"{self.seconds * 1000:.0f} ms"
        if self.created:
            return f"{self.name} created in {took}, {what}"
        if not self.changes:
            return f"{self.name} unchanged, {what}"
        return f"{self.name} deployed in {took}, {what}; changed: {', '.join(c.what for c in self.changes)}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function as it shall be: the settings of CreateFunction, with Lambda's own defaults."""

    runtime: str
    handler: str
    memory: int
    timeout: int
    env: Mapping[str, str]
    description: str
    ephemeral: int
    architecture: str

    def settings(self) -> dict[str, Any]:
        """The members that CreateFunction and UpdateFunctionConfiguration share."""
        return {
            "Runtime": self.runtime,
            "Handler": self.handler,
            "MemorySize": self.memory,
            "Timeout": self.timeout,
            "Environment": {"Variables": dict(self.env)},
            "Description": self.description,
            "EphemeralStorage": {"Size": self.ephemeral},
        }


def changed_settings(wanted: Wanted, now: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `wanted` that differ from the FunctionConfiguration `now`."""
    present = {"Environment": {"Variables": {}}, **now, "Description": now.get("Description", "")}
    present["Environment"] = {"Variables": present["Environment"].get("Variables", {})}
    return {name: value for name, value in wanted.settings().items() if present.get(name) != value}


def changes(wanted: Wanted, code_sha256: str, now: Mapping[str, Any]) -> tuple[Change, ...]:
    """The differences, in words, the code (by the beginning of its CodeSha256) first."""
    found = []
    if now["CodeSha256"] != code_sha256:
        found.append(Change("code", now["CodeSha256"][:6], code_sha256[:6]))
    before = now.get("Architectures", ["x86_64"])[0]
    if before != wanted.architecture:
        found.append(Change("architecture", before, wanted.architecture))
    differing = changed_settings(wanted, now)
    for member, name, unit in _NAMES:
        if member in differing:
            found.append(Change(name, f"{now.get(member, '')}{unit}", f"{differing[member]}{unit}"))
    if "EphemeralStorage" in differing:
        found.append(Change("tmp", f"{now['EphemeralStorage']['Size']} MB", f"{wanted.ephemeral} MB"))
    return (*found, *_variables(now.get("Environment", {}).get("Variables", {}), wanted.env))


_NAMES = (
    ("Runtime", "runtime", ""),
    ("Handler", "handler", ""),
    ("MemorySize", "memory", " MB"),
    ("Timeout", "timeout", " s"),
    ("Description", "description", ""),
)


def _variables(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    names = [*before, *(name for name in now if name not in before)]
    pairs = ((name, before.get(name, ""), now.get(name, "")) for name in names)
    return [Change(name, was, is_) for name, was, is_ in pairs if was != is_ or (name in before) != (name in now)]
