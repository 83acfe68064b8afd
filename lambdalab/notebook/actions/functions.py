"""What each sub-command does: a parsed request, the lab, the notebook's context; out comes the result to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.notebook.commands import COMMANDS

from lambdalab.client.cell import CellSource
from lambdalab.errors import BadOption
from lambdalab.notebook import event
from lambdalab.notebook.options import Request
from lambdalab.notebook.words import did_you_mean

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab
    from lambdalab.notebook.views.help import Help

_FIRST_LINE = 2
"""The number of a cell's first body line: the magic's line is 1."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a sub-command may know of the notebook: the cell's label and body, its variables, the defaults set."""

    label: str
    body: str | None
    namespace: Mapping[str, Any]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deleted:
    """A function that was deleted."""

    name: str

    def __repr__(self) -> str:
        return f"{self.name} deleted, with its logs"


def run(lab: Lab, request: Request, context: Context) -> Any:
    """Carry out `request` and return its result. Raises what the client raises."""
    return _ACTIONS[request.command.name](lab, request, context)


def asks_for_help(request: Request) -> Help | None:
    """The help that `request` asks for, if it does: it needs no region."""
    from lambdalab.notebook.views.help import Help  # noqa: PLC0415 - loading the extension imports no view

    if request.help:
        return Help(request.command)
    if request.command.name != "help":
        return None
    topic = request.argument
    if topic and topic not in COMMANDS:
        raise BadOption(f"there is no sub-command {topic!r}.{did_you_mean(topic, COMMANDS)} See %lambda help.")
    return Help(COMMANDS[topic] if topic else None)


def _deploy(lab: Lab, request: Request, context: Context) -> Any:
    body = context.body or ""
    options = {**context.defaults, **request.options}
    return lab[request.argument].deploy(
        body,
        runtime=options["runtime"],
        memory=options["memory"],
        timeout=options["timeout"],
        env=dict(options.get("env", ())),
        handler=options.get("handler"),
        description=options.get("description", ""),
        ephemeral=options.get("tmp", 512),
        architecture=options.get("arch", "x86_64"),
        cell=CellSource(context.label, body, _FIRST_LINE),
    )


def _invoke(lab: Lab, request: Request, context: Context) -> Any:
    options = request.options
    name, _, suffix = request.argument.partition(":")
    sent = event.build(
        body=context.body,
        source=options.get("event"),
        assignments=options.get("set", ()),
        namespace=context.namespace,
        cell=context.label,
    )
    return lab[name].invoke(sent, qualifier=options.get("qualifier") or suffix or None)


def _list(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab.functions()


def _logs(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab[request.argument].logs(**request.options)


def _delete(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    lab[request.argument].delete()
    return Deleted(request.argument)


def _doctor(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab.doctor()


_ACTIONS: dict[str, Callable[[Any, Request, Context], Any]] = {
    "deploy": _deploy,
    "invoke": _invoke,
    "list": _list,
    "logs": _logs,
    "delete": _delete,
    "doctor": _doctor,
}
