"""Versions and aliases: publish, name, compare, go back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambdalab.errors import BadOption
from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab


def _publish(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab[request.argument].publish(request.options.get("message"))


def _alias(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    name, alias, *version = request.arguments
    options = request.options
    if not version and not options:
        raise BadOption(
            f"%lambda alias {name} {alias} says nothing to change: add a version, --canary VERSION=SHARE or"
            f" --description TEXT. %lambda versions {name} shows where the alias points."
        )
    canary = dict([options["canary"]]) if "canary" in options else None
    return lab[name].alias(
        alias, version[0] if version else None, canary=canary, description=options.get("description")
    )


def _versions(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    pair = request.options.get("compare")
    return lab[request.argument].versions(tuple(pair) if pair else None)


def _rollback(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    name, alias = request.arguments
    return lab[name].rollback(alias)


ACTIONS = {"publish": _publish, "alias": _alias, "versions": _versions, "rollback": _rollback}
