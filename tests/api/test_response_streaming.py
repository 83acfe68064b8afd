"""Responses in pieces: InvokeWithResponseStream and function URLs in RESPONSE_STREAM mode, by boto3 and a browser's eyes."""

import http.client
import json
import re
import shutil
import socket
import threading
import time
from decimal import Decimal

import pytest

from lambdalab.errors import LabError, ResourceNotFound

pytestmark = pytest.mark.skipif(shutil.which("python3", path="/usr/bin") is None, reason="no /usr/bin/python3")
# A runtime client that answers in pieces: how many, whether it waits for a file between them, and how it ends.
STREAMER = """#!/usr/bin/python3
import base64, http.client, json, os, time
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
calls = 0
while True:
    runtime.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = runtime.getresponse()
    event, request_id = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(event["body"]) if "rawPath" in event else event
    runtime.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
    for name, value in (("Lambda-Runtime-Function-Response-Mode", "streaming"), ("Transfer-Encoding", "chunked"),
                        ("Content-Type", event.get("type", "text/plain"))):
        runtime.putheader(name, value)
    runtime.endheaders()
    for piece in event["pieces"]:
        data = piece["text"].encode() * piece.get("times", 1)
        runtime.send(b"%x\\r\\n%b\\r\\n" % (len(data), data))
        time.sleep(piece.get("then", 0))
    trailers = b""
    if "error" in event:
        document = base64.b64encode(json.dumps(event["error"]).encode()).decode()
        trailers = (f"Lambda-Runtime-Function-Error-Type: {event['error']['errorType']}\\r\\n"
                    f"Lambda-Runtime-Function-Error-Body: {document}\\r\\n").encode()
    runtime.send(b"0\\r\\n" + trailers + b"\\r\\n")
    runtime.getresponse().read()
"""
SIX = {"pieces": [{"text": "x" * 1024, "times": 1024}] * 6}
TWO = {"pieces": [{"text": "first ", "then": 0.3}, {"text": "second"}]}
PRELUDE = json.dumps({"statusCode": 201, "headers": {"X-Kind": "a"}, "cookies": ["c=1"]}) + "\0" * 8


@pytest.fixture(scope="module")
def streamer(lab):
    lab["streamer"].deploy(STREAMER, runtime="provided.al2023", timeout=2, memory=512)
    lab["streamer"].invoke({"pieces": []})
    return lab.client()


def stream(client, event, **more):
    return list(
        client.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps(event), **more)["EventStream"]
    )


def test_the_pieces_come_as_they_are_made(streamer, lab):
    """The second piece is 0.3 s behind the first: the first is there while the function still runs."""
    answer = streamer.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps(TWO))
    events = iter(answer["EventStream"])
    assert next(events) == {"PayloadChunk": {"Payload": b"first "}}
    request = answer["ResponseMetadata"]["RequestId"]
    found = lab.client("logs").filter_log_events(logGroupName="/aws/lambda/streamer")["events"]
    said = [one["message"] for one in found if request in one["message"]]
    assert [line.split()[0] for line in said] == ["START"]
    assert list(events) == [{"PayloadChunk": {"Payload": b"second"}}, {"InvokeComplete": {}}]


def test_the_head_says_version_and_kind(streamer):
    answer = streamer.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps(TWO))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    list(answer["EventStream"])


