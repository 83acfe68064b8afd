"""Java functions as AWS runs them, with AWS's own client and with the one of ours: the same answers from both."""

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lambdalab import Lab
from lambdalab.client.cell import CellSource
from lambdalab.runtimes.interpreters import candidates
from tests.contract.languages import Missing
from tests.contract.languages.java import compile_into
from tests.runtimes.java_functions import LIBRARY, SOURCE

pytestmark = pytest.mark.toolchains
RUNTIMES = ("java11", "java17", "java21", "java25")
VARIABLES = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS", "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR", "LANG", "LD_LIBRARY_PATH", "PATH", "TZ", "_HANDLER",
}  # fmt: skip
OURS = {"AWS_ENDPOINT_URL", "LC_ALL", "PWD", "TMPDIR"}
ROLE = "arn:aws:iam::123456789012:role/lambda"


class Functions:
    """The functions of one region, deployed as they are asked for: one for each handler, runtime and setting."""

    def __init__(self, lab, code):
        self.lab, self._code, self._made = lab, code, {}
        self.client = lab.client()

    def name(self, handler, runtime="java17", **settings):
        key = json.dumps([handler, runtime, settings], sort_keys=True)
        if key not in self._made:
            self._made[key] = f"f{len(self._made)}"
            self.client.create_function(
                FunctionName=self._made[key], Runtime=runtime, Handler=handler, Role=ROLE, Code={"ZipFile": self._code},
                **{"MemorySize": 256, "Timeout": 20, **settings},
            )  # fmt: skip
            self.client.get_waiter("function_active_v2").wait(FunctionName=self._made[key])
        return self._made[key]

    def invoke(self, handler, event=None, runtime="java17", context=None, **settings):
        given = {"ClientContext": base64.b64encode(json.dumps(context).encode()).decode()} if context else {}
        answer = self.client.invoke(
            FunctionName=self.name(handler, runtime, **settings), Payload=json.dumps(event), LogType="Tail", **given
        )
        return Answer(answer)

    def value(self, handler, event=None, runtime="java17", **settings):
        answer = self.invoke(handler, event, runtime, **settings)
        assert answer.error is None, answer.body
        return json.loads(answer.body)


class Answer:
    def __init__(self, answer):
        self.id = answer["ResponseMetadata"]["RequestId"]
        self.error = answer.get("FunctionError")
        self.body = answer["Payload"].read().decode()
        self.log = base64.b64decode(answer["LogResult"]).decode()

    @property
    def lines(self):
        """What the function wrote, between START and END."""
        written = re.search(r"^START RequestId.*?\n(.*)^END RequestId", self.log, re.DOTALL | re.MULTILINE)
        return written[1].replace("\r", "\n")


@pytest.fixture(scope="session")
def code(tmp_path_factory):
    """A package for every release from 11 on, with a jar in its lib."""
    root = tmp_path_factory.mktemp("java")
    try:
        compile_into(root / "classes", "java11", {"forms/Forms.java": SOURCE})
        compile_into(root / "library", "java11", {"library/Library.java": LIBRARY})
    except Missing as why:
        pytest.skip(str(why))
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.write(root / "library" / "library" / "Library.class", "library/Library.class")
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        for file in (root / "classes").rglob("*.class"):
            archive.write(file, str(file.relative_to(root / "classes")))
        archive.writestr("lib/library.jar", jar.getvalue())
    return package.getvalue()


@pytest.fixture(scope="module", params=["AWS's client", "our client"])
def functions(request, code):
    _needs("java17")
    patch = pytest.MonkeyPatch()
    if request.param == "our client":
        patch.setenv("LAMBDALAB_JAVA_CLIENT", "own")
    with Lab(isolated=True) as lab:
        lab.environment()
        patch.undo()
        made = Functions(lab, code)
        made.awss = request.param == "AWS's client"
        yield made


def _needs(runtime):
    if not any(path.exists() for path in candidates(runtime)):
        pytest.skip(f"{runtime} is not on this machine")


