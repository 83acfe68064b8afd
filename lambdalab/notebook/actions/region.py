"""The region itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab


def _doctor(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab.doctor()


ACTIONS = {"doctor": _doctor}
