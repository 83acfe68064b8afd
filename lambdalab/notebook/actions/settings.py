"""A function's settings, and its concurrency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.errors import BadOption
from lambdalab.model import arn
from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab

_FIELDS = {"tmp": "ephemeral", "arch": "architecture", "unset": "env_remove", "layer": "layers"}
"""The options that the client calls otherwise."""


def _config(lab: Lab, request: Request, context: Context) -> Any:
    function = lab[request.argument]
    if not request.options:
        return function.settings()
    wanted = {_FIELDS.get(name, name): value for name, value in request.options.items()}
    if "env" in wanted:
        wanted["env"] = dict(wanted["env"])
    if "layers" in wanted:
        wanted["layers"] = _layers(wanted["layers"])
    return function.configure(waiting=context.waiting, **wanted)


def _layers(names: list[str]) -> list[str]:
    """The layers' names; "" stands for none of them."""
    if "" in names and len(names) > 1:
        raise BadOption("--layer none takes all layers away: leave it out to give the function the others.")
    return [name for name in names if name]


def _concurrency(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    address = arn.split(request.argument)
    name, qualifier = address.name, address.qualifier
    function, options = lab[address.function], request.options
    if "reserved" in options and qualifier:
        raise BadOption(
            f"--reserved is for the whole function, and {request.argument} is a version or an alias of it:"
            f" %lambda concurrency {name} --reserved 5."
        )
    if "provisioned" in options and not qualifier:
        raise BadOption(
            f"--provisioned is for a version or an alias, and {name} names neither:"
            f" %lambda concurrency {name}:production --provisioned 2."
        )
    if "reserved" in options:
        return function.reserve(options["reserved"])
    if "provisioned" in options:
        return function.provision(options["provisioned"], qualifier=qualifier)
    return function.concurrency()


ACTIONS = {"config": _config, "concurrency": _concurrency}
