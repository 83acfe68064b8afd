"""Extensions as functions bring them: programs in a layer, in Python and in shell, beside a real runtime.

What is expected was seen at AWS's Runtime Interface Emulator, but for the Telemetry API, which it does not offer.
"""

import asyncio
import json
import re
from pathlib import Path

import pytest

EXTENSION = """#!{python} -S

import json, os, socketserver, sys, threading, time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer

NAME = os.path.basename(sys.argv[0])

def call(method, path, body=None, **headers):
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Lambda-Extension-Identifier"), answer.read().decode().strip()

def say(*words): print(NAME, *words, flush=True)

def register(*events):
    return call("POST", "/2020-01-01/extension/register", {"events": events}, Name=NAME)[1]

def next_event(identifier):
    return json.loads(call("GET", "/2020-01-01/extension/event/next", Identifier=identifier)[2])

def report(what, identifier):
    headers = {"Identifier": identifier, "Function_Error_Type": "Extension.Own"}
    return call("POST", f"/2020-01-01/extension/{what}/error", {"errorMessage": "m", "errorType": "T"}, **headers)
"""
LOOP = """
me = register("INVOKE", "SHUTDOWN")
say("registered")
while True:
    event = next_event(me)
    say("event", json.dumps(event))
    if event["eventType"] == "SHUTDOWN":
        sys.exit()
"""
LAYERS = ({"Arn": "arn", "CodeSize": 1, "CodeSha256": "layer"},)
HANDLERS = """
import os, time
print("runtime starts", flush=True)
def echo(event, context):
    print("handler", flush=True)
    return event
def hangs(event, context):
    time.sleep(60)
def exits(event, context):
    os._exit(3)
def fills(event, context):
    kept = []
    while True: kept.append(bytearray(b"x" * 10_000_000))
"""


def said(engine, handler="echo"):
    """All lines of a handler's log, each once it has been written."""
    return [event.message for event in engine.logs.events(f"/aws/lambda/{handler}")]


def events(engine, name="one", handler="echo"):
    """The events that an extension says it got."""
    start = f"{name} event "
    return [json.loads(line.removeprefix(start)) for line in said(engine, handler) if line.startswith(start)]


def test_init_goes_from_the_extensions_to_the_runtime(with_extensions):
    async def steps(engine):
        result = await engine.invoke("echo", b'{"a": 1}', layers=LAYERS)
        assert json.loads(result.body) == {"a": 1}
        kinds = [" ".join(line.split()[:2]) for line in result.tail.splitlines()]
        assert sorted(kinds[1:3]) == ["one registered", "two registered"]
        assert kinds[3] == "runtime starts"
        assert result.tail.splitlines()[4:6] == [
            "EXTENSION\tName: one\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
            "EXTENSION\tName: two\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
        ]
        assert kinds[6] == "START RequestId:"
        assert sorted(kinds[7:-2]) == ["handler", "one event", "two event"]

    with_extensions(steps, HANDLERS, one=EXTENSION + "time.sleep(0.2)\n" + LOOP, two=EXTENSION + LOOP)


def test_an_extension_hears_of_each_invocation_and_of_the_end(with_extensions):
    async def steps(engine):
        first = await engine.invoke("echo", layers=LAYERS)
        second = await engine.invoke("echo", layers=LAYERS)
        assert not second.record.cold
        engine.environments.retire(engine.version("echo").key)
        await engine.environments.closed()
        *invoked, last = events(engine)
        assert [event["requestId"] for event in invoked] == [first.record.request_id, second.record.request_id]
        assert {event["eventType"] for event in invoked} == {"INVOKE"}
        assert invoked[0]["invokedFunctionArn"].endswith(":function:echo")
        assert invoked[1]["deadlineMs"] - second.record.started_at == pytest.approx(3000, abs=1000)
        assert last.keys() == {"eventType", "deadlineMs", "shutdownReason"}
        assert (last["eventType"], last["shutdownReason"]) == ("SHUTDOWN", "SPINDOWN")

    with_extensions(steps, HANDLERS, one=EXTENSION + LOOP)


@pytest.mark.parametrize(
    ("handler", "outcome", "reason"),
    [("hangs", "timeout", "TIMEOUT"), ("exits", "exit", "FAILURE"), ("fills", "out_of_memory", "FAILURE")],
)
def test_an_extension_is_told_why_the_environment_ends(with_extensions, handler, outcome, reason):
    async def steps(engine):
        result = await engine.invoke(handler, layers=LAYERS, timeout=1 if handler == "hangs" else 10)
        assert result.record.outcome == outcome
        await engine.environments.closed()
        assert events(engine, handler=handler)[-1]["shutdownReason"] == reason

    with_extensions(steps, HANDLERS, one=EXTENSION + LOOP)