def test_an_error_behind_the_pieces_is_in_the_completion(streamer):
    error = {"errorType": "Mine", "errorMessage": "half way"}
    *pieces, last = stream(streamer, {**TWO, "error": error})
    assert len(pieces) == 2
    assert last["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(last["InvokeComplete"]["ErrorDetails"]) == error


def test_a_timeout_ends_the_stream_with_awss_text(streamer):
    *pieces, last = stream(streamer, {"pieces": [{"text": "a", "then": 5}]})
    assert pieces == [{"PayloadChunk": {"Payload": b"a"}}]
    assert "Task timed out after 2.00 seconds" in last["InvokeComplete"]["ErrorDetails"]


def test_the_log_comes_with_the_completion(streamer):
    *_, last = stream(streamer, TWO, LogType="Tail")
    assert last["InvokeComplete"]["LogResult"]


def test_who_does_not_ask_for_a_stream_gets_the_pieces_together(streamer, lab):
    assert lab["streamer"].invoke(TWO).raw == b"first second"
    failed = lab["streamer"].invoke({**TWO, "error": {"errorType": "Mine", "errorMessage": "m"}})
    assert failed.error.type == "Mine"


def test_more_than_six_megabytes_stream_but_are_not_buffered(streamer, lab):
    large = {"pieces": [{"text": "x" * 1024, "times": 1024}] * 7}
    assert sum(len(e["PayloadChunk"]["Payload"]) for e in stream(streamer, large)[:-1]) == 7 << 20
    assert lab["streamer"].invoke(large).error.type == "Function.ResponseSizeTooLarge"


def test_beyond_six_megabytes_the_bandwidth_holds_the_function_up_and_the_record_says_so(streamer, lab):
    """512 KiB beyond the burst, at 2 MiB a second: a quarter of a second."""
    made = lab["streamer"].stream({"pieces": [{"text": "x" * 1024, "times": 512}] * 13})
    assert sum(map(len, made)) == 6656 << 10
    record = made.invocation.record
    assert record.streamed_bytes == 6656 << 10
    assert record.duration_ms >= 250
    assert 0 < record.held_ms <= record.duration_ms
    assert made.invocation.cost.streamed == Decimal("0.008") / 2048
    assert " per million ($3.91 of it for what was streamed beyond 6 MB): xxx" in repr(made.invocation)


def test_a_timeout_holds_while_the_bandwidth_holds_the_function_up(streamer, lab):
    *pieces, last = stream(streamer, {"pieces": [{"text": "x" * 1024, "times": 1024}] * 20})
    assert "Task timed out after 2.00 seconds" in last["InvokeComplete"]["ErrorDetails"]
    assert 0 < sum(len(e["PayloadChunk"]["Payload"]) for e in pieces) < 12 << 20
    assert lab["streamer"].invoke({"pieces": [{"text": "well"}]}).raw == b"well"


def test_a_handler_that_answers_whole_is_one_piece(lab):
    lab["whole"].deploy("def handler(event, context):\n    return {'a': event['n']}\n")
    *pieces, last = lab.client().invoke_with_response_stream(FunctionName="whole", Payload=b'{"n": 1}')["EventStream"]
    assert pieces == [{"PayloadChunk": {"Payload": b'{"a": 1}'}}]
    assert last == {"InvokeComplete": {}}


def test_what_cannot_start_is_refused_before_the_stream(lab):
    with pytest.raises(lab.client().exceptions.ResourceNotFoundException):
        lab.client().invoke_with_response_stream(FunctionName="nowhere")


def test_a_client_that_goes_away_leaves_the_region_and_the_function_well(streamer, lab):
    answer = streamer.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps(TWO))
    answer["EventStream"].close()
    assert lab["streamer"].invoke({"pieces": [{"text": "well"}]}).raw == b"well"


def test_the_client_gives_the_pieces_and_then_the_invocation(streamer, lab):
    made = lab["streamer"].stream(TWO)
    with pytest.raises(LabError, match="has not ended"):
        _ = made.invocation
    assert list(made) == [b"first ", b"second"]
    found = made.invocation
    assert found.ok and found.raw == b"first second"
    assert found.record.streamed_bytes == len(found.raw)
    assert "REPORT RequestId: " in found.log


def test_a_streams_failure_is_the_invocations_error(streamer, lab):
    made = lab["streamer"].stream({**TWO, "error": {"errorType": "Mine", "errorMessage": "m"}})
    assert list(made) == [b"first ", b"second"]
    assert (made.invocation.error.type, made.invocation.error.message) == ("Mine", "m")


