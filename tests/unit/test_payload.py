"""The answer of an invocation: parsed where it is JSON that Python can read, else its text."""

import base64
import json

import pytest

from lambdalab.client import invocation
from lambdalab.client.wire import Response


def answered(body, **headers):
    return invocation.read("hello", None, Response(200, headers, body), None)


@pytest.mark.parametrize(
    ("body", "payload"),
    [(b'{"a": [1]}', {"a": [1]}), (b"hello", "hello"), (b"\xff", "\ufffd"), (b"1" * 5000, "1" * 5000)],
)
def test_what_is_no_json_that_python_reads_is_text(body, payload):
    assert answered(body).payload == payload


def test_an_answer_nested_deeper_than_python_reads_is_text_and_shows_itself():
    body = b"[" * 200_000 + b"]" * 200_000
    log = base64.b64encode(b"a line\n").decode()
    result = answered(body, **{"x-amz-log-result": log})
    assert result.payload == body.decode()
    assert "[[[[" in result._repr_html_()
    failed = answered(body, **{"x-amz-function-error": "Unhandled"})
    assert failed.error is not None
    assert (failed.error.type, failed.payload) == ("Unhandled", body.decode())


def test_its_json_is_read_whole():
    nested = json.loads("[" * 200 + "]" * 200)
    assert answered(json.dumps(nested).encode()).payload == nested
