"""The wire itself: any request gets an answer in AWS's form, and the short way of Invoke is the long way."""

import http.client
import json
from urllib.parse import quote, urlsplit

import botocore.session
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lambdalab.api.families  # noqa: F401 - they register their operations
from lambdalab.api import parsing
from lambdalab.api.gateway import _invoke_call
from lambdalab.api.http import HttpRequest
from lambdalab.api.operations import OPERATIONS
from lambdalab.api.service_model import operation_model, router
from lambdalab.api.signature import Identity
from lambdalab.client.keys import Credentials as ClientKeys
from lambdalab.client.signing import sign
from lambdalab.client.wire import Wire
from lambdalab.errors import AwsError
from lambdalab.sources import child

MODEL = botocore.session.get_session().get_service_model("lambda")
ANY = st.characters(exclude_categories=())
"""Any character, and halves of surrogate pairs, which st.text leaves out."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(ANY, max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
OFFERED = sorted(name for service, name in OPERATIONS if service == "lambda")
NAMES = st.sampled_from(
    ["f", "nobody", "arn:aws:lambda:us-east-1:123456789012:function:f", "f:1", "f:$LATEST"]
) | st.text(min_size=1, max_size=30)


def call(lab, method, path, **more):
    """A signed request of any kind to the lab's region."""
    keys = ClientKeys(lab.credentials.access_key_id, lab.credentials.secret_access_key)
    return Wire(lab.endpoint, keys, "us-east-1").call(method, path, **more)


def members(operation):
    """JSON that has the operation's own member names, with values of the right and of the wrong kinds."""
    names = sorted(MODEL.operation_model(operation).input_shape.members)
    return st.dictionaries(st.sampled_from(names), JSON, max_size=6) | JSON


def target(operation, name):
    """The path of a request with `name` in every place, and the query that the path asks for."""
    path, _, query = MODEL.operation_model(operation).http["requestUri"].partition("?")
    for member in MODEL.operation_model(operation).input_shape.members:
        path = path.replace(f"{{{member}}}", quote(name, safe="")).replace(f"{{{member}+}}", quote(name, safe=""))
    return path, dict(pair.partition("=")[::2] for pair in query.split("&")) if query else {}


def queries(operation):
    """Values for the members that stand in the query."""
    shapes = MODEL.operation_model(operation).input_shape.members.values()
    names = [s.serialization["name"] for s in shapes if s.serialization.get("location") == "querystring"]
    values = st.sampled_from(["1", "0", "-1", "x", "$LATEST", "ALL", ""]) | st.text(max_size=10)
    return st.dictionaries(st.sampled_from(names), values, max_size=3) if names else st.just({})


@pytest.mark.parametrize("operation", [name for name in OFFERED if name != "GetAccountSettings"])  # it takes nothing
def test_any_json_gets_an_answer_and_never_a_failure_of_ours(lab, operation):
    lab["f"].deploy("def handler(event, context): return event\n")
    model = MODEL.operation_model(operation)

    @settings(max_examples=40, deadline=None)
    @given(name=NAMES, document=members(operation), query=queries(operation))
    def check(name, document, query):
        path, asked = target(operation, name)
        try:
            call(lab, model.http["method"], path, query={**query, **asked}, body=json.dumps(document).encode())
        except AwsError as refused:
            assert refused.http_status < 500 or refused.error_code == "InvalidRuntimeException", (
                refused.error_code,
                refused,
            )

    check()


@pytest.mark.parametrize(
    "text",
    [
        rb'"\ud800"',
        rb'"\uDFFF\ud800"',
        b'"\xed\xa0\x80"',
        b'"\xff"',
        '"x"'.encode("utf-16"),
        b"NaN",
        b"-Infinity",
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_what_is_no_json_is_refused_and_nothing_of_it_is_kept(lab, text):
    lab["f"].deploy("def handler(event, context): return event\n")
    with pytest.raises(AwsError, match="Could not parse request body into json: ") as refused:
        call(lab, "PUT", "/2015-03-31/functions/f/configuration", body=b'{"Description":' + text + b"}")
    assert (refused.value.error_code, refused.value.http_status) == ("SerializationException", 400)
    assert [function.get("Description") for function in lab.functions()] == [""]


def test_a_pair_of_surrogates_is_a_character_like_any_other(lab):
    lab["f"].deploy("def handler(event, context): return event\n")
    for text in (rb'"\ud83d\ude00"', '"\N{GRINNING FACE}"'.encode()):
        call(lab, "PUT", "/2015-03-31/functions/f/configuration", body=b'{"Description":' + text + b"}")
        assert [function["Description"] for function in lab.functions()] == ["\N{GRINNING FACE}"]
        call(lab, "PUT", "/2015-03-31/functions/f/configuration", body=b'{"Description":""}')


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/2018-10-31/layers/l/versions/{2**63}", b""),
        ("DELETE", f"/2018-10-31/layers/l/versions/{2**63}", b""),
        ("PUT", "/2015-03-31/functions/f/configuration", b'{"MemorySize": %d}' % 2**63),
        (
            "POST",
            "/2015-03-31/functions/f/aliases",
            b'{"Name": "a", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 1%s}}}'
            % (b"0" * 400),
        ),
    ],
)
def test_a_number_beyond_awss_own_is_refused(lab, method, path, body):
    lab["f"].deploy("def handler(event, context): return event\n")
    with pytest.raises(AwsError, match=r"can not be converted to an? ") as refused:
        call(lab, method, path, body=body)
    assert (refused.value.error_code, refused.value.http_status) == ("SerializationException", 400)