def test_a_streams_refusal_is_raised_at_once(lab):
    with pytest.raises(ResourceNotFound):
        lab["nowhere"].stream({})


@pytest.fixture(scope="module")
def url(streamer):
    made = streamer.create_function_url_config(FunctionName="streamer", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    public = {"FunctionName": "streamer", "Principal": "*"}
    streamer.add_permission(**public, StatementId="u", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE")
    streamer.add_permission(**public, StatementId="f", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True)
    return made["FunctionUrl"]


def post(url, event, buffer=0):
    """The answer of a function's URL, on a connection of its own; this end keeps `buffer` bytes that are not read."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    if buffer:
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        connection.sock.connect((connection.host, connection.port))
    connection.request("POST", f"/{path}", json.dumps(event), {"content-type": "application/json"})
    return connection.getresponse()


def report(lab, answer):
    """The REPORT line of the call behind an answer, once it is there."""
    wanted = f"REPORT RequestId: {answer.headers['x-amzn-requestid']}\t"
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for event in lab.client("logs").filter_log_events(logGroupName="/aws/lambda/streamer")["events"]:
            if event["message"].startswith(wanted):
                return event["message"]
    raise AssertionError("there is no REPORT")


def test_a_caller_who_reads_slowly_holds_the_function_up(url, lab):
    """Six megabytes go as fast as they are read: the region keeps one of them, the machine's buffers some more."""
    answer = post(url, SIX, buffer=1 << 16)
    assert len(answer.read(1 << 16)) == 1 << 16
    time.sleep(0.7)
    assert len(answer.read()) == (6 << 20) - (1 << 16)
    assert float(re.search(r"\tDuration: ([\d.]+) ms", report(lab, answer))[1]) >= 600


def test_what_is_no_prelude_is_refused_and_the_rest_of_it_holds_nobody_up(url, lab):
    answer = post(url, {**SIX, "type": "application/vnd.awslambda.http-integration-response"})
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")
    assert "Status: " not in report(lab, answer)


def test_a_url_streams_and_the_handler_may_set_status_headers_and_cookies(url):
    pieces = [{"text": PRELUDE + "one ", "then": 0.1}, {"text": "two"}]
    answer = post(url, {"type": "application/vnd.awslambda.http-integration-response", "pieces": pieces})
    assert answer.status == 201
    assert (answer.headers["x-kind"], answer.headers["set-cookie"]) == ("a", "c=1")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.read() == b"one two"


def test_a_prelude_may_come_in_pieces_of_its_own(url):
    pieces = [{"text": PRELUDE[:20], "then": 0.05}, {"text": PRELUDE[20:-4]}, {"text": PRELUDE[-4:] + "body"}]
    answer = post(url, {"type": "application/vnd.awslambda.http-integration-response", "pieces": pieces})
    assert (answer.status, answer.read()) == (201, b"body")


def test_a_url_without_a_prelude_answers_200_with_the_runtimes_content_type(url):
    answer = post(url, TWO)
    assert (answer.status, answer.headers["content-type"], answer.read()) == (200, "text/plain", b"first second")


def test_a_function_that_fails_before_its_first_piece_is_a_bad_gateway(url):
    answer = post(url, {"pieces": [], "error": {"errorType": "Mine", "errorMessage": "m"}})
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")


def test_many_streams_at_once_do_not_mix(streamer):
    found = {}

    def ask(number):
        pieces = [{"text": f"{number} ", "then": 0.02}] * 5
        answer = streamer.invoke_with_response_stream(FunctionName="streamer", Payload=json.dumps({"pieces": pieces}))
        found[number] = b"".join(e["PayloadChunk"]["Payload"] for e in answer["EventStream"] if "PayloadChunk" in e)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: f"{number} ".encode() * 5 for number in range(6)}
