"""Calls that nobody waits for any more: what ends them, as `client/interrupted.py` tells, and what does not."""

import os
import signal
import threading
import time
from contextlib import suppress

import psutil
import pytest

from lambdalab import Lab
from lambdalab.client import region
from lambdalab.client.interrupted import InvocationInterrupted

ALWAYS = "def handler(event, context):\n    while True: pass\n"


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def lab(tmp_path):
    home = tmp_path / "home"
    made = Lab(home=home)
    yield made
    made.close()
    region.stop(made.settings)


def interrupt(lab, call):
    """Make `call` in this, the main thread, and press Ctrl-C once the region is at work on it."""
    running = lab._session.region()

    def press():
        until(lambda: running.status()["environments"]["busy"] == 1)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        call()
    finally:
        pressing.join()


def at_work(processes):
    """Whether one of them uses the processor."""

    def used():
        total = 0.0
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                total += sum(one.cpu_times()[:2])
        return total

    before = used()
    with suppress(AssertionError):
        until(lambda: used() > before, seconds=5)
    return used() > before


@pytest.mark.parametrize("how", ["invoke", "stream"])
def test_an_interrupted_call_says_what_becomes_of_it_and_is_a_keyboard_interrupt(lab, how):
    function = lab["loop"]
    function.deploy(ALWAYS, timeout=60)
    with pytest.raises(KeyboardInterrupt) as stopped:
        interrupt(lab, lambda: getattr(function, how)({}))
    assert isinstance(stopped.value, InvocationInterrupted)
    assert str(stopped.value) == (
        "stopped waiting for loop; it runs on in the region until it ends by itself or its timeout of 60 s is over."
        " `lambdalab stop` in a terminal ends it sooner, with the region; the next line starts that again."
    )
    assert stopped.value._render_traceback_() == [f"InvocationInterrupted: {stopped.value}"]


def test_neither_a_change_nor_deleting_ends_it_and_the_regions_end_does(lab):
    function = lab["loop"]
    function.deploy(ALWAYS, timeout=120)
    with suppress(InvocationInterrupted):
        interrupt(lab, lambda: function.invoke({}))
    processes = psutil.Process(lab._session.region().status()["pid"]).children(recursive=True)
    assert at_work(processes)
    function.deploy("def handler(event, context):\n    return 1\n")
    assert at_work(processes)
    function.delete()
    assert at_work(processes)
    region.stop(lab.settings)
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def test_a_version_is_told_its_own_timeout(lab):
    function = lab["loop"]
    function.deploy(ALWAYS, timeout=60)
    function.publish()
    function.configure(timeout=90)
    assert "its timeout of 60 s" in function.after_interrupt("1")
    assert "its timeout of 90 s" in function.after_interrupt()


def test_where_there_is_no_region_nothing_is_started_to_tell_it(tmp_path):
    assert Lab(home=tmp_path / "home")["loop"].after_interrupt() == "the region goes on by itself"
    assert not (tmp_path / "home").exists()
