"""LambdaLab: learn, teach and prototype AWS Lambda in a notebook.

    %load_ext lambdalab                        in a notebook; then %%lambda hello, %lambda help
    from lambdalab import lab                  the same in Python: lab["hello"].invoke({"name": "Ada"})

Importing this is cheap: nothing heavy is imported and nothing started before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.client import display
from lambdalab.version import __version__

if TYPE_CHECKING:
    from lambdalab.client.function import Function
    from lambdalab.client.invocation import FunctionFailed, Invocation
    from lambdalab.client.lab import Lab
    from lambdalab.errors import AwsError, LabError

    lab: Lab

__all__ = ["AwsError", "Function", "FunctionFailed", "Invocation", "Lab", "LabError", "__version__", "lab"]
_HOMES = {
    "AwsError": "lambdalab.errors",
    "LabError": "lambdalab.errors",
    "Lab": "lambdalab.client.lab",
    "Function": "lambdalab.client.function",
    "Invocation": "lambdalab.client.invocation",
    "FunctionFailed": "lambdalab.client.invocation",
}


def __getattr__(name: str) -> Any:
    """What the door offers, imported when first asked for."""
    from importlib import import_module

    if name == "lab":
        return globals().setdefault("lab", __getattr__("Lab")())
    if name not in _HOMES:
        raise AttributeError(f"module 'lambdalab' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext lambdalab`."""
    from lambdalab.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """`%unload_ext lambdalab`."""
    from lambdalab.notebook.extension import unload

    unload(shell)


def _fill_displays() -> None:
    from lambdalab.notebook import displays

    displays.fill()


display.provide(_fill_displays)
