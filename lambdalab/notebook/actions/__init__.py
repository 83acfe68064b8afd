"""What each sub-command does: a parsed request, the lab, the notebook's context; out comes the result to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lambdalab.client.near import did_you_mean
from lambdalab.errors import BadOption
from lambdalab.model import arn
from lambdalab.notebook.actions import functions, layers, region, settings, versions
from lambdalab.notebook.commands import COMMANDS, DEPLOY
from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab
    from lambdalab.notebook.views.help import Help

_ACTIONS: dict[str, Callable[[Any, Request, Context], Any]] = {
    **functions.ACTIONS,
    **versions.ACTIONS,
    **layers.ACTIONS,
    **settings.ACTIONS,
    **region.ACTIONS,
}


def run(lab: Lab, request: Request, context: Context) -> Any:
    """Carry out `request` and return its result. Raises what the client raises."""
    return _ACTIONS[request.command.name](lab, request, context)


def after_interrupt(lab: Lab, request: Request) -> str:
    """What becomes of `request` when the wait for it was interrupted."""
    if request.command.body == "event":
        address = arn.split(request.argument)
        qualifier = request.options.get("qualifier") or address.qualifier or None
        return lab[address.function].after_interrupt(qualifier)
    return request.command.interrupted.format(request.argument)


def asks_for_help(request: Request) -> Help | None:
    """The help that `request` asks for, if it does: it needs no region."""
    from lambdalab.notebook.views.help import Help  # noqa: PLC0415 - loading the extension imports no view

    if request.help:
        return Help(request.command)
    if request.command.name != "help":
        return None
    topic = request.argument.lstrip("%")
    if topic == "lambda":  # %%lambda is the cell's, %lambda is all of them
        topic = DEPLOY.name if request.argument.startswith("%%") else ""
    if topic and topic not in COMMANDS:
        raise BadOption(f"there is no sub-command {topic!r}.{did_you_mean(topic, COMMANDS)} See %lambda help.")
    return Help(COMMANDS[topic] if topic else None)