def _frames(method, line):
    """The stack of a method that was called through reflection, as Java 17 has it."""
    reflection = "java.base/jdk.internal.reflect"
    return [
        f"forms.Forms.{method}(Forms.java:{line})",
        f"{reflection}.NativeMethodAccessorImpl.invoke0(Native Method)",
        f"{reflection}.NativeMethodAccessorImpl.invoke(Unknown Source)",
        f"{reflection}.DelegatingMethodAccessorImpl.invoke(Unknown Source)",
        "java.base/java.lang.reflect.Method.invoke(Unknown Source)",
    ]


def _line(text):
    return next(number for number, line in enumerate(SOURCE.splitlines(), 1) if text in line)


PERSON = {"name": "Ada", "age": 36, "tags": ["a"], "address": {"height": 1.5, "since": 1000, "kind": "LARGE"}}


@pytest.mark.parametrize(
    ("handler", "event", "value"),
    [
        ("forms.Forms$Typed", {**PERSON, "unknown": 1}, {"hello": "Hello Ada, 36", "kind": True, "person": PERSON}),
        ("forms.Forms$Typed::handleRequest", {"age": "7"}, {"hello": "Hello null, 7", "kind": True, "person": {"age": 7}}),
        ("forms.Forms$Sum", [1, 2, 3], "sum 6"),
        ("forms.Forms$Upper", {"a": "b"}, {"A": "B"}),
        ("forms.Forms::stat", "word", "static word"),
        ("forms.Forms::stat", 5, "static 5"),
        ("forms.Forms::bytes", {}, [1]),
        ("forms.Forms::none", {}, "no parameters"),
        ("forms.Forms::nulls", {}, None),
        ("forms.Forms::echo", {"a": [1, 2.5, None, True, "é😀\u2028", {}]}, {"a": [1, 2.5, None, True, "é😀\u2028", {}]}),
        ("forms.Forms::echo", {"none": None, "list": [None, {"none": None}]}, {"list": [None, {}]}),
        ("forms.Forms::library", {}, "from /var/task/lib"),
    ],
)  # fmt: skip
def test_every_form_of_handler_gets_its_event_and_gives_its_answer(functions, handler, event, value):
    assert functions.value(handler, event) == value


def test_a_number_comes_as_the_type_that_the_method_takes(functions):
    found = [functions.value("forms.Forms::number", event) for event in (7, "8", 7.9, None)]
    assert [text.split()[0] for text in found] == ["7", "8", "7", "0"]


@pytest.mark.parametrize(
    ("handler", "message", "kind", "frames"),
    [
        ("fails", "outer", "java.lang.Exception", ("fails", 'new Exception("outer"')),
        ("wordless", "java.lang.NullPointerException", "java.lang.NullPointerException", ("wordless", "wordless")),
        ("asserts", "no", "java.lang.AssertionError", ("asserts", "asserts")),
    ],
)
def test_an_exception_is_reported_with_its_class_its_message_and_its_frames(functions, handler, message, kind, frames):
    answer = functions.invoke(f"forms.Forms::{handler}", {})
    assert answer.error == "Unhandled"
    method, text = frames
    document = {"errorMessage": message, "errorType": kind, "stackTrace": _frames(method, _line(text))}
    assert answer.body == json.dumps(document, separators=(",", ":"))


def test_an_exceptions_trace_with_its_causes_is_in_the_log_of_its_own_invocation(functions):
    answer = functions.invoke("forms.Forms::fails", {})
    lines = answer.lines.splitlines()
    assert lines[:2] == ["outer: java.lang.Exception", "java.lang.Exception: outer"]
    assert "Caused by: java.io.IOException: inner" in lines
    assert "RuntimeApi" not in answer.log and "AWSLambda" not in answer.log


@pytest.mark.parametrize("event", [[1], {"age": "old"}, "text"])
def test_an_event_of_the_wrong_shape_is_a_parsing_error(functions, event):
    answer = functions.invoke("forms.Forms$Typed", event)
    assert json.loads(answer.body) == {
        "errorMessage": "An error occurred during JSON parsing",
        "errorType": "java.lang.RuntimeException",
        "stackTrace": [],
    }


