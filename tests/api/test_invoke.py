"""Invoke through real boto3: results, failures and limits, in AWS's words."""

import base64
import io
import json
import re
import sys
import zipfile
from dataclasses import FrozenInstanceError

import pytest
from botocore.exceptions import ClientError

from lambdalab import Lab
from lambdalab.errors import BadEvent

ROLE = "arn:aws:iam::123456789012:role/lambda-role"
RUNTIME = "python3.12"

pytestmark = pytest.mark.toolchains


def zipped(**files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return out.getvalue()


@pytest.fixture
def api(lab):
    return lab.client("lambda")


@pytest.fixture
def deploy(api):
    made = []

    def create(source, *, runtime=RUNTIME, handler="app.handler", timeout=3, memory=128, **more):
        name = f"f{len(made)}-{abs(hash(source)) % 10**8}"
        api.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": zipped(app=source)},
            Timeout=timeout,
            MemorySize=memory,
            **more,
        )
        api.get_waiter("function_active_v2").wait(FunctionName=name)
        made.append(name)
        return name

    yield create
    for name in made:
        api.delete_function(FunctionName=name)


def call(api, name, event=None, **more):
    answer = api.invoke(FunctionName=name, LogType="Tail", Payload=json.dumps(event), **more)
    log = base64.b64decode(answer["LogResult"]).decode()
    return answer, json.loads(answer["Payload"].read()), log


def test_the_result_is_the_handlers(api, deploy):
    answer, result, _ = call(api, deploy("def handler(e, c): return {'got': e}"), {"a": [1, None, "ü"]})
    assert result == {"got": {"a": [1, None, "ü"]}}
    assert "FunctionError" not in answer


def test_no_payload_is_an_empty_event_and_no_return_is_null(api, deploy):
    answer = api.invoke(FunctionName=deploy("def handler(e, c):\n    assert e == {}"))
    assert answer["Payload"].read() == b"null"


def test_the_first_call_is_cold_and_the_second_warm(api, deploy):
    name = deploy("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n")
    (_, first, cold), (_, second, warm) = call(api, name), call(api, name)
    assert (first, second) == (1, 2)
    assert "Init Duration" in cold
    assert "Init Duration" not in warm


def test_the_request_id_is_the_functions(api, deploy):
    answer, result, log = call(api, deploy("def handler(e, c): return c.aws_request_id"))
    assert answer["ResponseMetadata"]["RequestId"] == result
    assert f"START RequestId: {result} Version: $LATEST" in log


def test_a_handlers_exception_comes_with_its_stack(api, deploy):
    source = "def handler(e, c):\n    return total(e)\ndef total(e):\n    return e['price']\n"
    answer, result, log = call(api, deploy(source), {})
    assert answer["FunctionError"] == "Unhandled"
    assert result["errorType"] == "KeyError"
    assert result["errorMessage"] == "'price'"
    assert result["stackTrace"][-1] == "  File \"/var/task/app.py\", line 4, in total\n    return e['price']\n"
    assert "[ERROR] KeyError: 'price'\rTraceback (most recent call last):" in log


def test_a_timeout_says_so_and_ends_the_environment(api, deploy):
    name = deploy("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    while e: pass\n    return n", timeout=1)
    answer, result, log = call(api, name, {"hang": True})
    request = answer["ResponseMetadata"]["RequestId"]
    assert result == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {request} Error: Task timed out after 1.00 seconds",
    }
    assert f"{request} Task timed out after 1.00 seconds" in log
    assert "Status: timeout" in log
    assert call(api, name, {})[1] == 1


