"""Layers: publish from a cell or from requirements, look, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.client.near import did_you_mean
from lambdalab.errors import BadOption
from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab

_OF_PUBLISHING = {
    "module": "a cell's body: begin the cell with %%lambda layer",
    "runtime": "--requirements or a cell's body",
    "arch": "--requirements or a cell's body",
    "description": "--requirements or a cell's body",
    "refresh": "--requirements",
}
"""Options that say how to publish, and what there must be to publish."""


def _layer(lab: Lab, request: Request, context: Context) -> Any:
    name, options = request.argument, request.options
    if not name:
        if options or context.body is not None:
            raise BadOption("%lambda layer needs the layer's name here: %lambda layer NAME")
        return lab.layers()
    _check(name, options, context)
    if "delete" in options:
        return lab.layer(name).delete(options["delete"])
    if context.body is not None and not context.body.strip():
        raise BadOption(f"the cell is empty: write the module's code below its %%lambda layer {name} line.")
    if context.body is not None:
        return _publish_module(lab, name, options, context)
    if "requirements" in options:
        return lab.layer(name).publish_requirements(
            *options["requirements"],
            runtime=options.get("runtime", context.defaults["runtime"]),
            architecture=options.get("arch", "x86_64"),
            description=options.get("description", ""),
            refresh="refresh" in options,
        )
    return _versions(lab, name)


def _versions(lab: Lab, name: str) -> Any:
    """AWS lists no versions of a layer that is not there; here that is told from a layer by its name."""
    found = lab.layer(name).versions()
    if found.versions:
        return found
    names = [one["LayerName"] for one in lab.layers()]
    raise BadOption(
        f"there is no layer {name}, or no version of it any more.{did_you_mean(name, names)} %lambda layer lists all."
    )


def _publish_module(lab: Lab, name: str, options: dict[str, Any], context: Context) -> Any:
    return lab.layer(name).publish_module(
        context.body or "",
        module=options.get("module"),
        label=context.label,
        first_line=context.first_line,
        runtimes=[options["runtime"]] if "runtime" in options else [],
        architectures=[options["arch"]] if "arch" in options else [],
        description=options.get("description", ""),
    )


def _check(name: str, options: dict[str, Any], context: Context) -> None:
    """Refuse options that do not go together: what would be done with them is not what was meant."""
    sources = [what for what in ("requirements", "delete") if what in options]
    if context.body is not None and sources:
        raise BadOption(f"--{sources[0]} goes without a cell's body: write %lambda layer {name} on one line.")
    if len(sources) > 1 or ("delete" in options and len(options) > 1):
        raise BadOption("--delete goes alone: it deletes a version and publishes nothing.")
    for option, needed in _OF_PUBLISHING.items():
        published = context.body is not None if option == "module" else "requirements" in options
        if option in options and not published and (context.body is None or option == "refresh"):
            raise BadOption(f"--{option} goes with {needed}.")


ACTIONS = {"layer": _layer}
