"""What deploying a cell changed: the difference between what is wanted and what the region has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.client.display import Displayed
from lambdalab.model import snapstart


@dataclass(frozen=True, slots=True)
class Change:
    """One setting: its name, and its values before and now as people read them (empty: not set)."""

    what: str
    before: str
    now: str


@dataclass(frozen=True, slots=True, repr=False)
class Deployment(Displayed):
    """The function as it is now. `changes` is empty when the same code and settings were there already.

    `configuration` is AWS's FunctionConfiguration; `old_source` is None where it is not known. `notes` are
    sentences on what the package may lack, on what was taken for its handler, and on what was only simulated;
    `packages` are the requirements that were installed into it, with what they require: `idna 3.10`.
    """

    name: str
    created: bool
    changes: tuple[Change, ...]
    seconds: float
    configuration: Mapping[str, Any] = field(repr=False)
    old_source: str | None = None
    new_source: str | None = None
    notes: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        what = f"{self.configuration.get('Runtime', 'image')}, {self.configuration['MemorySize']} MB"
        took = f"{self.seconds * 1000:.0f} ms"
        notes = "".join(f"; {note}" for note in self.notes)
        if self.created:
            return f"{self.name} created in {took}, {what}{notes}"
        if not self.changes:
            return f"{self.name} unchanged, {what}{notes}"
        return f"{self.name} deployed in {took}, {what}; changed: {', '.join(c.what for c in self.changes)}{notes}"


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
    """What deploying `wanted` with this code changes."""
    return compare(now, {**now, **wanted.settings(), "CodeSha256": code_sha256, "Architectures": [wanted.architecture]})


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """The differences of two FunctionConfigurations, in words, the code (by the beginning of its CodeSha256) first."""
    values = ((name, read(before), read(now)) for name, read in _SETTINGS)
    found = [Change(name, was, is_) for name, was, is_ in values if was != is_]
    return (*found, *_variables(_environment(before), _environment(now)))


def _member(name: str, unit: str = "") -> Callable[[Mapping[str, Any]], str]:
    return lambda one: f"{one[name]}{unit}" if one.get(name) not in (None, "") else ""


def _image(name: str) -> Callable[[Mapping[str, Any]], str]:
    """A member of an image function's ImageConfig."""

    def read(one: Mapping[str, Any]) -> str:
        value = one.get("ImageConfigResponse", {}).get("ImageConfig", {}).get(name, "")
        return value if isinstance(value, str) else " ".join(value)

    return read


def _vpc(one: Mapping[str, Any]) -> str:
    config = one.get("VpcConfig", {})
    return ", ".join([*config.get("SubnetIds", ()), *config.get("SecurityGroupIds", ())])


def _layers(one: Mapping[str, Any]) -> str:
    return ", ".join(layer["Arn"].partition(":layer:")[2] for layer in one.get("Layers", ()))


_SETTINGS: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("code", lambda one: str(one["CodeSha256"])[:6]),
    ("architecture", lambda one: str(one.get("Architectures", ["x86_64"])[0])),
    ("runtime", _member("Runtime")),
    ("entrypoint", _image("EntryPoint")),
    ("command", _image("Command")),
    ("directory", _image("WorkingDirectory")),
    ("handler", _member("Handler")),
    ("memory", _member("MemorySize", " MB")),
    ("timeout", _member("Timeout", " s")),
    ("description", _member("Description")),
    ("tmp", lambda one: f"{one.get('EphemeralStorage', {}).get('Size', 512)} MB"),
    ("role", lambda one: str(one.get("Role", "")).partition(":role/")[2]),
    ("layers", _layers),
    ("KMS key", lambda one: str(one.get("KMSKeyArn") or "").rpartition(":")[2]),
    ("VPC", _vpc),
    ("SnapStart", lambda one: "published versions" if snapstart.wanted(one) else ""),
    ("log format", lambda one: str(one.get("LoggingConfig", {}).get("LogFormat", "Text"))),
)


def _environment(one: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = one.get("Environment", {}).get("Variables", {})
    return found


def _variables(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    names = [*before, *(name for name in now if name not in before)]
    pairs = ((name, before.get(name, ""), now.get(name, "")) for name in names)
    return [Change(name, was, is_) for name, was, is_ in pairs if was != is_ or (name in before) != (name in now)]
