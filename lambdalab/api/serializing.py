"""From an operation's output, or its error, to an HTTP answer, as the service's model says."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from botocore.model import OperationModel, Shape

from lambdalab.api.http import HttpResponse
from lambdalab.api.operations import Answer
from lambdalab.errors import AwsError

_JSON = (b"content-type", b"application/json")
_JSON_11 = (b"content-type", b"application/x-amz-json-1.1")


def serialize(operation: OperationModel, answer: Mapping[str, Any] | Answer, request_id: str) -> HttpResponse:
    """The answer of a REST-JSON operation: header members as headers, a payload member as the body, the rest JSON."""
    if not isinstance(answer, Answer):
        answer = Answer(answer)
    headers = [(b"x-amzn-requestid", request_id.encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    status, shape = answer.status or operation.http.get("responseCode", 200), operation.output_shape
    if shape is None:
        return HttpResponse(status, headers)
    outside = _outside_the_body(shape)
    for name, value in answer.output.items():
        header = outside.get(name)
        if header is None or value is None:
            continue
        if header:
            headers.append((header, str(value).encode("utf-8")))
        else:
            status = value
    if answer.stream is not None:
        return HttpResponse(status, headers, stream=answer.stream)
    return HttpResponse(status, [*headers, _JSON], b"" if status == 204 else _body(shape, answer.output))


def serialize_json(operation: OperationModel, answer: Mapping[str, Any] | Answer, request_id: str) -> HttpResponse:
    """The answer of a JSON-protocol operation: everything in the body."""
    output = answer.output if isinstance(answer, Answer) else answer
    shape = operation.output_shape
    body = json.dumps(_value(shape, output) if shape is not None else {}).encode()
    return HttpResponse(200, [(b"x-amzn-requestid", request_id.encode()), _JSON_11], body)


def serialize_own(answer: Mapping[str, Any] | Answer, request_id: str) -> HttpResponse:
    """The answer of one of the lab's own routes: JSON, or the bytes under "Body"."""
    output = answer.output if isinstance(answer, Answer) else answer
    headers = [(b"x-amzn-requestid", request_id.encode())]
    if isinstance(output.get("Body"), bytes):
        return HttpResponse(200, [*headers, (b"content-type", b"application/zip")], output["Body"])
    return HttpResponse(200, [*headers, _JSON], json.dumps(output).encode())


def serialize_error(error: AwsError, request_id: str, *, rest: bool = True) -> HttpResponse:
    """AWS's error document: the code in a header (REST) or in the body (JSON protocol), the text under its key."""
    headers = [(b"x-amzn-requestid", request_id.encode()), (b"x-amzn-errortype", error.error_code.encode())]
    document: dict[str, Any] = dict(error.extra)
    if rest and error.fault is not None:
        document["Type"] = error.fault
    if not rest:
        document["__type"] = error.error_code
    document[error.message_key if rest else "message"] = error.message
    return HttpResponse(error.http_status, [*headers, _JSON if rest else _JSON_11], json.dumps(document).encode())


@cache
def _outside_the_body(shape: Shape) -> Mapping[str, bytes]:
    """The members that are headers, by the headers' names; the one that is the status has an empty one."""
    found = {}
    for name, member in shape.members.items():
        location = member.serialization.get("location")
        if location == "header":
            found[name] = member.serialization["name"].lower().encode()
        elif location == "statusCode":
            found[name] = b""
    return found


def _body(shape: Shape, output: Mapping[str, Any]) -> bytes:
    payload = shape.serialization.get("payload")
    if payload is None:
        members = {n: m for n, m in shape.members.items() if "location" not in m.serialization}
        return (
            json.dumps(_structure(members, output), separators=(",", ":"), ensure_ascii=False).encode()
            if members
            else b""
        )
    value, member = output.get(payload), shape.members[payload]
    if value is None:
        return b""
    if member.type_name == "blob":
        return bytes(value)
    return json.dumps(_value(member, value), separators=(",", ":")).encode()


def _structure(members: Mapping[str, Shape], value: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, item in value.items():
        member = members.get(name)
        if member is not None and item is not None:
            found[member.serialization.get("name", name)] = _value(member, item)
    return found


def _value(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape.members, value)
    if kind == "list":
        return [_value(shape.member, item) for item in value]
    if kind == "map":
        return {key: _value(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp" and isinstance(value, datetime):
        return value.timestamp()
    return value
