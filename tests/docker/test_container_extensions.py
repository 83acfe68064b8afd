"""Extensions in containers beyond what every backend does: in images, from within, of engines elsewhere."""

import json
import threading
import time
from pathlib import Path

import pytest

from lambdalab import Lab
from lambdalab.client.building import Source, build
from lambdalab.client.building.base import CompilerMissing
from lambdalab.client.cell import CellSource
from lambdalab.model import runtime as runtimes
from tests.contract.test_extensions import EXTENSION, INTERNAL, LOOP
from tests.docker.conftest import PREFIX, docker, need_image

pytestmark = pytest.mark.docker
PYTHON = "/var/lang/bin/python3.12"
DOCKERFILE = """
FROM public.ecr.aws/lambda/python:3.12
COPY app.py ${LAMBDA_TASK_ROOT}
COPY one /opt/extensions/one
RUN chmod %s /opt/extensions/one
CMD ["app.handler"]
"""
HANDLER = """
import os
def handler(event, context):
    return {"event": event, "handler": os.environ["_HANDLER"], "cwd": os.getcwd()}
def second(event, context):
    return "second"
"""


def image(lab, built, name, extension, handler=HANDLER, mode="755", **settings):
    """An image function with one extension."""
    built.append(name)
    files = {"app.py": handler.encode(), "one": extension.replace("{python}", PYTHON).encode()}
    lab[name].deploy_image(DOCKERFILE % mode, files=files, **settings)
    return lab[name]


def messages(function):
    return [one.message for one in function.logs(limit=5000).events]


def eventually(found, seconds=20):
    """The first true value of what is asked again and again."""
    until = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < until, "it did not come"
        threading.Event().wait(0.05)
    return value


def test_an_images_extensions_start_before_its_runtime(lab, built):
    function = image(lab, built, "extended", EXTENSION + LOOP)
    first = function.invoke({"n": 1}).raise_for_error()
    assert first.payload == {"event": {"n": 1}, "handler": "app.handler", "cwd": "/var/task"}
    assert "EXTENSION\tName: one\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in messages(function)
    second = function.invoke({"n": 2}).raise_for_error()
    assert second.record.environment_id == first.record.environment_id
    invoked = [json.loads(line[10:]) for line in messages(function) if line.startswith("one event ")]
    assert [event["requestId"] for event in invoked] == [first.record.request_id, second.record.request_id]
    function.configure(timeout=9)  # its environments end
    eventually(lambda: [line for line in messages(function) if '"SHUTDOWN"' in line])


def test_image_config_is_the_runtimes_where_there_are_extensions(lab, built):
    function = image(lab, built, "extended-configured", EXTENSION + LOOP, command=["app.second"])
    assert function.invoke({}).raise_for_error().payload == "second"


def test_a_file_of_an_image_that_may_not_be_executed_is_a_launch_error(lab, built):
    function = image(lab, built, "extended-wrongly", EXTENSION + LOOP, mode="644")
    failed = function.invoke({})
    assert failed.error.type == "Extension.LaunchError"
    assert failed.error.message.endswith("fork/exec /opt/extensions/one: permission denied")


WITHIN = """
me = register("INVOKE")
def refused(path):
    try: open(path, "w").close()
    except OSError as error: return error.errno
    return "written"
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
open("/tmp/from-the-extension", "w").close()
say("within", json.dumps({
    "ids": [os.getuid(), os.getgid()], "capabilities": int(status["CapEff"], 16), "no_new": status["NoNewPrivs"].strip(),
    "seccomp": status["Seccomp"].strip(), "refused": [refused(path) for path in ("/x", "/opt/x", "/var/task/x")],
    "cgroup": open("/proc/self/cgroup").read(), "pids": os.readlink("/proc/self/ns/pid"),
}))
while True: next_event(me)
"""


