"""Function URLs: their configuration by boto3, and the URL itself by a plain HTTP client."""

import base64
import http.client
import json
import re
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.api.conftest import ARN, refusal, zipped

pytestmark = pytest.mark.toolchains
ECHO = zipped({"app.py": "def handler(event, context):\n    return event\n"})


def fetch(url, path="", method="GET", body=None, **headers):
    """(status, headers by lower-case name, body) of one request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, parts.path + path, body, names)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


@pytest.fixture
def open_url(api, make):
    """A function's URL that anybody may call."""

    def create(code=ECHO, **more):
        name = make(code)
        url = api.create_function_url_config(FunctionName=name, AuthType="NONE", **more)["FunctionUrl"]
        grant = {"FunctionName": name, "Principal": "*"}
        api.add_permission(**grant, StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
        api.add_permission(**grant, StatementId="call", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
        return url

    return create


def test_the_event_has_payload_format_two(open_url):
    status, headers, body = fetch(
        open_url(), "a%20b/c?x=1&x=2&y=", "POST", b'{"k": 1}', Content_Type="application/json", Cookie="a=1; b=2"
    )
    event = json.loads(body)
    assert status == 200
    assert headers["content-type"] == "application/json"
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a b/c")
    assert event["rawQueryString"] == "x=1&x=2&y="
    assert event["queryStringParameters"] == {"x": "1,2", "y": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": 1}', False)
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["accountId"] == "anonymous"
    assert "authorizer" not in event["requestContext"]


TRACED = zipped(
    {"app.py": "import os\ndef handler(event, c): return [event['headers'], os.environ['_X_AMZN_TRACE_ID']]\n"}
)


def test_the_event_says_how_the_request_came(open_url):
    url = open_url(TRACED)
    headers, trace = json.loads(fetch(url)[2])
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-port"] == str(urlsplit(url).port)
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", headers["x-amzn-trace-id"])
    assert trace.startswith(f"{headers['x-amzn-trace-id']};Parent=")


def test_what_a_client_says_of_how_it_came_does_not_count_but_for_its_trace_and_a_proxys_list(open_url):
    said = {"X_Forwarded_Proto": "https", "X_Forwarded_Port": "443", "X_Forwarded_For": "203.0.113.9"}
    trace_id = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    url = open_url(TRACED)
    headers, trace = json.loads(fetch(url, **said, X_Amzn_Trace_Id=trace_id)[2])
    assert headers["x-forwarded-for"] == "203.0.113.9,127.0.0.1"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", str(urlsplit(url).port))
    assert (headers["x-amzn-trace-id"], trace) == (trace_id, trace_id)


def test_a_binary_body_comes_base64(open_url):
    event = json.loads(fetch(open_url(), method="POST", body=b"\xff\x00", Content_Type="image/png")[2])
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\xff\x00", True)


def test_a_result_with_a_status_code_is_an_http_answer(open_url):
    url = open_url(
        zipped(
            {
                "app.py": "def handler(event, context):\n"
                "    return {'statusCode': 418, 'headers': {'X-Tea': 'pot', 'Content-Type': 'text/plain'},\n"
                "            'cookies': ['a=b'], 'body': 'c2hvcnQ=', 'isBase64Encoded': True}\n"
            }
        )
    )
    status, headers, body = fetch(url)
    assert (status, body) == (418, b"short")
    assert (headers["x-tea"], headers["set-cookie"], headers["content-type"]) == ("pot", "a=b", "text/plain")


@pytest.mark.parametrize(("value", "body"), [("'text'", b"text"), ("{'a': [1]}", b'{"a":[1]}'), ("None", b"null")])
def test_any_other_result_is_the_body_of_a_200(open_url, value, body):
    status, headers, answered = fetch(open_url(zipped({"app.py": f"def handler(e, c): return {value}"})))
    assert (status, headers["content-type"], answered) == (200, "application/json", body)


@pytest.mark.parametrize("source", ["raise ValueError('x')", "return {'statusCode': 'teapot'}"])
def test_a_failure_is_a_bad_gateway(open_url, source):
    status, _, body = fetch(open_url(zipped({"app.py": f"def handler(e, c): {source}"})))
    assert (status, body) == (502, b"Internal Server Error")


def test_a_throttled_url_says_too_many_requests(api, open_url):
    url = open_url()
    name = max(f["FunctionName"] for f in api.list_functions()["Functions"])
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert fetch(url)[0] == 429


def test_a_url_without_permissions_is_forbidden_in_awss_words(api, make):
    url = api.create_function_url_config(FunctionName=make(ECHO), AuthType="NONE")["FunctionUrl"]
    status, headers, body = fetch(url)
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert json.loads(body)["Message"].startswith("Forbidden. For troubleshooting Function URL authorization issues")


def test_a_url_with_iam_wants_a_signature(lab, api, make):
    url = api.create_function_url_config(FunctionName=make(ECHO), AuthType="AWS_IAM")["FunctionUrl"]
    assert fetch(url)[0] == 403
    keys = lab.credentials
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(keys.access_key_id, keys.secret_access_key), "lambda", "us-east-1").add_auth(request)
    status, _, body = fetch(url, **{name.replace("-", "_"): value for name, value in request.headers.items()})
    assert status == 200
    event = json.loads(body)
    assert event["requestContext"]["accountId"] == "123456789012"
    assert event["requestContext"]["authorizer"]["iam"] == {
        "accessKey": keys.access_key_id,
        "accountId": "123456789012",
        "callerId": "123456789012",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": "arn:aws:iam::123456789012:root",
        "userId": "123456789012",
    }
    assert event["headers"]["x-forwarded-port"] == str(urlsplit(url).port)
    forged = {**request.headers, "Authorization": request.headers["Authorization"][:-4] + "0000"}
    assert fetch(url, **{name.replace("-", "_"): value for name, value in forged.items()})[0] == 403


def test_a_preflight_is_answered_without_the_function(open_url):
    url = open_url(
        zipped({"app.py": "raise RuntimeError"}), Cors={"AllowOrigins": ["https://a.example"], "AllowMethods": ["PUT"]}
    )
    status, headers, _ = fetch(url, method="OPTIONS", Origin="https://a.example", Access_Control_Request_Method="PUT")
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-allow-methods"] == "PUT"


def test_another_origin_gets_no_cors_headers(open_url):
    url = open_url(Cors={"AllowOrigins": ["https://a.example"]})
    assert "access-control-allow-origin" not in fetch(url, Origin="https://b.example")[1]
    assert fetch(url, Origin="https://a.example")[1]["access-control-allow-origin"] == "https://a.example"


ECHO_BACK = zipped(
    {"app.py": "import json, base64\ndef handler(event, c): return json.loads(base64.b64decode(event['body']))\n"}
)
"""Answers with the JSON that it is sent, which comes in base64 as nothing says that it is text."""


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 200, "headers": {"x": "a\r\nx-injected: yes"}},
        {"statusCode": 100},
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "cookies": 5},
        {"statusCode": 1e999},
    ],
    ids=repr,
)
def test_what_is_no_http_answer_is_a_bad_gateway(open_url, answer):
    status, headers, body = fetch(open_url(ECHO_BACK), method="POST", body=json.dumps(answer).encode())
    assert (status, body) == (502, b"Internal Server Error")
    assert "x-injected" not in headers


