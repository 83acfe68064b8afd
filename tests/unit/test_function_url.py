"""From a handler's result to an HTTP answer: any result is an answer or a bad gateway, never a failure of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdalab.api.http import HttpResponse
from lambdalab.model.function_url import UrlRequest, UrlResponse, content_type, response, streamed_head, with_cors

ANY = st.characters(exclude_categories=())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ANY, max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(ANY, max_size=8), inner, max_size=3),
    max_leaves=6,
)
ANSWERS = st.fixed_dictionaries(
    {"statusCode": st.integers(90, 610) | st.sampled_from(["200", "404", 200.0]) | JSON},
    optional={
        "headers": st.dictionaries(st.text(ANY, max_size=8), JSON, max_size=3) | JSON,
        "cookies": st.lists(JSON, max_size=2) | JSON,
        "body": JSON,
        "isBase64Encoded": st.booleans(),
    },
)


def written(answer):
    """The answer as it goes over the wire."""
    headers = [(name.encode("latin-1"), value.encode()) for name, value in answer.headers]
    return HttpResponse(answer.status, headers, answer.body).encode()


@given(value=JSON | ANSWERS)
def test_any_result_is_an_answer_that_can_be_written_or_a_bad_gateway(value):
    answer = response(json.dumps(value).encode())
    if answer is not None:
        assert 200 <= answer.status <= 599
        assert written(answer).startswith(b"HTTP/1.1 ")


@given(value=JSON | ANSWERS)
def test_so_is_any_head_of_a_streamed_answer(value):
    answer = streamed_head(json.dumps(value).encode())
    if answer is not None:
        assert 200 <= answer.status <= 599
        assert written(answer).startswith(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "value",
    [
        {"statusCode": 100},
        {"statusCode": 101},
        {"statusCode": 600},
        {"statusCode": True},
        {"statusCode": 200.5},
        {"statusCode": float("inf")},
        {"statusCode": 10**400},
        {"statusCode": None},
        {"statusCode": [200]},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "headers": "abc"},
        {"statusCode": 200, "headers": {"a": ["1", "2"]}},
        {"statusCode": 200, "headers": {"a": None}},
        {"statusCode": 200, "headers": {"a": "1\r\nx-injected: yes"}},
        {"statusCode": 200, "headers": {"a\r\nx-injected": "yes"}},
        {"statusCode": 200, "headers": {"": "a"}},
        {"statusCode": 200, "headers": {"\N{SNOWMAN}": "a"}},
        {"statusCode": 200, "cookies": 5},
        {"statusCode": 200, "cookies": "a=b"},
        {"statusCode": 200, "cookies": ["a=b\r\nx-injected: yes"]},
        {"statusCode": 200, "body": "!!!", "isBase64Encoded": True},
    ],
    ids=repr,
)
def test_a_malformed_answer_is_a_bad_gateway(value):
    assert response(json.dumps(value).encode()) is None
    if "body" not in value:
        assert streamed_head(json.dumps(value).encode()) is None


@pytest.mark.parametrize("result", [b"not json", b"", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_a_bad_gateway(result):
    assert response(result) is None
    assert streamed_head(result) is None


@pytest.mark.parametrize(("stated", "status"), [(299, 299), ("404", 404), (200.0, 200), (599, 599)])
def test_a_status_may_be_a_number_or_its_digits(stated, status):
    assert response(json.dumps({"statusCode": stated}).encode()) == UrlResponse(
        status, [("content-type", "application/json")], b""
    )


def test_half_of_a_pair_in_a_body_is_replaced():
    assert response(b'{"statusCode": 200, "body": "a\\ud800"}').body == b"a?"
    assert response(b'"a\\ud800"').body == b"a?"


def test_a_streamed_answers_own_content_type_stands_if_it_can():
    assert content_type("text/html") == [("content-type", "text/html")]
    assert content_type("a\r\nx: y") == [("content-type", "application/octet-stream")]


def test_the_urls_cors_settings_take_the_place_of_the_functions_own():
    asked = UrlRequest("GET", "/", "", [("origin", "https://a.example")], b"")
    own = [("access-control-allow-origin", "*"), ("x", "y")]
    assert with_cors(own, asked, {}) == own
    assert with_cors(own, asked, {"AllowOrigins": ["https://a.example"]}) == [
        ("x", "y"),
        ("access-control-allow-origin", "https://a.example"),
        ("vary", "Origin"),
    ]
    assert with_cors(own, asked, {"AllowOrigins": ["https://b.example"]}) == [("x", "y")]
