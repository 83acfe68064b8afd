"""A Python module that a function's import did not find: what its name was meant to be, and which layer has it.

Looked up in the lab only, after an import has failed: on a real account it would be a download of packages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from lambdalab.client.function_api import FunctionApi, fetched
from lambdalab.client.invocation import Invocation
from lambdalab.client.package import names_of
from lambdalab.client.requirements.known import meant
from lambdalab.client.requirements.pip import Pip
from lambdalab.errors import LabError

_ABSENT = re.compile(r"No module named '(?P<name>[^'.]+)'")
_LAYERS = "/2018-10-31/layers"
_LARGEST = 64 << 20
"""Bytes of a layer's package that are looked into; a larger one is not worth the wait."""
_MODULE = re.compile(r"(?P<name>[A-Za-z_]\w*)(?:/.*|(?:\.[\w-]+)?\.(?:py|so))")
"""A path whose beginning can be imported: a folder, a file, or a library such as `_x.cpython-312-x86_64-linux-gnu.so`.
"""
_IN_LAYER = re.compile(rf"{Pip.layer}(?:lib/python3\.\d+/site-packages/)?")


@dataclass(frozen=True, slots=True)
class Missing:
    """The `module`; one that the function has, or that is well known, and is `near` to it; and what `has` it.

    `has` are versions of layers such as `common:1`, as `--layer` takes them: the one that has the module, after those
    that the function has. `is_there` says that the near one is in the function.
    """

    module: str
    near: str = ""
    is_there: bool = False
    has: tuple[str, ...] = ()


def looked_up(api: FunctionApi, found: Invocation) -> Invocation:
    """The invocation; with what is known of a module that it missed."""
    error, record = found.error, found.record
    absent = _ABSENT.search(error.message) if error is not None else None
    if error is None or record is None or absent is None or not record.runtime.startswith("python"):
        return found
    return replace(found, error=replace(error, missing=_missing(api, absent["name"], found.executed_version)))


def _missing(api: FunctionApi, module: str, version: str) -> Missing:
    try:
        own = FunctionApi(api.session, api.name)
        mine = [_name(one["Arn"]) for one in own.configuration(version).get("Layers", ())]
        there = {*modules_in(names_of(own.package(version) or b""))}
        for layer in mine:
            there |= _modules_of(api, layer)
        near = meant(module, there)
        other = next((layer for layer in _newest(api) if layer not in mine and module in _modules_of(api, layer)), "")
    except LabError:  # deleted meanwhile
        return Missing(module, meant(module))
    return Missing(module, near, near in there, (*mine, other) if other else ())


def modules_in(paths: Iterable[str], *, layer: bool = False) -> Iterator[str]:
    """The modules and packages that are to be imported from a package with these paths."""
    for path in paths:
        prefix = _IN_LAYER.match(path) if layer else None
        if layer and prefix is None:
            continue
        found = _MODULE.fullmatch(path[prefix.end() :] if prefix is not None else path)
        if found is not None:
            yield found["name"]


def _newest(api: FunctionApi) -> Iterator[str]:
    for one in api.session.pages(_LAYERS, "Layers"):
        yield f"{one['LayerName']}:{one['LatestMatchingVersion']['Version']}"


def _modules_of(api: FunctionApi, layer: str) -> set[str]:
    name, _, number = layer.rpartition(":")
    answer = api.session.call("GET", f"{_LAYERS}/{quote(name, safe='')}/versions/{number}")
    content: dict[str, Any] = json.loads(answer.body)["Content"]
    data = fetched(content["Location"]) if content["CodeSize"] <= _LARGEST else None
    return set(modules_in(names_of(data or b""), layer=True))


def _name(layer_arn: str) -> str:
    return layer_arn.partition(":layer:")[2]