def test_too_much_memory_is_stopped_with_aws_error(api, deploy):
    name = deploy("def handler(e, c):\n    x = bytearray(400 * 1024 * 1024)\n    return len(x)", timeout=20)
    answer, result, log = call(api, name)
    request = answer["ResponseMetadata"]["RequestId"]
    assert result["errorType"] == "Runtime.OutOfMemory"
    assert result["errorMessage"] == f"RequestId: {request} Error: Runtime exited with error: signal: killed"
    assert "Memory Size: 128 MB\tMax Memory Used: 128 MB" in log
    assert "Status: error\tError Type: Runtime.OutOfMemory" in log


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("import os\ndef handler(e, c): os._exit(3)", "Runtime exited with error: exit status 3"),
        ("import os\ndef handler(e, c): os._exit(0)", "Runtime exited without providing a reason"),
        (
            "import ctypes\ndef handler(e, c): ctypes.string_at(0)",
            "Runtime exited with error: signal: segmentation fault",
        ),
    ],
    ids=["exit status 3", "exit status 0", "segmentation fault"],
)
def test_a_runtime_that_ends_is_reported(api, deploy, source, sentence):
    answer, result, log = call(api, deploy(source))
    request = answer["ResponseMetadata"]["RequestId"]
    assert result == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {request} Error: {sentence}"}
    assert "Status: error\tError Type: Runtime.ExitError" in log


