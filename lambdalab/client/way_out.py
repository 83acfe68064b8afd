"""What stands beside AWS's refusal of something that is not there: what there is, and the line that makes the rest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from lambdalab.client.near import did_you_mean
from lambdalab.errors import AwsError
from lambdalab.model import arn

NAME_RULE = "A function's name has letters, digits, - and _ only."
_FUNCTION = re.compile(r"Function not found: (?P<arn>\S+)")
_ALIAS = re.compile(r"Cannot find alias arn: (?P<arn>\S+)")
_LAYER = re.compile(r"Layer version \S+:layer:(?P<layer>[^:\s]+):(?P<version>\S+) does not exist\.")
_NAME = re.compile(r"Value '.*' at 'functionName' failed to satisfy constraint: Member must satisfy regular", re.DOTALL)
_SHOWN = 8
"""Names in a list: the newest versions, the first aliases."""


class Names(Protocol):
    """The names of what there is (`client/names.py`). Asking raises nothing."""

    def functions(self) -> Sequence[str]:
        """Functions."""

    def versions(self, function: str) -> Sequence[str]:
        """Versions of a function, the newest first."""

    def aliases(self, function: str) -> Sequence[str]:
        """Aliases of a function."""

    def layers(self) -> Sequence[str]:
        """Layers."""

    def versions_of_layer(self, layer: str) -> Sequence[str]:
        """Versions of a layer, the newest first."""


def way_out(refused: AwsError, names: Names) -> str:
    """The sentences to stand beside `refused`; "" where its own text says enough."""
    text = refused.message or ""
    if found := _FUNCTION.match(text) or _ALIAS.match(text):
        address = arn.split(found["arn"])
        return _of_function(address.name, address.qualifier, names)
    if found := _LAYER.match(text):
        return _of_layer(found["layer"], names)
    return NAME_RULE if _NAME.search(text) else ""


def _of_function(name: str, qualifier: str, names: Names) -> str:
    known = names.functions()
    if name not in known:
        return did_you_mean(name, known).strip() or (
            f"%lambda list shows the functions there are; a cell that begins with %%lambda {name} makes this one."
        )
    if qualifier in ("", "$LATEST"):
        return ""  # it was made, or deleted, in this moment
    versions = [one for one in names.versions(name) if one != "$LATEST"]
    aliases = names.aliases(name)
    if qualifier.isdecimal():
        return f"{name} is there, and has no version {qualifier}. {_versions(name, versions)}{_aliases(aliases)}"
    makes = f" %lambda alias {name} {qualifier} VERSION makes this one." if versions else ""
    others = f".{_aliases(aliases)}" if aliases else ": it has no aliases."
    return f"{name} is there, and has no alias {qualifier}{others}{makes} {_versions(name, versions)}"


def _versions(name: str, versions: Sequence[str]) -> str:
    if not versions:
        return f"Nothing of it is published yet: %lambda publish {name} makes a version."
    return f"Its versions: {_listed(versions)}."


def _aliases(aliases: Sequence[str]) -> str:
    return f" Its aliases: {_listed(aliases)}." if aliases else ""


def _of_layer(layer: str, names: Names) -> str:
    versions = names.versions_of_layer(layer)
    if versions:
        return (
            f"There is {_listed([f'{layer}:{one}' for one in versions])}. %lambda layer {layer} shows what is in them."
        )
    guess = did_you_mean(layer, names.layers())
    return f"There is no layer {layer}.{guess or ' %lambda layer lists all.'}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