@pytest.mark.parametrize(
    ("handler", "document"),
    [
        ("forms.Nothing::go", {"errorMessage": "Class not found: forms.Nothing", "errorType": "java.lang.ClassNotFoundException"}),
        ("forms.Forms::absent", {"errorMessage": "No public method named absent with appropriate method signature found on class forms.Forms"}),
        ("forms.Forms", {"errorMessage": "Class does not implement an appropriate handler interface: forms.Forms"}),
        ("forms.Forms$NeedsMore::go", {"errorMessage": "Class forms.Forms$NeedsMore has no public zero-argument constructor", "errorType": "java.lang.Exception"}),
        ("forms.Forms$Inner::go", {"errorMessage": "Class forms.Forms$Inner cannot be instantiated because it is a non-static inner class", "errorType": "java.lang.Exception"}),
    ],
)  # fmt: skip
def test_a_handler_that_is_not_there_is_told_to_each_invocation(functions, handler, document):
    first, second = functions.invoke(handler, {}), functions.invoke(handler, {})
    assert json.loads(first.body) == json.loads(second.body) == document
    assert (first.error, "Init Duration" in first.log, "Init Duration" in second.log) == ("Unhandled", True, False)


@pytest.mark.parametrize(
    ("handler", "document"),
    [
        ("BreaksAsClass", {"errorMessage": "Error loading class forms.Forms$BreaksAsClass", "errorType": "java.lang.ExceptionInInitializerError"}),
        ("BreaksAsObject", {"errorMessage": "constructor", "errorType": "java.lang.IllegalArgumentException"}),
    ],
)  # fmt: skip
def test_a_class_that_throws_while_it_loads_fails_the_init(functions, handler, document):
    answer = functions.invoke(f"forms.Forms${handler}::go", {})
    assert json.loads(answer.body) == document
    assert "Phase: init\tStatus: error\tError Type: Runtime.BadFunctionCode" in answer.log


@pytest.mark.parametrize(
    ("status", "words"), [(7, "Runtime exited with error: exit status 7"), (0, "Runtime exited without providing a reason")]
)  # fmt: skip
def test_system_exit_ends_the_environment(functions, status, words):
    document = json.loads(functions.invoke("forms.Forms::exits", status).body)
    assert document["errorType"] == "Runtime.ExitError"
    assert document["errorMessage"].endswith(f" Error: {words}")


def test_a_crash_of_the_jvm_is_an_abort_with_its_report_in_the_log(functions):
    answer = functions.invoke("forms.Forms::crashes", {})
    assert json.loads(answer.body)["errorMessage"].endswith("Runtime exited with error: signal: aborted")
    assert len(functions.lab[functions.name("forms.Forms::crashes")].logs(grep="SIGSEGV")) > 0


def test_a_full_heap_is_an_error_of_javas_own_and_the_environment_ends(functions):
    answer = functions.invoke("forms.Forms::fills", {}, MemorySize=512)
    document = json.loads(answer.body)
    assert (document["errorType"], document["errorMessage"]) == ("java.lang.OutOfMemoryError", "Java heap space")
    again = functions.lab[functions.name("forms.Forms::fills", MemorySize=512)].invoke({})
    assert again.record.repeated_ms > 0, again


def test_the_context_holds_all_that_aws_puts_there(functions):
    context = {"custom": {"key": "value"}, "client": {"app_title": "the lab"}, "env": {}}
    answer = functions.invoke("forms.Forms::about", {}, context=context, Timeout=9)
    about, name = json.loads(answer.body), functions.name("forms.Forms::about", Timeout=9)
    left, stream, trace = about.pop("left"), about.pop("stream"), about.pop("trace")
    assert about == {
        "id": answer.id,
        "group": f"/aws/lambda/{name}",
        "name": name,
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        "memory": 256,
        "client": {"key": "value"},
        "title": "the lab",
        "logger": True,
    }
    assert 0 < left <= 9000
    assert "[$LATEST]" in stream
    assert re.match(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]", trace)


