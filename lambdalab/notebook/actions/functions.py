"""Functions: make, call, list, read what they wrote, delete."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdalab.client.building import files
from lambdalab.client.cell import CellSource
from lambdalab.client.display import Displayed
from lambdalab.errors import BadOption
from lambdalab.model import arn
from lambdalab.notebook import event
from lambdalab.notebook.context import Context
from lambdalab.notebook.options import Request

if TYPE_CHECKING:
    from lambdalab.client.lab import Lab


@dataclass(frozen=True, slots=True, repr=False)
class Deleted(Displayed):
    """A function, or a version of one, that was deleted."""

    name: str
    version: str = ""

    def __repr__(self) -> str:
        if self.version:
            return f"{self.name}:{self.version} deleted"
        return f"{self.name} deleted; its log stays, as on AWS"


def _deploy(lab: Lab, request: Request, context: Context) -> Any:
    options = {**context.defaults, **request.options}
    body, path = context.body or "", options.get("from")
    if path is None and context.body is None:
        raise BadOption("%lambda deploy takes a source file or folder: --from PATH. A cell deploys with %%lambda NAME.")
    if path is not None and body.strip() and not options.get("image"):
        raise BadOption(f"the source is given twice: in the cell's body and by --from {path}. Keep one.")
    if path is None and not body.strip():
        what = "a Dockerfile" if options.get("image") else "the function's code"
        raise BadOption(
            f"the cell is empty: write {what} below its %%lambda {request.argument} line, and run it again."
        )
    if options.get("image"):
        return _deploy_image(lab, request, context)
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
        files=files.named(options.get("file", ())),
        requirements=options.get("requirements", ()),
        path=path,
        cell=None if path is not None else CellSource(context.label, body, context.first_line),
    )


def _deploy_image(lab: Lab, request: Request, context: Context) -> Any:
    options, body = {**context.defaults, **request.options}, context.body or ""
    for flag in ("runtime", "handler", "requirements"):
        if flag in request.options:
            raise BadOption(f"--{flag} does not go with --image: the Dockerfile says what the image is and runs.")
    return lab[request.argument].deploy_image(
        body,
        memory=options["memory"],
        timeout=options["timeout"],
        env=dict(options.get("env", ())),
        description=options.get("description", ""),
        ephemeral=options.get("tmp", 512),
        architecture=options.get("arch", "x86_64"),
        files=files.named(options.get("file", ())),
        path=options.get("from"),
        cell=CellSource(context.label, body, context.first_line),
    )


def _invoke(lab: Lab, request: Request, context: Context) -> Any:
    options = request.options
    address = arn.split(request.argument)
    function = lab[address.function]
    sent = event.build(
        body=context.body,
        source=options.get("event"),
        assignments=options.get("set", ()),
        namespace=context.namespace,
        cell=context.label,
        first_line=context.first_line,
    )
    qualifier = options.get("qualifier") or address.qualifier or None
    if not options.get("stream"):
        return function.invoke(sent, qualifier=qualifier)
    answer = function.stream(sent, qualifier=qualifier)
    for piece in answer:
        context.arrived(piece)
    return answer.invocation


def _list(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    return lab.functions()


def _logs(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    address = arn.split(request.argument)
    return lab[address.function].logs(qualifier=address.qualifier or None, **request.options)


def _delete(lab: Lab, request: Request, context: Context) -> Any:  # noqa: ARG001 - one signature for all
    address = arn.split(request.argument)
    return lab[address.function].delete(address.qualifier or None) or Deleted(address.name, address.qualifier)


ACTIONS = {"deploy": _deploy, "invoke": _invoke, "list": _list, "logs": _logs, "delete": _delete}