FULL = """
me = register("INVOKE", "SHUTDOWN")
next_event(me)
kept = []
while True: kept.append(bytearray(b"x" * 10_000_000))
"""


def test_an_extension_that_takes_too_much_memory_ends_with_the_whole_environment(with_extensions):
    async def steps(engine):
        result = await engine.invoke("hangs", layers=LAYERS, timeout=20)
        assert result.record.outcome == "out_of_memory"
        await engine.environments.closed()
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}

    with_extensions(steps, HANDLERS, one=EXTENSION + FULL)


SLOW = """
me = register("INVOKE")
while True:
    next_event(me)
    time.sleep(1.0)
    say("worked")
"""


def test_the_caller_has_the_answer_while_an_extension_works_on(with_extensions):
    async def steps(engine):
        first = await engine.invoke("echo", layers=LAYERS, tail=False)
        assert first.record.extensions_ms is None
        assert first.record.duration_ms < 900
        assert engine.environments.counts()["busy"] == 1
        whole = await engine.invoke("echo", layers=LAYERS)
        assert whole.record.cold, "the first environment was at work"
        assert whole.record.duration_ms >= 1000
        assert 900 <= whole.record.extensions_ms <= whole.record.duration_ms
        assert "one worked\nEND" in whole.tail
        reports = [line for line in said(engine) if line.startswith("REPORT")]
        assert len(reports) == 2
        assert all(float(re.search(r"\tDuration: ([\d.]+)", line)[1]) >= 1000 for line in reports)

    with_extensions(steps, HANDLERS, one=EXTENSION + SLOW)


def test_the_timeout_is_the_extensions_too(with_extensions):
    async def steps(engine):
        await engine.invoke("echo", layers=LAYERS, timeout=10)
        result = await engine.invoke("echo", b'"answer"', layers=LAYERS, timeout=2)
        assert (result.body, result.record.outcome) == (b'"answer"', "ok")
        assert "Task timed out after 2.00 seconds" in result.tail
        assert "Status: timeout" in result.tail
        assert engine.environments.counts() == {"starting": 0, "idle": 0, "busy": 0}

    with_extensions(
        steps,
        HANDLERS,
        one=EXTENSION + SLOW.replace("1.0", "1.5").replace("while True", "for n in range(1, 3)") + "time.sleep(30)",
    )


@pytest.mark.parametrize(
    ("text", "error_type", "words"),
    [
        ("sys.exit(3)", "Extension.Crash", "exit status 3"),
        ('register("INVOKE"); sys.exit()', "Extension.Crash", "exit code 0"),
        ('register("INVOKE"); os.kill(os.getpid(), 9)', "Extension.Crash", "signal: killed"),
        ('report("init", register("INVOKE")); sys.exit(1)', "Extension.InitError", "exit status 1"),
    ],
)
def test_an_extension_that_ends_during_init_fails_it(with_extensions, text, error_type, words):
    async def steps(engine):
        result = await engine.invoke("echo", layers=LAYERS)
        failed = json.loads(result.body)
        assert failed == {
            "errorType": error_type,
            "errorMessage": f"RequestId: {result.record.request_id} Error: {words}",
        }
        assert f"Phase: init\tStatus: error\tError Type: {error_type}" in result.tail
        assert "EXTENSION\tName: one\tState: " in result.tail

    with_extensions(steps, HANDLERS, one=EXTENSION + text)


def test_an_extension_may_end_before_anybody_listens(with_extensions):
    async def steps(engine):
        for _ in range(3):
            failed = json.loads((await engine.invoke("echo", layers=LAYERS)).body)
            assert (failed["errorType"], failed["errorMessage"][-13:]) == ("Extension.Crash", "exit status 3")

    with_extensions(steps, HANDLERS, one="#!/bin/sh\nexit 3\n")