@pytest.mark.parametrize(
    ("source", "handler", "kind", "message"),
    [
        ("", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        (
            "",
            "nothing.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'nothing': No module named 'nothing'",
        ),
        (
            "def (",
            "app.handler",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        (
            "",
            "handler",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        ("raise ValueError('at import')", "app.handler", "ValueError", "at import"),
    ],
    ids=["no handler", "no module", "syntax error", "bad handler", "exception at import"],
)
def test_a_function_that_cannot_be_loaded_says_why(api, deploy, source, handler, kind, message):
    answer, result, log = call(api, deploy(source, handler=handler))
    assert answer["FunctionError"] == "Unhandled"
    assert (result["errorType"], result["errorMessage"]) == (kind, message)
    assert f"Phase: init\tStatus: error\tError Type: {kind}" in log


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("int('déjà')", "ValueError", "'déjà'"),
        ("int('привет')", "ValueError", "'привет'"),
        ("import модуль", "Runtime.ImportModuleError", "No module named 'модуль'"),
        ("class Ошибка(Exception): pass\nraise Ошибка('нет')", "Ошибка", "нет"),
    ],
    ids=["Latin-1", "Cyrillic", "a module", "a type"],
)
@pytest.mark.parametrize("runtime", sorted({RUNTIME, f"python3.{sys.version_info.minor}"}))
def test_an_error_of_the_init_phase_keeps_its_words_in_every_script(api, deploy, runtime, source, kind, words):
    _, result, log = call(api, deploy(source, runtime=runtime))
    assert result["errorType"] == kind
    assert words in result["errorMessage"]
    assert f"Phase: init\tStatus: error\tError Type: {kind}" in log


def test_a_result_that_is_not_json_is_a_marshal_error(api, deploy):
    _, result, _ = call(api, deploy("def handler(e, c): return {1, 2}"))
    assert result["errorType"] == "Runtime.MarshalError"
    assert result["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"


def test_a_result_over_six_megabytes_is_refused_and_the_environment_lives(api, deploy):
    name = deploy("n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return 'x' * e['size'] if e else n")
    _, result, _ = call(api, name, {"size": 7_000_000})
    assert result == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    assert call(api, name)[1] == 2


def test_a_function_of_the_regions_own_python_has_json_compiled_as_on_aws(api, deploy):
    here = "python{}.{}".format(*sys.version_info)
    source = "from simplejson import encoder, scanner\ndef handler(e, c):\n    return [{}, {}]".format(
        "encoder.c_make_encoder is not None", "scanner.c_make_scanner is not None"
    )
    assert call(api, deploy(source, runtime=here))[1] == [True, True]


def test_an_error_over_six_megabytes_is_told_as_a_result_of_that_size_is(api, deploy):
    name = deploy(
        "def handler(e, c):\n    raise ValueError('x' * e['size']) if e else ValueError('short')", memory=1769
    )
    _, result, _ = call(api, name, {"size": 7_000_000})
    assert result["errorType"] == "Function.ResponseSizeTooLarge"
    assert call(api, name)[1]["errorMessage"] == "short"


def test_an_init_error_over_six_megabytes_is_told_as_a_result_of_that_size_is(api, deploy):
    _, result, _ = call(api, deploy("raise ValueError('x' * 7_000_000)", memory=1769))
    assert result["errorType"] == "Function.ResponseSizeTooLarge"


def test_a_function_can_be_called_as_soon_as_its_creation_is_answered(api):
    """Its state has passed to Active by then. Where it does not, one call in five or ten is refused."""
    for number in range(25):
        name = f"at-once-{number}"
        made = api.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": zipped(app=f"def handler(e, c): return {number}")},
        )
        assert made["State"] == "Pending"
        try:
            assert json.load(api.invoke(FunctionName=name)["Payload"]) == number
        finally:
            api.delete_function(FunctionName=name)


def test_six_megabytes_pass_in_both_directions(api, deploy):
    text = "x" * (6 * 1024 * 1024 - 2)
    name = deploy("def handler(e, c): return e", memory=1769)  # a whole CPU: at 128 MB this would take seconds
    answer = api.invoke(FunctionName=name, Payload=json.dumps(text))
    assert json.loads(answer["Payload"].read()) == text


def test_a_payload_over_six_megabytes_is_refused(api, deploy):
    with pytest.raises(ClientError) as refused:
        api.invoke(FunctionName=deploy("def handler(e, c): return 1"), Payload=b'"' + b"x" * 6 * 1024 * 1024 + b'"')
    assert refused.value.response["Error"]["Code"] == "RequestTooLargeException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_a_payload_that_is_not_json_is_refused(api, deploy):
    with pytest.raises(ClientError) as refused:
        api.invoke(FunctionName=deploy("def handler(e, c): return 1"), Payload=b"{nonsense")
    error = refused.value.response["Error"]
    assert error["Code"] == "InvalidRequestContentException"
    assert error["Message"].startswith("Could not parse request body into json: Could not parse payload into json: ")
    assert "line: 1, column: 2]" in error["Message"]


@pytest.mark.parametrize("payload", [b"NaN", b'{"a": Infinity}', b"[-Infinity]"])
def test_numbers_that_json_does_not_have_are_refused(api, deploy, payload):
    name = deploy("def handler(event, context): return event")
    with pytest.raises(api.exceptions.InvalidRequestContentException, match=r"Non-standard token '-?(NaN|Infinity)'"):
        api.invoke(FunctionName=name, Payload=payload)


def test_a_mark_of_the_byte_order_is_no_part_of_the_event(api, deploy):
    name = deploy("def handler(event, context): return event")
    assert api.invoke(FunctionName=name, Payload=b'\xef\xbb\xbf{"a": 1}')["Payload"].read() == b'{"a": 1}'


def test_a_client_context_that_no_parser_takes_is_refused(api, deploy):
    deep = base64.b64encode(b"[" * 1300 + b"]" * 1300).decode()
    with pytest.raises(api.exceptions.InvalidRequestContentException, match="Client context"):
        api.invoke(FunctionName=deploy("def handler(e, c): return 1"), ClientContext=deep)


def test_a_client_context_that_is_no_object_is_refused(api, deploy):
    name = deploy("def handler(e, c): return 1")
    with pytest.raises(api.exceptions.InvalidRequestContentException, match=r"JSON object: it is \[1\]"):
        api.invoke(FunctionName=name, ClientContext=base64.b64encode(b"[1]").decode())


def test_a_dry_run_runs_nothing(api, deploy):
    answer = api.invoke(FunctionName=deploy("raise SystemExit(1)"), InvocationType="DryRun")
    assert answer["StatusCode"] == 204


def test_an_unknown_function_is_not_found(api):
    with pytest.raises(ClientError) as refused:
        api.invoke(FunctionName="nobody")
    error = refused.value.response["Error"]
    assert error["Code"] == "ResourceNotFoundException"
    assert error["Message"] == "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nobody:$LATEST"


def test_a_function_of_another_region_is_not_reachable(api):
    for region in ("eu-west-1", "eusc-de-east-1"):
        with pytest.raises(api.exceptions.ResourceNotFoundException, match=f"Functions from '{region}' are not"):
            api.invoke(FunctionName=f"arn:aws:lambda:{region}:123456789012:function:f")


def test_the_function_sees_awss_variables_and_nothing_of_ours(api, deploy, lab):
    source = "import os\ndef handler(e, c): return dict(os.environ)"
    _, seen, _ = call(api, deploy(source, Environment={"Variables": {"STAGE": "dev"}}, memory=256))
    assert seen["STAGE"] == "dev"
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert seen["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{RUNTIME}"
    assert seen["_HANDLER"] == "app.handler"
    assert seen["AWS_REGION"] == seen["AWS_DEFAULT_REGION"] == "us-east-1"
    assert not [name for name in seen if name.startswith("LAMBDALAB")]
    assert lab.credentials.secret_access_key not in seen.values()


def test_the_context_tells_what_aws_tells(api, deploy):
    source = """
def handler(e, c):
    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb,
            c.log_group_name, c.log_stream_name, c.get_remaining_time_in_millis(),
            c.client_context and c.client_context.custom]
"""
    name = deploy(source, timeout=7)
    context = base64.b64encode(json.dumps({"custom": {"k": "v"}}).encode()).decode()
    _, seen, _ = call(api, name, ClientContext=context)
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert seen[:5] == [name, "$LATEST", arn, "128", f"/aws/lambda/{name}"]
    assert "[$LATEST]" in seen[5]
    assert 6000 < seen[6] <= 7000
    assert seen[7] == {"k": "v"}


def test_a_function_can_call_the_region_with_its_own_keys(api, deploy):
    source = """
import boto3
def handler(e, c):
    return [f["FunctionName"] for f in boto3.client("lambda").list_functions()["Functions"]]
"""
    name = deploy(source, timeout=30, memory=1024)
    assert name in call(api, name)[1]


def test_tmp_has_the_configured_size_and_the_code_is_read_only(api, deploy):
    source = """
import errno, os
def handler(e, c):
    try:
        with open(os.environ.get("TMPDIR", "/tmp") + "/big", "wb") as f:
            for _ in range(600):
                f.write(b"x" * 1024 * 1024)
        return "room"
    except OSError as full:
        os.unlink(f.name)
        try:
            open(os.environ["LAMBDA_TASK_ROOT"] + "/new", "w")
            return "writable"
        except OSError as refused:
            return [errno.errorcode[full.errno], errno.errorcode[refused.errno]]
"""
    _, result, _ = call(api, deploy(source, timeout=60, memory=1769))
    assert result[0] in {"ENOSPC", "EFBIG"}
    assert result[1] in {"EROFS", "EACCES", "EPERM"}


def test_a_json_log_has_aws_records_and_leaves_out_what_lies_below_its_levels(api, deploy):
    source = (
        "import logging\n"
        "def handler(event, context):\n"
        "    logging.getLogger().info('quiet')\n"
        "    logging.getLogger().warning('loud')\n"
        "    print('plain')\n"
    )
    levels = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO"}
    _, _, log = call(api, deploy(source, LoggingConfig=levels))
    lines = log.splitlines()
    records = [json.loads(line) for line in lines if line.startswith("{")]
    kinds = [record.get("type") or record["message"] for record in records]
    assert kinds == ["platform.initStart", "platform.start", "loud", "platform.report"]
    assert "plain" in lines
    metrics = records[-1]["record"]["metrics"]
    assert metrics["billedDurationMs"] >= metrics["durationMs"] + metrics["initDurationMs"]


def test_an_error_that_was_accepted_is_the_answer_whatever_comes_after(api, deploy):
    source = (
        "import os, urllib.request\n"
        "def handler(event, context):\n"
        "    url = 'http://%s/2018-06-01/runtime/invocation/%s/error'\n"
        "    url %= os.environ['AWS_LAMBDA_RUNTIME_API'], context.aws_request_id\n"
        '    said = b\'{"errorMessage": "first", "errorType": "T"}\'\n'
        "    urllib.request.urlopen(urllib.request.Request(url, said, method='POST'))\n"
        "    return 'second'\n"
    )
    answer, payload, _ = call(api, deploy(source, memory=512))
    assert (answer["FunctionError"], payload) == ("Unhandled", {"errorMessage": "first", "errorType": "T"})


def test_json_that_a_function_prints_is_left_out_of_a_json_log_by_its_level(api, deploy):
    source = (
        "import json\n"
        "def handler(event, context):\n"
        "    for level in ('debug', 'info', 'WARNING', 'error'):\n"
        "        print(json.dumps({'level': level, 'message': level, 'timestamp': '2026-11-01T00:00:00.5Z'}))\n"
        "    print(json.dumps({'message': 'no level'}))\n"
    )

    def printed(**logging):
        _, _, log = call(api, deploy(source, LoggingConfig=logging))
        return [json.loads(line)["message"] for line in log.splitlines() if line.startswith('{"') and "message" in line]

    everything = ["debug", "info", "WARNING", "error", "no level"]
    assert printed(LogFormat="Text") == everything
    assert printed(LogFormat="JSON") == everything[1:]
    assert printed(LogFormat="JSON", ApplicationLogLevel="WARN") == everything[2:]
    assert printed(LogFormat="JSON", ApplicationLogLevel="TRACE") == everything


def test_levels_come_with_a_json_log_and_go_with_it(api, deploy):
    name = deploy("def handler(e, c): return 1", LoggingConfig={"LogFormat": "JSON", "LogGroup": "/my/group"})
    of_json = api.get_function_configuration(FunctionName=name)["LoggingConfig"]
    assert of_json == {
        "LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", "LogGroup": "/my/group"
    }  # fmt: skip
    api.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "Text"})
    of_text = api.get_function_configuration(FunctionName=name)["LoggingConfig"]
    assert of_text == {"LogFormat": "Text", "LogGroup": "/my/group"}


