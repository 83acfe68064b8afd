"""Functions that are container images: what they are made of, and what Lambda refuses of them. Pure.

Source: `lambda-contract.md` section 3. Where AWS takes images of its own registry only, the lab takes any name
that its Docker engine knows: an image that was built here need not be pushed anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.errors import InvalidParameterValue

if TYPE_CHECKING:
    from lambdalab.model.function import FunctionVersion

PACKAGE_TYPE = "Image"
_URI = re.compile(r"[\w.\-/:]+(@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class Image:
    """What an environment of an image function runs.

    `reference` is what the engine knows it by, digest included, so that a moved tag changes no function. The rest
    is ImageConfig: None where the image's own value stands. `extensions` says whether there is anything in its
    /opt/extensions; None where nobody has looked, which older versions' images are.
    """

    reference: str
    entry_point: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    working_directory: str | None = None
    extensions: bool | None = None


@dataclass(frozen=True, slots=True)
class ResolvedImage:
    """An image as an engine resolved it: the name that was asked for, with its digest, and what runs it.

    `extensions` as an `Image`'s, so that a cold start need not look.
    """

    uri: str
    resolved_uri: str
    digest: str
    reference: str
    extensions: bool | None = None

    def settings(self) -> dict[str, Any]:
        """What a version keeps of it."""
        return dict(zip(KEPT, (self.uri, self.resolved_uri, self.reference, self.extensions), strict=True))


KEPT = ("ImageUri", "ResolvedImageUri", "ImageReference", "ImageExtensions")
"""The settings of a version that say which image it is; no part of AWS's FunctionConfiguration."""


def of(version: FunctionVersion) -> Image | None:
    """The image of a version; None when it is a zip."""
    if version.package_type != PACKAGE_TYPE:
        return None
    config = version.settings.get("ImageConfig", {})
    return Image(
        version.settings["ImageReference"],
        tuple(config["EntryPoint"]) if config.get("EntryPoint") else None,
        tuple(config["Command"]) if config.get("Command") else None,
        config.get("WorkingDirectory") or None,
        version.settings.get("ImageExtensions"),
    )


def check_settings(params: Mapping[str, Any], package_type: str) -> None:
    """Refuse settings that a version of this package type does not have."""
    if package_type == PACKAGE_TYPE:
        if "Runtime" in params or "Handler" in params or params.get("Layers"):
            raise InvalidParameterValue(
                "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
            )
    elif params.get("ImageConfig"):
        raise InvalidParameterValue("ImageConfig is for functions with packageType Image; this one's is Zip.")


def check_code(code: Mapping[str, Any], package_type: str) -> None:
    """Refuse a new function's code that is of the other package type."""
    if package_type == PACKAGE_TYPE and "ImageUri" not in code:
        raise InvalidParameterValue("Please provide ImageUri when creating a function with packageType Image.")
    if package_type != PACKAGE_TYPE and "ImageUri" in code:
        raise InvalidParameterValue("Please don't provide ImageUri when creating a function with packageType Zip.")


def check_uri(uri: str) -> None:
    """Refuse what is no image's name."""
    if not _URI.fullmatch(uri):
        raise InvalidParameterValue(f"Source image {uri} is not valid. Provide a valid source image.")