@pytest.mark.parametrize(
    ("text", "error_type", "words"),
    [
        ("sys.exit(4)", "Extension.Crash", "exit status 4"),
        ('report("exit", me); sys.exit(1)', "Extension.ExitError", "exit status 1"),
    ],
)
def test_an_extension_that_ends_during_an_invocation_fails_it(with_extensions, text, error_type, words):
    async def steps(engine):
        result = await engine.invoke("hangs", layers=LAYERS)
        failed = json.loads(result.body)
        assert failed == {
            "errorType": error_type,
            "errorMessage": f"RequestId: {result.record.request_id} Error: {words}",
        }
        assert f"Status: error\tError Type: {error_type}" in result.tail
        assert (await engine.invoke("hangs", layers=LAYERS)).record.cold

    with_extensions(steps, HANDLERS, one=EXTENSION + f'me = register("INVOKE"); next_event(me); {text}')


@pytest.mark.parametrize(
    ("mode", "text", "kind", "words"),
    [
        (0o644, "#!/bin/sh", "PermissionDenied", "fork/exec /opt/extensions/one: permission denied"),
        (0o755, "no program", "UnknownError", "fork/exec /opt/extensions/one: exec format error"),
        (0o755, "#!/bin/sh\r\n", "UnknownError", "fork/exec /opt/extensions/one: no such file or directory"),
    ],
)
def test_a_file_that_cannot_be_started_is_a_launch_error(with_extensions, mode, text, kind, words):
    async def steps(engine):
        result = await engine.invoke("echo", layers=LAYERS)
        failed = json.loads(result.body)
        assert failed["errorType"] == "Extension.LaunchError"
        assert failed["errorMessage"].endswith(f"Error: {words}")
        assert f"EXTENSION\tName: one\tState: LaunchError\tEvents: []\tError Type: {kind}" in result.tail

    with_extensions(steps, HANDLERS, mode, one=text)


def test_more_than_ten_extensions_are_a_launch_error(with_extensions):
    async def steps(engine):
        result = await engine.invoke("echo", layers=LAYERS)
        assert json.loads(result.body)["errorType"] == "Extension.LaunchError"

    with_extensions(steps, HANDLERS, **{f"e{number}": "#!/bin/sh" for number in range(11)})


SHELL = """#!/bin/bash
# Speaks HTTP through bash's own /dev/tcp.
api=${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}
ask() { # METHOD PATH HEADER BODY
    exec 9<>"/dev/tcp/$api"
    printf '%s /2020-01-01/extension/%s HTTP/1.1\\r\\n%s\\r\\nContent-Length: %s\\r\\n\\r\\n%s' "$1" "$2" "$3" "${#4}" "$4" >&9
    length=0 identifier=
    while IFS=$': \\r' read -r name value <&9 && [ -n "$name" ]; do
        case $name in
            Content-Length) length=${value%$'\\r'};;
            Lambda-Extension-Identifier) identifier=${value%$'\\r'};;
        esac
    done
    read -r -N "$length" answer <&9
    exec 9<&-
}
ask POST register "Lambda-Extension-Name: ${0##*/}" '{"events":["INVOKE"]}'
me=$identifier
while :; do
    ask GET event/next "Lambda-Extension-Identifier: $me" ''
    echo "shell got $answer"
done
"""


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="/bin/bash is not on this machine")
def test_an_extension_may_be_a_shell_script(with_extensions):
    async def steps(engine):
        await engine.invoke("echo", layers=LAYERS)
        result = await engine.invoke("echo", layers=LAYERS)
        assert f'"requestId":"{result.record.request_id}"' in result.tail.partition("shell got ")[2]

    with_extensions(steps, HANDLERS, one=SHELL)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="/bin/bash is not on this machine")
def test_a_shell_runtime_has_extensions_too(with_extensions):
    async def steps(engine):
        first = await engine.invoke("echo", b'"one"', layers=LAYERS)
        second = await engine.invoke("echo", b'"two"', layers=LAYERS)
        assert [first.body, second.body] == [b'"one"', b'"two"']
        assert not second.record.cold
        assert "EXTENSION\tName: one\tState: Ready\tEvents: [INVOKE]" in said(engine)
        lines = second.tail.splitlines()
        assert "runtime answers" in lines
        assert f'"requestId":"{second.record.request_id}"' in second.tail.partition("shell got ")[2]
        failed = await engine.invoke("exits", layers=LAYERS)
        assert json.loads(failed.body)["errorType"] == "Runtime.ExitError"
        assert "exit status 3" in json.loads(failed.body)["errorMessage"]

    runtime = (
        SHELL.partition("ask POST")[0]
        .replace("2020-01-01/extension", "2018-06-01/runtime/invocation")
        .replace("Lambda-Extension-Identifier", "Lambda-Runtime-Aws-Request-Id")
    )
    loop = """
while :; do
    ask GET next 'Accept: */*' ''
    [ "$_HANDLER" != exits ] || exit 3
    echo runtime answers
    ask POST "$identifier/response" 'Accept: */*' "$answer"
done
"""
    with_extensions(steps, runtime + loop, runtime="provided.al2023", one=SHELL)