def test_the_remaining_time_is_what_is_left_of_the_timeout(functions):
    about = functions.value("forms.Forms::about", {}, Timeout=9)
    assert 7000 < about["left"] <= 9000


def test_text_logs_are_what_the_function_wrote(functions):
    lines = functions.invoke("forms.Forms::logs", {}).lines.splitlines()
    assert lines == ["logged", "[DEBUG] debugged[WARN] warned", "printed é", "to stderr", "by the runtime"]


def test_json_logs_are_documents_from_the_configured_level_on(functions):
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "INFO"}
    answer = functions.invoke("forms.Forms::logs", {}, LoggingConfig=logging)
    documents = [
        json.loads(line) for line in answer.log.splitlines() if line.startswith("{") and "AWSRequestId" in line
    ]
    warned = next(one for one in documents if one["message"] == "warned")
    assert (warned["level"], warned["AWSRequestId"]) == ("WARN", answer.id)
    assert warned["timestamp"].endswith("Z")
    assert "debugged" not in answer.log
    failed = functions.invoke("forms.Forms::fails", {}, LoggingConfig=logging)
    document = next(json.loads(line) for line in failed.log.splitlines() if '"level":"ERROR"' in line.replace(" ", ""))
    assert document["message"].startswith("outer: java.lang.Exception\njava.lang.Exception: outer\n")


def test_names_and_texts_beyond_ascii_are_whole(functions):
    assert "é😀.txt" in functions.value("forms.Forms::files", "é😀.txt")
    assert functions.value("forms.Forms::length", {"text": "é😀"}) == 3


def test_an_event_of_six_megabytes_goes_in(functions):
    text = "x" * (6 * 1024 * 1024 - 100)
    assert functions.value("forms.Forms::length", {"text": text}, MemorySize=512) == len(text)


