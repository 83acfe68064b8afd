"""Making a function be a package with its settings: create it, change what differs, or change nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lambdalab.client.building.base import CellSyntaxError, CompilerMissing, NotBuilt
from lambdalab.client.deployment import Change, Wanted, changed_settings, changes
from lambdalab.client.function_api import FunctionApi
from lambdalab.client.names import FUNCTIONS, Names
from lambdalab.client.package import Package, source_of
from lambdalab.errors import HandlerNotInCell, NotInstalled, ResourceNotFound


@dataclass(frozen=True, slots=True)
class Deployed:
    """The function as it is now, and what that changed. `old_source` is None where it is not known."""

    configuration: dict[str, Any]
    created: bool
    changes: tuple[Change, ...] = ()
    old_source: str | None = None


def deploy(api: FunctionApi, wanted: Wanted, made: Package, role: str | None) -> Deployed:
    """Bring the function to what is wanted, and wait until AWS would call it Active.

    Raises `InvalidRuntimeException` for a runtime that is not on the region's machine, before anything is changed.
    """
    try:
        now = api.settled()
    except ResourceNotFound:
        check_runtime(api, wanted.runtime)
        return Deployed(_create(api, wanted, made, role), created=True)
    if now.get("Runtime") != wanted.runtime:
        check_runtime(api, wanted.runtime)
    other_code = now["CodeSha256"] != made.code_sha256
    found = changes(wanted, made.code_sha256, now)
    old = _source(api) if other_code else None
    if other_code or any(change.what == "architecture" for change in found):
        document = {"ZipFile": base64.b64encode(made.data).decode(), "Architectures": [wanted.architecture]}
        api.call("PUT", "/code", body=json.dumps(document).encode())
        now = api.settled()
    settings = changed_settings(wanted, now)
    if settings:
        api.call("PUT", "/configuration", body=json.dumps(settings).encode())
        now = api.settled()
    return Deployed(now, created=False, changes=found, old_source=old)


@contextmanager
def keeping(names: Names, function: str) -> Iterator[None]:
    """Add to a refusal of the source, made within, that the function goes on as it was, where it is there already."""
    try:
        yield
    except (CellSyntaxError, CompilerMissing, HandlerNotInCell, NotBuilt, NotInstalled) as error:
        if names.has(function):
            gap = " " if str(error).endswith(".") and "\n" not in str(error) else "\n"
            error.args = (f"{error}{gap}{function} stays as it was.", *error.args[1:])
        raise


def _create(api: FunctionApi, wanted: Wanted, made: Package, role: str | None) -> dict[str, Any]:
    document = {
        "FunctionName": api.address,
        "Role": role or f"arn:aws:iam::{api.session.region().account}:role/lambda-role",
        "Code": {"ZipFile": base64.b64encode(made.data).decode()},
        "Architectures": [wanted.architecture],
        **wanted.settings(),
    }
    api.session.call("POST", FUNCTIONS, body=json.dumps(document).encode())
    return api.settled()


def check_runtime(api: FunctionApi, name: str) -> None:
    """Refuse a runtime that cannot run here before anything is changed: AWS would have it, this machine has not."""
    api.session.call("GET", "/_lambdalab/runtime", query={"name": name}, service="lambdalab")


def _source(api: FunctionApi) -> str | None:
    """The source of the code now there; None when it was not made from a cell, or cannot be had."""
    data = api.package()
    return None if data is None else source_of(data)