def test_an_extension_sees_the_functions_variables_and_none_of_the_runtimes_own(with_extensions):
    async def steps(engine):
        result = await engine.invoke("echo", layers=LAYERS, environment={"COLOUR": "blue"})
        seen = json.loads(re.search(r"^one env (.*)$", result.tail + "\n".join(said(engine)), re.MULTILINE)[1])
        assert seen["COLOUR"] == "blue"
        assert seen["AWS_LAMBDA_FUNCTION_NAME"] == "echo"
        assert not {"_HANDLER", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "PYTHONPATH"} & seen.keys()

    with_extensions(steps, HANDLERS, one=EXTENSION + 'say("env", json.dumps(dict(os.environ)))' + LOOP)


INTERNAL = """
import json, os, signal, sys, threading
from http.client import HTTPConnection

def call(method, path, body=None, **headers):
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    connection.request(method, "/2020-01-01/extension/" + path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Lambda-Extension-Identifier"), answer.read().decode()

refused = call("POST", "register", {"events": ["SHUTDOWN"]}, Name="inside")
identifier = call("POST", "register", {"events": ["INVOKE"]}, Name="inside")[1]
heard = []

def listen():
    while True:
        heard.append(json.loads(call("GET", "event/next", Identifier=identifier)[2]))

def ends(*_):
    print("runtime was asked to end", flush=True)
    sys.exit()

threading.Thread(target=listen, daemon=True).start()
signal.signal(signal.SIGTERM, ends)

def echo(event, context):
    return {"refused": [refused[0], json.loads(refused[2])["errorType"]], "heard": len(heard), "late": register()}

def register():
    return json.loads(call("POST", "register", {"events": ["INVOKE"]}, Name="late")[2])["errorType"]
"""


def test_a_thread_of_the_runtime_may_be_an_internal_extension(with_extensions):
    async def steps(engine):
        await engine.invoke("echo")
        seen = json.loads((await engine.invoke("echo")).body)
        assert seen["refused"] == [403, "Extension.InvalidEventType"]
        assert seen["heard"] in {1, 2}  # of its own invocation perhaps not yet
        assert seen["late"] == "Extension.RegistrationClosed"
        assert "EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]" in said(engine)
        engine.environments.retire(engine.version("echo").key)
        await engine.environments.closed()
        assert "runtime was asked to end" in said(engine)

    with_extensions(steps, INTERNAL)


def test_who_is_not_root_has_the_engine_ask_the_runtime(with_extensions, monkeypatch):
    if with_extensions.backend != "docker":
        pytest.skip("a sandbox's processes are those of whoever runs the lab")
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    async def steps(engine):
        for _ in range(10):  # it has half a second, short for a machine with other things to do
            await engine.invoke("echo")
            engine.environments.retire(engine.version("echo").key)
            await engine.environments.closed()
            if "runtime was asked to end" in said(engine):
                return
        pytest.fail("no runtime was asked to end")

    with_extensions(steps, INTERNAL)


def test_a_runtime_is_asked_to_end_before_its_external_extensions(with_extensions):
    async def steps(engine):
        await engine.invoke("echo", layers=LAYERS)
        engine.environments.retire(engine.version("echo").key)
        await engine.environments.closed()
        lines = said(engine)
        assert lines.index("runtime was asked to end") < len(lines) - 1
        assert events(engine)[-1]["eventType"] == "SHUTDOWN"

    handlers = (
        HANDLERS + "import signal, sys\ndef ends(*_):\n  print('runtime was asked to end', flush=True)\n  sys.exit()\n"
    )
    with_extensions(steps, handlers + "signal.signal(signal.SIGTERM, ends)\n", one=EXTENSION + LOOP)


def test_without_extensions_a_runtime_is_not_asked(with_extensions):
    async def steps(engine):
        assert json.loads((await engine.invoke("late")).body) == "Extension.RegistrationClosed"
        engine.environments.retire(engine.version("late").key)
        await engine.environments.closed()
        assert "runtime was asked to end" not in said(engine, "late")

    late = (
        INTERNAL.partition("refused =")[0]
        + """
signal.signal(signal.SIGTERM, lambda *_: print("runtime was asked to end", flush=True))
def late(event, context):
    return json.loads(call("POST", "register", {"events": ["INVOKE"]}, Name="late")[2])["errorType"]
"""
    )
    with_extensions(steps, late)