def test_calls_at_the_same_time_run_in_environments_of_their_own(functions):
    functions.name("forms.Forms::waits")
    with ThreadPoolExecutor(3) as pool:
        streams = list(pool.map(lambda _: functions.value("forms.Forms::waits", 1500), range(3)))
    assert len(set(streams)) == 3


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_jvm_of_the_runtimes_release_starts_as_on_aws(functions, runtime):
    _needs(runtime)
    machine = functions.value("forms.Forms::machine", {}, runtime, MemorySize=512)
    assert machine["version"].split(".")[0] == runtime.removeprefix("java")
    assert 400 < machine["heap"] <= 436  # 85 % of 512 MB, less a survivor space
    assert (machine["UseSerialGC"], machine["charset"]) == ("true", "UTF-8")
    assert machine["TieredStopAtLevel"] == ("4" if runtime == "java11" else "1")
    assert machine["directory"] == machine["environment"]["LAMBDA_TASK_ROOT"]
    assert machine["environment"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{runtime}"
    assert set(machine["environment"]) - OURS == VARIABLES
    assert ("aws-lambda-java-runtime-interface-client" in machine["classes"]) == functions.awss


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_clients_classes_come_from_an_archive(functions, runtime):
    _needs(runtime)
    tells = {"Variables": {"JAVA_TOOL_OPTIONS": "-Xlog:class+load"}}
    functions.value("forms.Forms::none", {}, runtime, Environment=tells)
    name = functions.name("forms.Forms::none", runtime, Environment=tells)
    shared = functions.lab[name].logs(grep="source: shared objects file", limit=5000)
    assert len(shared) > (1500 if functions.awss else 450)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_typed_handler_and_an_exception_are_alike_in_every_release(functions, runtime):
    _needs(runtime)
    assert functions.value("forms.Forms$Typed", {"name": "Ada"}, runtime)["hello"] == "Hello Ada, 0"
    document = json.loads(functions.invoke("forms.Forms::fails", {}, runtime).body)
    assert (document["errorType"], document["errorMessage"]) == ("java.lang.Exception", "outer")
    assert document["stackTrace"][0] == f"forms.Forms.fails(Forms.java:{_line('new Exception')})"


def test_java_25_with_provisioned_concurrency_compiles_on(functions):
    _needs("java25")
    name = functions.name("forms.Forms::machine", "java25", MemorySize=512, Publish=True)
    functions.client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    until = time.monotonic() + 60
    while _provisioned(functions, name) != "READY":
        assert time.monotonic() < until
        time.sleep(0.1)
    answer = functions.client.invoke(FunctionName=name, Qualifier="1", Payload=b"{}")
    assert json.loads(answer["Payload"].read())["TieredStopAtLevel"] == "4"


def _provisioned(functions, name):
    return functions.client.get_provisioned_concurrency_config(FunctionName=name, Qualifier="1")["Status"]


@pytest.mark.parametrize("handler", ["forms.Forms::fails", "forms.Forms::absent", "forms.Forms$Sum"])
def test_awss_emulator_gives_the_same_documents(functions, code, tmp_path, handler):
    emulator = Path(os.environ.get("LAMBDALAB_RIE", "/opt/lambdalab-toolchains/rie/aws-lambda-rie"))
    if not functions.awss or not emulator.exists():
        pytest.skip("AWS's emulator runs AWS's client" if emulator.exists() else f"{emulator} is not here")
    zipfile.ZipFile(io.BytesIO(code)).extractall(tmp_path)
    jars = sorted((functions.lab.settings.home / "clients").glob("java-*/lib/*.jar"))
    java = next(path for path in candidates("java17") if path.exists())
    program = tmp_path / "bootstrap"
    main = "com.amazonaws.services.lambda.runtime.api.client.AWSLambda"
    program.write_text(f'#!/bin/sh\nexec {java} -cp {":".join(map(str, jars))} {main} "$1"\n')
    program.chmod(0o755)
    assert _emulated(emulator, program, handler, tmp_path) == functions.invoke(handler, {}).body


def _emulated(emulator, program, handler, directory):
    """What the emulator answers. Its ports are free ones; it is ended with all that it started."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        front, api = (f"127.0.0.1:{each.getsockname()[1]}" for each in (one, other))
    options = ["--runtime-interface-emulator-address", front, "--runtime-api-address", api]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        [emulator, *options, program, handler], cwd=directory, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        return _asked(f"http://{front}/2015-03-31/functions/function/invocations")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _asked(url):
    until = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=b"{}"), timeout=30) as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            assert time.monotonic() < until
            time.sleep(0.05)


CELL = """package demo;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.events.SQSEvent;

public class Counts implements RequestHandler<SQSEvent, Integer> {
    public Integer handleRequest(SQSEvent event, Context context) {
        int sum = 0;
        for (SQSEvent.SQSMessage message : event.getRecords()) sum += Integer.parseInt(message.getBody());
        return sum;
    }
}
"""
PLAIN = """import java.util.Map;

public class Hello {
    public String handleRequest(Map<String, String> event) {
        return "Hello " + event.get("name").trim();
    }
}
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_cell_is_compiled_deployed_and_called_and_its_errors_point_into_it(functions, runtime):
    _needs(runtime)
    function = functions.lab[f"cell-{runtime}"]
    function.deploy(PLAIN, runtime=runtime, memory=512, timeout=10, cell=CellSource("Cell In[3]", PLAIN, 2))
    assert function.invoke({"name": "Ada "}).payload == "Hello Ada"
    failed = function.invoke({})
    assert failed.error.type == "java.lang.NullPointerException"
    assert failed.error.frames[-1].place == "Cell In[3], line 6, in Hello.handleRequest"


def test_a_cell_that_takes_awss_events_brings_their_classes(functions):
    if not functions.awss:
        pytest.skip("the names of AWS's events are known to AWS's client")
    function = functions.lab["cell-events"]
    function.deploy(CELL, runtime="java17", memory=512, timeout=10)
    records = [{"messageId": "1", "body": "3", "eventSource": "aws:sqs"}, {"messageId": "2", "body": "4"}]
    assert function.invoke({"Records": records}).payload == 7
