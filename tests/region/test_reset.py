"""After a timeout, an exit or too much memory the environment is reset: a new process, the same /tmp and log stream."""

import io
import zipfile

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
SOURCE = """
import os, subprocess, sys, time

STARTED = time.monotonic()
CALLS = 0
TMP = os.environ.get("TMPDIR", "/tmp")
if os.path.exists(f"{TMP}/slow"):
    time.sleep(0.5)
if os.path.exists(f"{TMP}/hang"):
    time.sleep(60)


def handler(event, context):
    global CALLS
    CALLS += 1
    seen = {"calls": CALLS, "tmp": sorted(os.listdir(TMP)), "stream": context.log_stream_name,
            "left": context.get_remaining_time_in_millis()}
    for name, content in event.get("write", {}).items():
        os.makedirs(os.path.dirname(f"{TMP}/{name}"), exist_ok=True)
        open(f"{TMP}/{name}", "w").write(content)
    if "read" in event:
        seen["read"] = open(f"{TMP}/{event['read']}").read()
    if "links" in event:
        os.symlink("/etc/passwd", f"{TMP}/link")
        os.mkfifo(f"{TMP}/pipe")
    if "linked" in event:
        seen["linked"] = os.readlink(f"{TMP}/link")
    if "exit" in event:
        os._exit(event["exit"])
    if "kill" in event:
        os.kill(os.getpid(), event["kill"])
    if "hog" in event:
        kept = [bytearray(10_000_000) for _ in range(100)]
    if "hang" in event:
        time.sleep(60)
    if "leave" in event:
        subprocess.Popen([sys.executable, "-c", f"import time\\nwhile True: open('{TMP}/beat', 'a').write('x'); time.sleep(0.001)"])
        os._exit(1)
    return seen
"""
FAILURES = {
    "a timeout": ({"hang": 1}, "timeout"),
    "an exit": ({"exit": 3}, "exit"),
    "a signal": ({"kill": 11}, "exit"),
    "too much memory": ({"hog": 1}, "out_of_memory"),
    "an exit that leaves a process": ({"leave": 1}, "exit"),
}


@pytest.fixture(scope="module", params=["namespaces", "process"])
def lab(request):
    with Lab(isolated=True, backend=request.param) as made:
        yield made


@pytest.fixture
def function(lab, request):
    # A function of its own for each test: its first environment is the test's.
    made = lab[f"f{abs(hash(request.node.nodeid)) % 10**8}"]
    made.deploy(SOURCE, runtime="python3.12", timeout=2, memory=256)
    yield made
    made.delete()


@pytest.mark.parametrize(("event", "outcome"), FAILURES.values(), ids=FAILURES)
def test_the_next_call_has_a_new_process_in_the_same_environment(function, event, outcome):
    failed = function.invoke({"write": {"a/b/file": "content"}, **event})
    assert failed.record.outcome == outcome
    after = function.invoke({"read": "a/b/file"})
    assert after.ok, after
    assert after.payload["read"] == "content"
    assert after.payload["calls"] == 1, "globals begin anew"
    assert after.payload["stream"] == failed.record.log_stream == after.record.log_stream
    assert after.record.environment_id == failed.record.environment_id
    assert after.record.nth_call == 2


def test_its_init_is_part_of_the_call_and_of_its_time(function):
    function.invoke({"write": {"slow": ""}, "exit": 1})
    after = function.invoke({})
    assert after.record.init_ms is None
    assert after.record.cold
    assert after.record.repeated_ms >= 500
    assert 500 <= after.record.duration_ms <= after.record.billed_ms < 2000
    assert after.payload["left"] <= 1500
    kinds = [line.split(" ")[0] for line in after.log.splitlines()]
    assert kinds == ["START", "END", "REPORT"], "no INIT_START, and nothing of the call before"
    assert "Init Duration" not in after.log
    assert "initialised again" in after.record.start_reason
    assert not function.invoke({}).record.cold


def test_an_init_that_takes_the_whole_time_is_a_timeout_of_the_functions(function):
    function.invoke({"write": {"hang": ""}, "exit": 1})
    after = function.invoke({})
    assert after.record.outcome == "timeout"
    assert after.record.duration_ms == 2000
    assert "INIT_REPORT Init Duration: " in after.log
    assert "Phase: invoke\tStatus: timeout" in after.log
    assert not after.record.initialised and after.record.handler_ms == 0
    assert "The handler was not called." in after._repr_html_()
    # It is given up then: the next call has a new environment.
    fresh = function.invoke({})
    assert fresh.ok
    assert fresh.payload["tmp"] == []
    assert fresh.record.environment_id != after.record.environment_id


def test_links_and_pipes_in_tmp_are_kept_as_what_they_are(function):
    function.invoke({"links": 1, "exit": 1})
    after = function.invoke({"linked": 1})
    assert after.payload["tmp"] == ["link", "pipe"]
    assert after.payload["linked"] == "/etc/passwd"


def test_tmp_is_kept_over_several_failures(function):
    for number in range(3):
        function.invoke({"write": {f"file{number}": ""}, "exit": 1})
    assert function.invoke({}).payload["tmp"] == ["file0", "file1", "file2"]


def test_a_change_makes_new_environments_all_the_same(function):
    function.invoke({"write": {"file": ""}, "exit": 1})
    function.configure(env={"CHANGED": "1"})
    after = function.invoke({})
    assert after.payload["tmp"] == []
    assert after.init_ms is not None


EXTENSION = """#!/usr/bin/python3
import json, os, urllib.request
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
asked = urllib.request.Request(f"{api}/register", json.dumps({"events": ["INVOKE", "SHUTDOWN"]}).encode(),
                               {"Lambda-Extension-Name": "watcher"}, method="POST")
me = urllib.request.urlopen(asked).headers["Lambda-Extension-Identifier"]
while True:
    event = json.load(urllib.request.urlopen(urllib.request.Request(f"{api}/event/next", headers={"Lambda-Extension-Identifier": me})))
    print("heard", event["eventType"], event.get("shutdownReason"), flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
"""


def test_extensions_are_told_of_it_and_begin_again_with_what_was_in_tmp(lab, function):
    info = zipfile.ZipInfo("extensions/watcher")
    info.external_attr = 0o100755 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(info, EXTENSION)
    lab.client().publish_layer_version(LayerName="watcher", Content={"ZipFile": data.getvalue()})
    function.configure(layers=["watcher:1"])
    failed = function.invoke({"write": {"file": "content"}, "exit": 1})
    assert failed.record.outcome == "exit"
    after = function.invoke({"read": "file"})
    assert after.ok, after
    assert after.payload["read"] == "content"
    assert "heard INVOKE" in after.log
    assert "heard SHUTDOWN FAILURE" in "\n".join(event.message for event in function.logs())
