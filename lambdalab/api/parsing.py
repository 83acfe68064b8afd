"""From a request to an operation's parameters, as its input shape says. Values come out as Python's.

Unknown members are ignored, as AWS does, but for those of features that are refused by name; a value of the wrong
JSON type is a SerializationException.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.model import OperationModel, Shape

from lambdalab.api.complaint import complaint, no_constant
from lambdalab.api.service_model import Match
from lambdalab.errors import AwsError
from lambdalab.model import function_rules

_LONG = 2**63
"""Integers are below this: AWS's are Java's, and SQLite's have as many bits."""
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class _Unreadable(Exception):
    """A value that its shape cannot take; the text is AWS's."""


def parse(operation: OperationModel, match: Match, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """The parameters of a REST-JSON request. Raises a SerializationException for what cannot be read."""
    shape = operation.input_shape
    if shape is None:
        return {}
    try:
        params = _from_body(shape, body)
        for name, member in shape.members.items():
            value = _located(name, member, match, headers)
            if value is not None:
                params[name] = value
    except _Unreadable as bad:
        raise AwsError(str(bad) or None, code="SerializationException", status=400) from bad
    return params


def parse_json(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The parameters of a JSON-protocol request, whose members all are in the body."""
    if operation.input_shape is None:
        return {}
    try:
        return dict(_structure(operation.input_shape, _loads(body)))
    except _Unreadable as bad:
        raise AwsError(str(bad) or None, code="SerializationException", status=400) from bad


def _from_body(shape: Shape, body: bytes) -> dict[str, Any]:
    payload = shape.serialization.get("payload")
    if payload is None:
        members = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        if not members:
            return {}
        document = _loads(body)
        return {**_structure(shape, document, members), **_newer(document, members)}
    member = shape.members[payload]
    if member.type_name == "blob":
        return {payload: body} if body else {}
    return {payload: _value(member, _loads(body))} if body else {}


def _newer(document: Mapping[str, Any], members: Mapping[str, Shape]) -> dict[str, Any]:
    """What the region refuses by name although the service model at hand does not know it yet."""
    return {name: document[name] for name in function_rules.NOT_OFFERED.keys() - members.keys() if name in document}


def _loads(body: bytes) -> Any:
    if not body:
        return {}
    try:
        document = json.loads(body.decode(), parse_constant=no_constant)
        if _SURROGATE.search(body):
            json.dumps(document, ensure_ascii=False).encode()  # half of a pair could be kept, but never answered
    except (ValueError, RecursionError) as bad:
        raise _Unreadable(f"Could not parse request body into json: {complaint(bad, body)}") from bad
    return {} if document is None else document  # what is missing in it is told then, as for an empty body


def _located(name: str, member: Shape, match: Match, headers: Mapping[str, str]) -> Any:
    location, wire = member.serialization.get("location"), member.serialization.get("name", name)
    if location == "uri":
        return _text(member, match.path[wire])
    if location == "querystring":
        return _queried(member, match.query, wire)
    if location == "header":
        value = headers.get(wire.lower())
        return None if value is None else _text(member, value)
    if location == "headers":
        prefix = wire.lower()
        return {k[len(prefix) :]: v for k, v in headers.items() if k.startswith(prefix)} or None
    return None


def _queried(member: Shape, query: Mapping[str, list[str]], wire: str) -> Any:
    values = query.get(wire)
    if values is None:
        return None
    if member.type_name == "list":
        return [_text(member.member, value) for value in values]
    return _text(member, values[-1])


def _text(shape: Shape, text: str) -> Any:
    """A value from a path, a query or a header."""
    try:
        if shape.type_name in {"integer", "long"}:
            return _within(int(_plain(text)))
        if shape.type_name in {"float", "double"}:
            return float(_plain(text))
        if shape.type_name == "timestamp":
            return _moment(text)
    except ValueError as bad:
        raise _Unreadable(f"'{text}' can not be converted to an {shape.type_name.capitalize()}") from bad
    if shape.type_name == "boolean":
        return text.lower() == "true"
    return text


def _plain(text: str) -> str:
    """The text of a number, without what Python alone takes for one: `1_0`, and blanks around it."""
    if "_" in text or text != text.strip():
        raise ValueError(text)
    return text


def _within(number: int) -> int:
    if not -_LONG <= number < _LONG:
        raise ValueError(number)
    return number


def _structure(shape: Shape, document: Any, members: Mapping[str, Shape] | None = None) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _Unreadable("Start of structure or map found where not expected.")
    found = {}
    for name, member in (shape.members if members is None else members).items():
        value = document.get(member.serialization.get("name", name))
        if value is not None:
            found[name] = _value(member, value)
    return found


def _value(shape: Shape, value: Any) -> Any:
    reader = _READERS.get(shape.type_name)
    return value if reader is None else reader(shape, value)


def _list(shape: Shape, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _Unreadable("Expected list or null")
    return [None if item is None else _value(shape.member, item) for item in value]


def _map(shape: Shape, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Unreadable("Expected map or null")
    return {key: None if item is None else _value(shape.value, item) for key, item in value.items()}


def _string(_: Shape, value: Any) -> str:
    if isinstance(value, bool):
        raise _Unreadable(f"{str(value).lower()} can not be converted to a String")
    if isinstance(value, int | float):
        raise _Unreadable("NUMBER_VALUE can not be converted to a String")
    if not isinstance(value, str):
        raise _Unreadable("STRUCT_VALUE or LIST_VALUE can not be converted to a String")
    return value


def _integer(_: Shape, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LONG <= value < _LONG:
        kind = "STRING_VALUE" if isinstance(value, str) else "VALUE"
        raise _Unreadable(f"{kind} can not be converted to an Integer")
    return int(value)


def _number(_: Shape, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Unreadable("STRING_VALUE can not be converted to a Float")
    try:
        return float(value)
    except OverflowError as bad:
        raise _Unreadable("VALUE can not be converted to a Float") from bad


def _boolean(_: Shape, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unreadable("Unexpected token: a Boolean was expected")
    return value


def _blob(_: Shape, value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError) as bad:
        raise _Unreadable("Invalid base64-encoded blob") from bad


def _timestamp(_: Shape, value: Any) -> datetime:
    try:
        return _moment(value)
    except (ValueError, TypeError, OverflowError, OSError) as bad:
        raise _Unreadable(f"{value!r} can not be converted to a Date") from bad


def _moment(value: Any) -> datetime:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_READERS: Mapping[str, Callable[[Any, Any], Any]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "blob": _blob,
    "timestamp": _timestamp,
}
