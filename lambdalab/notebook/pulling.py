"""How far the pull of an image is, in a line for who waits for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lambdalab.errors import LabError
from lambdalab.notebook.views.figures import size

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab

_WIDTH = 20


def words(lab: Lab) -> str:
    """A line for each image that the region pulls now; empty when it pulls none, or does not say."""
    with contextlib.suppress(LabError):
        return "\n".join(map(line, lab.pulls()))
    return ""


def line(pull: Mapping[str, Any]) -> str:
    """One pull: a bar of the bytes of the layers whose size is known, and the engine's last word."""
    image, done, total = pull["image"], pull["done_bytes"], pull["total_bytes"]
    if not total:
        return f"Pulling {image}: {str(pull['state']).lower()}"
    filled = min(_WIDTH, _WIDTH * done // total)
    layers = f"{pull['layers_done']} of {pull['layers']} layers there"
    return f"Pulling {image} {'█' * filled}{'░' * (_WIDTH - filled)} {size(done)} of {size(total)}, {layers}"
