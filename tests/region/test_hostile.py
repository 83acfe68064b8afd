"""Whatever a function does, the region answers the next request within a second."""

import json
import os
import threading
import time

import psutil
import pytest

from lambdalab import Lab
from lambdalab.runtimes.runtime_api import MOST_CONNECTIONS

pytestmark = pytest.mark.toolchains

HOSTILE = {
    "exits with status 3": "import os\ndef handler(e, c): os._exit(3)",
    "segmentation fault": "import ctypes\ndef handler(e, c): ctypes.string_at(0)",
    "a hundred megabytes of output": (
        "import sys\ndef handler(e, c):\n    for _ in range(100): sys.stdout.write(('x' * 1023 + '\\n') * 1024)\n    return 'done'"
    ),
    "one line of a hundred megabytes": (
        "import os\ndef handler(e, c):\n    for _ in range(1600): os.write(1, b'x' * 65536)\n    return 'done'"
    ),
    "fork bomb": "import os\ndef handler(e, c):\n    while True:\n        try: os.fork()\n        except OSError: pass",
    "endless loop": "def handler(e, c):\n    while True: pass",
    "memory hog": "def handler(e, c):\n    kept = []\n    while True: kept.append(bytearray(10_000_000))",
    "kills its parent": "import os\ndef handler(e, c):\n    os.kill(os.getppid(), 9)\n    return 'done'",
    "kills everything it can": "import os\ndef handler(e, c):\n    os.kill(-1, 9)\n    return 'done'",
    "stops itself": "import os, signal\ndef handler(e, c): os.kill(os.getpid(), signal.SIGSTOP)",
    "leaves a daemon": (
        "import os, time\ndef handler(e, c):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork(): os._exit(0)\n        while True: time.sleep(1)\n    return 'done'"
    ),
    "closes every descriptor": "import os\ndef handler(e, c):\n    os.closerange(0, 1024)\n    return 'done'",
    "answers twice": (
        "import os, urllib.request\ndef handler(e, c):\n"
        "    url = f'http://{os.environ[\"AWS_LAMBDA_RUNTIME_API\"]}/2018-06-01/runtime/invocation/{c.aws_request_id}/response'\n"
        "    urllib.request.urlopen(urllib.request.Request(url, b'\"mine\"', method='POST')).read()\n    return 'second'"
    ),
}

CONNECTS = """
import os, socket, struct
kept = []
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    for _ in range(event["n"]):
        try:
            kept.append(socket.create_connection((host, int(port))))
            if event["reset"]:
                kept[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                kept.pop().close()
        except ConnectionError:
            pass
    return len(kept)
"""
"""Opens connections to its own Runtime API, and resets or keeps each."""


@pytest.fixture(scope="module", params=["namespaces", "process", pytest.param("docker", marks=pytest.mark.docker)])
def lab(request):
    images = os.environ.get("LAMBDALAB_TEST_IMAGES", "lambdalab-test")
    with Lab(isolated=True, backend=request.param, images=images) as made:
        yield made


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_the_region_answers_within_a_second_while_and_after(lab, source):
    lab["good"].deploy("def handler(e, c): return 'good'", runtime="python3.12")
    lab["hostile"].deploy(source, runtime="python3.12", timeout=3)
    lab["good"].invoke()
    ended = threading.Event()
    results = []

    def run():
        try:
            results.append(lab["hostile"].invoke())
        finally:
            ended.set()

    thread = threading.Thread(target=run)
    thread.start()
    slowest = 0.0
    deadline = time.monotonic() + 60
    while True:
        last = ended.wait(0.05)
        began = time.monotonic()
        assert lab["good"].invoke().payload == "good"
        slowest = max(slowest, time.monotonic() - began)
        if last:
            break
        assert time.monotonic() < deadline, "the hostile function was not ended"
    thread.join()
    assert slowest < 1.0
    assert results, "the hostile function's caller got no answer"
    assert results[0].ok or results[0].error.type, json.dumps(results[0].raw.decode())


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "kept"])
def test_connections_to_its_own_port_cost_the_region_few_descriptors(lab, reset):
    lab["connects"].deploy(CONNECTS, runtime="python3.12", memory=1769, timeout=30)
    lab["connects"].invoke({"n": 0, "reset": reset})
    region = psutil.Process(lab.doctor()["pid"])
    before = region.num_fds()
    assert lab["connects"].invoke({"n": 600, "reset": reset}).ok
    assert region.num_fds() - before < (40 if reset else MOST_CONNECTIONS + 40)