@pytest.mark.parametrize("number", ["1_0", " 10", "10 ", "ten", ""])
def test_what_python_alone_takes_for_a_number_is_refused(lab, number):
    with pytest.raises(AwsError, match="can not be converted to an Integer") as refused:
        call(lab, "GET", "/2015-03-31/functions", query={"MaxItems": number})
    assert (refused.value.error_code, refused.value.http_status) == ("SerializationException", 400)


@pytest.mark.parametrize("operation", sorted(set(MODEL.operation_names) - set(OFFERED)))
def test_every_other_operation_answers_that_it_is_not_offered(lab, operation):
    http_trait = MODEL.operation_model(operation).http
    path, asked = target(operation, "1")
    with pytest.raises(AwsError) as refused:
        call(lab, http_trait["method"], path, query=asked, body=b"{}")
    assert refused.value.error_code == "NotImplementedException"
    assert refused.value.http_status == 501
    assert f"operation {operation} is not offered" in str(refused.value)


@given(
    name=st.from_regex(r"\A[a-zA-Z0-9-_]{1,64}\Z"),
    headers=st.dictionaries(
        st.sampled_from(["X-Amz-Invocation-Type", "X-Amz-Log-Type", "X-Amz-Client-Context", "X-Other"]),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=10),
    ),
    body=st.binary(max_size=20),
)
def test_the_short_way_of_invoke_reads_what_the_long_way_reads(name, headers, body):
    raw = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    path = f"/2015-03-31/functions/{name}/invocations"
    request = HttpRequest("POST", path.encode(), raw, body)
    short = _invoke_call(name, request, Identity("key", "123456789012", "lambda", "us-east-1"), "id")
    decoded = {key.decode(): value.decode() for key, value in raw}
    long = parsing.parse(operation_model("lambda", "Invoke"), router("lambda").match("POST", path, ""), decoded, body)
    assert short.params == long


def raw_request(lab, data):
    """The status and body that bytes of any kind get."""
    where = urlsplit(lab.endpoint)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    connection.connect()
    connection.sock.sendall(data)
    answer = http.client.HTTPResponse(connection.sock)
    answer.begin()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_what_is_not_signed_is_refused_with_awss_error(lab):
    status, body = raw_request(lab, b"GET /2015-03-31/functions HTTP/1.1\r\nHost: x\r\n\r\n")
    assert status == 403
    assert json.loads(body)["message"] == "Missing Authentication Token"


@pytest.mark.parametrize(
    "data", [b"\0\1\2\3\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"]
)
def test_what_is_not_http_gets_400_and_the_region_lives_on(lab, data):
    assert raw_request(lab, data)[0] == 400
    assert lab.functions() is not None


@pytest.mark.parametrize("body", [b"", b'{"a": 1}'], ids=["no body", "a body"])
def test_the_offer_of_another_protocol_is_ignored(lab, body):
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
    head = b"POST /2015-03-31/functions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n" % (len(body), offer)
    status, answer = raw_request(lab, head + body)
    assert (status, json.loads(answer)["message"]) == (403, "Missing Authentication Token")


def test_a_path_that_names_no_operation_is_said(lab):
    with pytest.raises(AwsError) as refused:
        call(lab, "GET", "/2015-03-31/nonsense")
    assert (refused.value.http_status, refused.value.error_code) == (404, "UnknownOperationException")


def test_the_older_path_with_a_slash_lists_the_functions(lab):
    assert "Functions" in json.loads(call(lab, "GET", "/2015-03-31/functions/").body)


@pytest.mark.skipif(not child.installed(), reason="the extra 'aws' is not installed")
@pytest.mark.parametrize("path", ["/2015-03-31/functions", "/2016-08-19/account-settings", "/2018-10-31/layers"])
def test_a_signature_for_another_service_does_not_reach_any_lambda(lab, path):
    with pytest.raises(AwsError, match="signed for it") as refused:
        call(lab, "GET", path, service="nosuchservice")
    assert (refused.value.http_status, refused.value.error_code) == (403, "InvalidSignatureException")


def test_a_body_that_is_null_is_an_empty_one(lab):
    told = []
    for body in (b"null", b"{}", b""):
        with pytest.raises(AwsError) as refused:
            call(lab, "POST", "/2015-03-31/functions", body=body)
        told.append((refused.value.error_code, refused.value.http_status, str(refused.value)))
    assert told[0] == told[1] == told[2]
    assert told[0][:2] == ("ValidationException", 400)
    assert "Value null at 'functionName' failed to satisfy constraint: Member must not be null" in told[0][2]


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/2015-03-31/functions/"), ("PATCH", "/2015-03-31/functions/"), ("POST", "/2015-03-31/foo")],
)
def test_lambdas_answers_are_json_also_to_what_says_it_is_a_form(lab, method, path, signed):
    """`curl -d` says so of everything."""
    found = lab._session.region()
    host = found.endpoint.partition("://")[2]
    headers = sign(found.credentials, found.region, "lambda", method, host, path, {}, b"{}") if signed else {}
    connection = http.client.HTTPConnection(host)
    connection.request(method, path, b"{}", {**headers, "Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    assert answer.getheader("content-type") == "application/json"
    assert answer.status == (404 if signed else 403)
    assert "message" in {name.lower() for name in document}