def test_one_connection_carries_answers_with_and_without_bodies(open_url):
    parts = urlsplit(open_url(ECHO_BACK))
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    for method, status, body in (("HEAD", 200, b""), ("GET", 204, b""), ("GET", 299, b"junk"), ("GET", 200, b"junk")):
        connection.request(method, parts.path, json.dumps({"statusCode": status, "body": "junk"}).encode())
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, body)
    connection.close()


def test_a_url_with_iam_wants_a_signature_for_lambda_in_this_region(lab, api, make):
    url = api.create_function_url_config(FunctionName=make(ECHO), AuthType="AWS_IAM")["FunctionUrl"]
    keys = Credentials(lab.credentials.access_key_id, lab.credentials.secret_access_key)
    seen = {}
    for scope in (("lambda", "us-east-1"), ("s3", "us-east-1"), ("lambda", "eu-west-1")):
        request = AWSRequest("GET", url)
        SigV4Auth(keys, *scope).add_auth(request)
        seen[scope] = fetch(url, **{name.replace("-", "_"): value for name, value in request.headers.items()})[0]
    assert list(seen.values()) == [200, 403, 403]


def test_the_function_and_the_url_do_not_both_speak_of_origins(open_url):
    url = open_url(ECHO_BACK, Cors={"AllowOrigins": ["https://a.example"]})
    own = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    headers = fetch(url, method="POST", body=json.dumps(own).encode(), Origin="https://a.example")[1]
    assert headers["access-control-allow-origin"] == "https://a.example"


def test_more_than_an_invocation_may_have_is_too_large_for_a_url(open_url):
    status, _, body = fetch(open_url(ECHO), method="POST", body=b"x" * 6_400_000, Content_Type="text/plain")
    assert (status, json.loads(body)["Message"]) == (
        413,
        "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    )


def test_an_aliass_url_calls_its_version(api, make, recode):
    name = make(zipped({"app.py": "def handler(e, c): return 'one'"}), Publish=True)
    recode(name, "'latest'")
    api.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    made = api.create_function_url_config(FunctionName=name, Qualifier="prod", AuthType="NONE")
    assert made["FunctionArn"] == f"{ARN}{name}:prod"
    grant = {"FunctionName": name, "Qualifier": "prod", "Principal": "*"}
    api.add_permission(**grant, StatementId="a", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    api.add_permission(**grant, StatementId="b", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    assert fetch(made["FunctionUrl"])[2] == b"one"


def test_the_configuration_lives_as_awss_does(api, make):
    name = make()
    of = {"FunctionName": name}
    assert refusal(api.get_function_url_config, **of)[2] == "The resource you requested does not exist."
    made = api.create_function_url_config(**of, AuthType="NONE")
    assert "InvokeMode" not in made
    assert refusal(api.create_function_url_config, **of, AuthType="NONE") == (
        409,
        "ResourceConflictException",
        f"Failed to create function url config for [functionArn = {ARN}{name}]. "
        "Error message:  FunctionUrlConfig exists for this Lambda function",
    )
    updated = api.update_function_url_config(**of, AuthType="AWS_IAM")
    assert (updated["FunctionUrl"], updated["AuthType"]) == (made["FunctionUrl"], "AWS_IAM")
    listed = api.list_function_url_configs(**of)["FunctionUrlConfigs"]
    assert [(url["FunctionUrl"], url["InvokeMode"]) for url in listed] == [(made["FunctionUrl"], "BUFFERED")]
    api.delete_function_url_config(**of)
    assert fetch(made["FunctionUrl"])[0] == 404
    assert refusal(api.create_function_url_config, FunctionName="nobody", AuthType="NONE")[2] == (
        "Function does not exist"
    )