def test_an_extension_is_confined_as_its_function_is_and_within_the_same_bounds(lab, built):
    handler = """
import os
def handler(event, context):
    return [open("/proc/self/cgroup").read(), os.readlink("/proc/self/ns/pid"), os.listdir("/tmp")]
"""
    function = image(lab, built, "extended-within", EXTENSION + WITHIN, handler)
    cgroup, pids, tmp = function.invoke({}).raise_for_error().payload
    seen = json.loads(next(line[11:] for line in messages(function) if line.startswith("one within ")))
    assert seen["ids"] == [993, 990]
    assert (seen["capabilities"], seen["no_new"], seen["seccomp"]) == (0, "1", "2")
    assert set(seen["refused"]) <= {30, 13}
    assert (seen["cgroup"], seen["pids"]) == (cgroup, pids), "memory, processor and processes are counted together"
    assert "from-the-extension" in tmp


def test_the_memory_size_is_for_function_and_extensions_together(lab, built):
    hungry = 'me = register("INVOKE")\nnext_event(me)\nheld = [b"x" * 10_000_000 for _ in range(40)]\nnext_event(me)\n'
    waits = "import time\ndef handler(event, context): time.sleep(15)\n"
    function = image(lab, built, "extended-hungry", EXTENSION + hungry, waits, memory=256, timeout=20)
    failed = function.invoke({})
    assert failed.error.type == "Runtime.OutOfMemory"


def test_a_cold_start_without_extensions_looks_into_no_image(lab, built):
    built.append("unextended")
    dockerfile = 'FROM public.ecr.aws/lambda/python:3.12\nCOPY app.py ${LAMBDA_TASK_ROOT}\nCMD ["app.handler"]\n'
    lab["unextended"].deploy_image(dockerfile, files={"app.py": HANDLER.encode()})
    before = time.time()
    lab["unextended"].invoke({}).raise_for_error()
    (identity,) = docker("image", "ls", "--quiet", "--no-trunc", "lambdalab/unextended").split()
    filters = ("--filter", "type=container", "--filter", "event=create", "--filter", f"image={identity}")
    made = docker("events", "--since", f"{before:.3f}", "--until", f"{time.time():.3f}", *filters)
    assert len(made.splitlines()) == 1, made


# -- an image without a shell


@pytest.fixture(scope="module")
def scratch(lab, tmp_path_factory):
    """Make an image function with nothing in its image but a Go program and a Go extension."""
    need_image("go-scratch:1")
    text = Path(__file__).with_name("extension.go").read_text()
    try:
        made = build(Source(text, CellSource("an extension", text, 1), runtimes.known()["provided.al2023"]))
    except CompilerMissing as why:
        pytest.skip(str(why))

    def deploy(built, name, **settings):
        built.append(name)
        dockerfile = f"FROM {PREFIX}/go-scratch:1\nCOPY one /opt/extensions/one\n"
        lab[name].deploy_image(dockerfile, files={"one": made.files["bootstrap"]}, **settings)
        return lab[name]

    return deploy


def test_an_image_without_a_shell_has_extensions_and_telemetry(scratch, built):
    function = scratch(built, "shellless", env={"COLOUR": "blue"}, command=["word"], directory="/tmp")
    first = function.invoke({"x": 1}).raise_for_error()
    assert (first.payload["event"], first.payload["arguments"]) == ({"x": 1}, ["/bootstrap", "word"])
    assert first.payload["directory"] == "/tmp"
    threading.Event().wait(0.5)  # paused meanwhile
    second = function.invoke({"x": 2}).raise_for_error()
    assert second.record.environment_id == first.record.environment_id
    assert 0 < second.record.max_memory_mb <= 128
    assert function.invoke({"Fail": "boo"}).error.message == "boo"
    said = messages(function)
    assert "one in 993 /tmp false false blue" in said
    assert "one subscribed 200" in said
    assert "EXTENSION\tName: one\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in said
    assert len([line for line in said if line.startswith("one event ") and '"INVOKE"' in line]) == 3
    assert {"one told platform.initStart", "one told platform.runtimeDone"} <= set(said)
    function.configure(timeout=9)  # its environments end
    eventually(lambda: [line for line in messages(function) if '"SPINDOWN"' in line])


