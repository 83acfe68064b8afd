"""What a function leaves behind in a hardened process, whatever it did to be forgotten."""

import os
import signal
import threading

import psutil
import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
DAEMON = """
import os

def handler(event, context):
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.set_inheritable(write, True)
            os.execve("/bin/sh", ["sh", "-c", f"echo $$ >&{write}; exec sleep 600"], {})
        os._exit(0)
    return [os.getppid(), os.getpid(), int(os.read(read, 10))]
"""


@pytest.fixture
def function():
    with Lab(isolated=True, backend="process") as lab:
        lab["daemon"].deploy(DAEMON, runtime="python3.12")
        yield lab["daemon"]


def is_gone(pid):
    for _ in range(100):
        if not psutil.pid_exists(pid):
            return True
        threading.Event().wait(0.05)
    return False


def test_a_daemon_without_session_and_variables_stays_below_its_holder_and_ends_with_the_environment(function):
    holder, runtime, daemon = function.invoke().payload
    assert {runtime, daemon} <= {child.pid for child in psutil.Process(holder).children()}
    function.delete()
    assert all(map(is_gone, (holder, runtime, daemon)))


def test_nothing_outlives_a_holder_that_was_killed(function):
    holder, runtime, daemon = function.invoke().payload
    os.kill(holder, signal.SIGKILL)
    assert all(map(is_gone, (holder, runtime, daemon)))
    assert function.invoke().ok, "the next environment is a new one"


def test_a_runtime_that_ends_takes_its_daemon_with_it(function):
    _, runtime, daemon = function.invoke().payload
    os.kill(runtime, signal.SIGKILL)
    assert all(map(is_gone, (runtime, daemon)))
