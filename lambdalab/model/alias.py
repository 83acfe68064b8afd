"""Aliases: a name for a version, or for two with weights. Pure rules on a frozen record.

Source: `lambda-contract.md` section 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdalab.errors import InvalidParameterValue
from lambdalab.model.function import LATEST, FunctionKey


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that points at `version`; `weights` sends a share (0.0 to 1.0) of the invocations to another one."""

    key: FunctionKey
    name: str
    version: str
    revision_id: str
    description: str = ""
    weights: Mapping[str, float] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """The ARN ending with the alias's name."""
        return f"{self.key.arn}:{self.name}"

    def choose(self, roll: float) -> str:
        """The version of one invocation; `roll` is uniform in [0, 1), each invocation has its own."""
        for version, share in self.weights.items():
            if roll < share:
                return version
        return self.version


def check_routing(version: str, weights: Mapping[str, float]) -> None:
    """Refuse weights that AWS refuses. That the versions exist is the caller's to see."""
    if len(weights) > 1:
        raise InvalidParameterValue("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if version in weights:
        raise InvalidParameterValue(
            f"Invalid function version {version}. Function version {version} is already included in routing "
            "configuration."
        )
    if weights and version == LATEST:
        raise InvalidParameterValue("$LATEST is not supported for an alias pointing to more than 1 version")


def to_document(alias: Alias) -> dict[str, Any]:
    """The alias as it is kept."""
    return {
        "version": alias.version,
        "revision_id": alias.revision_id,
        "description": alias.description,
        "weights": dict(alias.weights),
    }


def from_document(key: FunctionKey, name: str, document: Mapping[str, Any]) -> Alias:
    """The alias that was kept."""
    return Alias(key, name, **document)