def test_a_file_system_is_refused_in_words(api, deploy):
    mount = {"Arn": "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0",
             "LocalMountPath": "/mnt/data"}  # fmt: skip
    with pytest.raises(ClientError, match=r"FileSystemConfigs .* are not offered"):
        deploy("def handler(e, c): return 1", FileSystemConfigs=[mount])


def test_each_invocation_has_a_trace_of_its_own_or_the_callers(api, deploy):
    name = deploy("import os\ndef handler(event, context):\n    return os.environ['_X_AMZN_TRACE_ID']\n")
    first, second = (call(api, name)[1] for _ in range(2))
    form = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0;Lineage=1:[0-9a-f]{8}:0"
    assert re.fullmatch(form, first)
    assert re.fullmatch(form, second)
    assert first != second
    given = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    api.meta.events.register(
        "before-call.lambda.Invoke", lambda params, **_: params["headers"].update({"X-Amzn-Trace-Id": given})
    )
    assert call(api, name)[1] == given


@pytest.mark.parametrize("event", [{"a": float("nan")}, [float("inf")], -float("inf")], ids=str)
def test_an_event_that_cannot_be_json_is_refused_before_it_is_sent(event, tmp_path):
    (tmp_path / "file").write_text("no home, so no region")
    lab = Lab(home=tmp_path / "file")
    with pytest.raises(BadEvent, match="the event cannot become JSON"):
        lab["f"].invoke(event)


def test_a_result_is_a_record_that_refuses_every_change_alike(lab, deploy):
    result = lab[deploy("def handler(event, context): return event")].invoke({})
    for name in ("log", "payload", "ok", "anything"):
        with pytest.raises(FrozenInstanceError, match=name):
            setattr(result, name, 3)
        with pytest.raises(FrozenInstanceError, match=name):
            delattr(result, name)
    assert result.payload == {}
