"""Layers: numbered packages that are laid over /opt. Pure rules on frozen records.

Source: `lambda-contract.md` section 6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lambdalab.errors import InvalidParameterValue
from lambdalab.model.function import CodeReference

MOST = 5
"""Layers of one function."""
_ARN = re.compile(
    r"arn:aws[a-zA-Z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9-_]+)"
    r"(?::(?P<version>\d+))?"
)


@dataclass(frozen=True, slots=True)
class LayerKey:
    """Which layer: owner account, region, name."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The layer's ARN, without a version."""
        return f"arn:aws:lambda:{self.region}:{self.account}:layer:{self.name}"


@dataclass(frozen=True, slots=True)
class LayerVersion:
    """One version of a layer. `created` is AWS's text form; `deleted` ones serve only who has them already."""

    key: LayerKey
    version: int
    code: CodeReference
    created: str
    description: str = ""
    license_info: str | None = None
    runtimes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    deleted: bool = False

    @property
    def arn(self) -> str:
        """The ARN ending with the version."""
        return f"{self.key.arn}:{self.version}"


def parse(text: str) -> tuple[LayerKey, int | None]:
    """The layer that an ARN names, and the version if it names one. Raises `InvalidParameterValue` for other text."""
    found = _ARN.fullmatch(text)
    if found is None:
        raise InvalidParameterValue(f"'{text}' is not the ARN of a layer or of a layer's version.")
    version = found["version"]
    return LayerKey(found["account"], found["region"], found["name"]), None if version is None else int(version)


def check_list(arns: Sequence[str], region: str) -> None:
    """Refuse a function's list of layer versions for what can be seen without looking them up."""
    if len(arns) > MOST:
        raise InvalidParameterValue("Cannot reference more than 5 layers.")
    seen: dict[LayerKey, str] = {}
    for arn in arns:
        key, _ = parse(arn)
        if key.region != region:
            raise InvalidParameterValue(
                f"Layers are not in the same region as the function. Layers are expected to be in region {region}."
            )
        if key in seen:
            raise InvalidParameterValue(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{seen[key]} and {arn} are versions of the same layer."
            )
        seen[key] = arn