TELEMETRY = """
class Listener(BaseHTTPRequestHandler):
    def do_POST(self):
        for event in json.loads(self.rfile.read(int(self.headers["Content-Length"]))):
            got.append(event)
            if event["type"] == "platform.runtimeDone":
                done.release()
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass

got, done = [], threading.Semaphore(0)
server = HTTPServer((HOST, 0), Listener)
threading.Thread(target=server.serve_forever, daemon=True).start()
me = register("INVOKE", "SHUTDOWN")
wanted = {"schemaVersion": "2022-12-13", "types": ["platform", "function", "extension"],
          "buffering": {"timeoutMs": 25, "maxItems": 1000},
          "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{server.server_port}/x"}}
say("subscribed", *call("PUT", "/2022-07-01/telemetry", wanted, Identifier=me))
while True:
    event = next_event(me)
    if event["eventType"] == "SHUTDOWN":
        time.sleep(0.3)
        say("got", json.dumps(got))
        sys.exit()
    done.acquire()
"""


def test_telemetry_reaches_a_listener_in_the_sandbox(with_extensions):
    async def steps(engine):
        first = await engine.invoke("echo", layers=LAYERS)
        assert "TELEMETRY\tName: one\tState: Subscribed\tTypes: [Platform, Function, Extension]" in said(engine)
        second = await engine.invoke("echo", layers=LAYERS)
        assert not second.record.cold
        engine.environments.retire(engine.version("echo").key)
        await engine.environments.closed()
        got = json.loads(next(line for line in said(engine) if line.startswith("one got "))[8:])
        kinds = [event["type"] for event in got]
        ids = [first.record.request_id, second.record.request_id]
        for kind in ("platform.start", "platform.runtimeDone", "platform.report"):
            assert [event["record"]["requestId"] for event in got if event["type"] == kind] == ids
        for kind in ("initStart", "initRuntimeDone", "initReport", "extension", "telemetrySubscription"):
            assert kinds.count(f"platform.{kind}") == 1
        assert kinds.index("platform.initStart") < kinds.index("platform.initReport") < kinds.index("platform.start")
        lines = [event["record"] for event in got if event["type"] == "function"]
        assert lines == ["runtime starts", "handler", "handler"]
        assert any("subscribed" in event["record"] for event in got if event["type"] == "extension")
        report = got[kinds.index("platform.report")]["record"]
        assert report["status"] == "success"
        assert report["metrics"]["durationMs"] == first.record.duration_ms
        assert report["metrics"]["initDurationMs"] == first.record.init_ms

    host = "localhost" if with_extensions.backend == "process" else "sandbox.localdomain"
    with_extensions(steps, HANDLERS, one=EXTENSION + f"HOST = {host!r}\n" + TELEMETRY)


def test_two_environments_may_listen_at_one_port_of_their_sandboxes(with_extensions):
    if with_extensions.backend == "process":
        pytest.skip("a hardened process has no sandbox.localdomain of its own")

    async def steps(engine):
        results = await asyncio.gather(*(engine.invoke("waits", layers=LAYERS, timeout=10) for _ in range(2)))
        assert len({result.record.environment_id for result in results}) == 2
        assert [result.record.outcome for result in results] == ["ok", "ok"]

    listening = EXTENSION + "server = HTTPServer(('sandbox.localdomain', 39567), BaseHTTPRequestHandler)\n" + LOOP
    with_extensions(steps, "import time\ndef waits(event, context): time.sleep(1)\n", one=listening)


def test_a_sandbox_knows_its_own_name(with_extensions):
    if with_extensions.backend == "process":
        pytest.skip("a hardened process has the machine's /etc/hosts")

    async def steps(engine):
        own = json.loads((await engine.invoke("address")).body)
        assert own.startswith("127.") == (with_extensions.backend == "namespaces"), "a container has its own network"
        assert (await engine.invoke("localhost")).body == b'"127.0.0.1"'

    handlers = """
import socket
def address(event, context):
    socket.create_server(("sandbox.localdomain", 0)).close()
    return socket.gethostbyname("sandbox.localdomain")
"""
    with_extensions(steps, handlers + "def localhost(event, context): return socket.gethostbyname('localhost')\n")
