"""Memory that processes share is memory once: what forks have in common is neither limited nor reported twice."""

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
FORKS = """
import os, signal, time

def handler(event, context):
    held = os.urandom(1 << 20) * event["before"]
    ready, tell = os.pipe()
    children = []
    for _ in range(event["forks"]):
        child = os.fork()
        if child == 0:
            more = os.urandom(1 << 20) * event["after"]
            os.write(tell, b"x")
            signal.pause()
        children.append(child)
    for _ in children:
        os.read(ready, 1)
    time.sleep(0.5)  # all of them hold what they hold, for as long as it takes to be seen
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return len(held)
"""


@pytest.fixture(scope="module", params=["namespaces", "process"])
def lab(request):
    with Lab(isolated=True, backend=request.param) as made:
        yield made


@pytest.fixture
def function(lab):
    lab["forks"].deploy(FORKS, runtime="python3.12", memory=256, timeout=20)
    return lab["forks"]


def test_forks_that_share_what_their_parent_held_are_within_the_size(function):
    result = function.invoke({"before": 60, "forks": 5, "after": 0})
    assert result.ok, result
    assert 60 <= result.record.max_memory_mb <= 120


def test_what_forks_hold_beyond_that_is_counted_for_each(function):
    result = function.invoke({"before": 10, "forks": 3, "after": 40})
    assert result.ok, result
    assert result.record.max_memory_mb >= 130


def test_forks_that_hold_too_much_together_are_out_of_memory(function):
    result = function.invoke({"before": 10, "forks": 5, "after": 60})
    assert result.record.outcome == "out_of_memory", result
    assert result.record.max_memory_mb == 256


THREADS = """
import threading

def handler(event, context):
    done, threads = threading.Event(), []
    try:
        for _ in range(event["threads"]):
            threads.append(threading.Thread(target=done.wait))
            threads[-1].start()
    finally:
        done.set()
    return len(threads)
"""


def test_a_function_may_have_as_many_threads_as_on_aws(lab):
    lab["threads"].deploy(THREADS, runtime="python3.12", memory=128, timeout=60)
    assert lab["threads"].invoke({"threads": 900}).payload == 900


def test_much_too_much_in_one_piece_is_out_of_memory_too(lab):
    lab["piece"].deploy(
        "def handler(event, context):\n    return len(b'x' * (3 << 30))\n", runtime="python3.12", memory=128, timeout=20
    )
    result = lab["piece"].invoke()
    assert result.record.outcome == "out_of_memory", result


MEMFD = """
import mmap, os
KEPT = []

def handler(event, context):
    if event["write"]:
        KEPT.append(os.memfd_create("kept"))
        for _ in range(event["write"]):
            os.write(KEPT[0], b"x" * (1 << 20))
    if event["map"]:
        KEPT.append(mmap.mmap(KEPT[0], event["map"] << 20))
        for at in range(0, event["map"] << 20, 4096):
            KEPT[1][at] = 1
    return "held"
"""


@pytest.fixture
def holder(lab):
    lab["memfd"].deploy(MEMFD, runtime="python3.12", memory=256, timeout=20)
    yield lab["memfd"]
    lab["memfd"].delete()


def test_a_file_of_memory_is_memory_also_where_it_is_mapped_nowhere(holder):
    held = holder.invoke({"write": 100, "map": 0})
    assert held.ok, held
    assert 100 <= holder.invoke({"write": 0, "map": 0}).record.max_memory_mb <= 140


def test_a_file_of_memory_that_is_mapped_is_memory_once(holder):
    held = holder.invoke({"write": 100, "map": 100})
    assert held.ok, held
    assert 100 <= holder.invoke({"write": 0, "map": 0}).record.max_memory_mb <= 140


def test_too_large_a_file_of_memory_is_out_of_memory(holder):
    result = holder.invoke({"write": 600, "map": 0})
    assert result.record.outcome == "out_of_memory", result
    assert result.record.max_memory_mb == 256
