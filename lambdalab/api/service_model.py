"""AWS's own description of its APIs, from botocore: shapes, operations, and which request is which operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel


@cache
def service_model(service: str) -> ServiceModel:
    """The service's model, without its prose. Read once, when first needed."""
    document = Loader().load_service_model(service, "service-2")
    return ServiceModel(_without_prose(document), service)


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_prose(v) for k, v in value.items() if not (k == "documentation" and isinstance(v, str))}
    return [_without_prose(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Match:
    """A request's operation, its path parameters (decoded) and its query parameters."""

    operation: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class _Route:
    pattern: re.Pattern[str]
    query: Mapping[str, str]
    operation: str


class Router:
    """Finds the operation of a REST request."""

    def __init__(self, service: str) -> None:
        self._routes: dict[str, list[_Route]] = {}
        model = service_model(service)
        for name in model.operation_names:
            http = model.operation_model(name).http
            path, _, query = http["requestUri"].partition("?")
            route = _Route(_pattern(path), dict(parse_qsl(query, keep_blank_values=True)), name)
            self._routes.setdefault(http["method"], []).append(route)
        for routes in self._routes.values():
            # What asks for more of the query comes first: `/layers?find=…` before `/layers`. Then what has
            # fewer names in its path: older SDKs list the functions at `/functions/`, which is no empty name.
            routes.sort(key=lambda route: (-len(route.query), route.pattern.groups))

    def match(self, method: str, path: str, query: str) -> Match | None:
        """The operation that the request names; None when there is none. `path` is still percent-encoded."""
        asked: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            asked.setdefault(name, []).append(value)
        for route in self._routes.get(method, ()):
            found = route.pattern.fullmatch(path)
            if found and all(asked.get(name) == [value] for name, value in route.query.items()):
                return Match(route.operation, {k: unquote(v) for k, v in found.groupdict().items()}, asked)
        return None


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)(\+?)\}", template.rstrip("/"))
    text = re.escape(parts[0])
    for name, greedy, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        # A name may be empty on the wire: the constraint then says so, better than "unknown path" would.
        text += f"(?P<{name}>{'.*' if greedy else '[^/]*'}){re.escape(literal)}"
    return re.compile(text + "/?")


@cache
def router(service: str) -> Router:
    """The service's router, made once."""
    return Router(service)


def operation_model(service: str, name: str) -> OperationModel:
    """The model of one operation."""
    return service_model(service).operation_model(name)