def test_an_extension_of_an_image_without_a_shell_may_crash(scratch, built):
    failed = scratch(built, "shellless-crashes", env={"COLOUR": "black"}).invoke({})
    assert (failed.error.type, failed.error.message.partition("Error: ")[2]) == ("Extension.Crash", "exit status 5")


def test_a_runtime_of_an_image_without_a_shell_may_be_missing(scratch, built):
    function = scratch(built, "shellless-nothing", entry_point=["/nothing"])
    assert function.invoke({}).error.type == "Runtime.ExitError"
    assert [line for line in messages(function) if "/nothing" in line], "the engine says what it lacks"


# -- an engine that is not this machine's

ELSEWHERE = """
me = register("INVOKE", "SHUTDOWN")
wanted = {"schemaVersion": "2022-12-13", "types": ["platform"],
          "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"}}
say("asked", *call("PUT", "/2022-07-01/telemetry", wanted, Identifier=me))
"""
GOES = """
import os, signal, sys
def ends(*_):
    print("runtime was asked to end", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, ends)
kept = []
def handler(event, context):
    for _ in range(event.get("hold", 0)): kept.append(bytearray(b"x" * 10_000_000))
    if event.get("exit"): os._exit(event["exit"])
    return event
"""


def a_runtime_was_asked_to_end(function):
    """Whether one of some runtimes heard in time: it has half a second, short for a machine with other things to do."""
    for timeout in range(9, 19):
        function.invoke({}).raise_for_error()
        threading.Event().wait(0.3)  # paused meanwhile
        function.configure(timeout=timeout)  # its environments end
        threading.Event().wait(1)
        if "runtime was asked to end" in messages(function):
            return True
    return False


def test_a_remote_engines_functions_have_extensions_and_no_telemetry(lab, built, monkeypatch, far_engine):
    lab["near"].deploy("def handler(event, context): return 1\n", runtime="python3.12")
    lab["near"].invoke().raise_for_error()  # there is a network now
    gateway = json.loads(docker("network", "inspect", "lambdalab"))[0]["IPAM"]["Config"][0]["Gateway"]
    monkeypatch.setenv("DOCKER_HOST", far_engine)
    extension = EXTENSION + ELSEWHERE + LOOP.replace('me = register("INVOKE", "SHUTDOWN")', "")
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False, docker_callback=gateway) as remote:
        function = image(remote, built, "extended-far", extension, GOES, memory=256, timeout=20)
        first = function.invoke({"n": 1}).raise_for_error()
        assert "the Telemetry API does not reach into it" in first.record.fidelity.network
        said = messages(function)
        (asked,) = [line for line in said if line.startswith("one asked 202 ")]
        assert "Telemetry.NotSupported" in asked
        assert [line for line in said if "one gets no telemetry" in line]
        assert a_runtime_was_asked_to_end(function)
        eventually(lambda: [line for line in messages(function) if '"SPINDOWN"' in line])
        assert "exit status 3" in function.invoke({"exit": 3}).error.message
        assert eventually(lambda: [line for line in messages(function) if '"FAILURE"' in line])
        assert function.invoke({"hold": 80}).error.type == "Runtime.OutOfMemory"
        assert function.invoke({"n": 4}).raise_for_error().payload == {"n": 4}


def test_a_remote_engine_asks_a_runtime_with_internal_extensions_to_end(lab, monkeypatch, far_engine):
    lab["near"].deploy("def handler(event, context): return 1\n", runtime="python3.12")
    lab["near"].invoke().raise_for_error()  # there is a network now
    gateway = json.loads(docker("network", "inspect", "lambdalab"))[0]["IPAM"]["Config"][0]["Gateway"]
    monkeypatch.setenv("DOCKER_HOST", far_engine)
    with Lab(isolated=True, backend="docker", images=PREFIX, pull=False, docker_callback=gateway) as remote:
        remote["inside"].deploy(INTERNAL.replace("def echo(", "def handler("), runtime="python3.12")
        assert remote["inside"].invoke().raise_for_error().payload["refused"][0] == 403
        assert a_runtime_was_asked_to_end(remote["inside"])
