"""The filter of system calls: what is for the caller itself works on, what is for others does not."""

import ctypes
import errno
import os
import resource
import subprocess
import sys
import threading

import pytest

from lambdalab.runtimes.backends import kernel, seccomp

if not seccomp.available():
    pytest.skip("this kernel filters no system calls", allow_module_level=True)


def filtered(steps):
    """Run `steps` in a process with the filter; what went wrong there, or an empty text."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            kernel.no_new_privileges()
            seccomp.confine()
            steps()
        except BaseException as problem:
            os.write(write, f"{type(problem).__name__}: {problem}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as told:
        text = told.read().decode()
    assert os.waitpid(pid, 0)[1] == 0
    return text


OWN = {
    "limits": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "limits by number": lambda: resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE),
    "nice": lambda: os.nice(1),
    "priority by number": lambda: os.setpriority(os.PRIO_PROCESS, os.getpid(), 19),
    "processors": lambda: os.sched_setaffinity(0, os.sched_getaffinity(0)),
    "scheduler": lambda: os.sched_setscheduler(os.getpid(), os.SCHED_BATCH, os.sched_param(0)),
    "another program": lambda: subprocess.run(["/bin/sh", "-c", "ulimit -n 32; nice -n 5 true"], check=True),
    "a thread": lambda: threading.Thread(target=os.getpid).start(),
}


@pytest.mark.parametrize("call", OWN.values(), ids=OWN)
def test_what_a_process_asks_for_itself_works_on(call):
    assert filtered(call) == ""


OTHERS = {
    "limits": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, os.getppid())),
    "a group's priority": lambda: os.setpriority(os.PRIO_PGRP, 0, 0),
    "everybody's priority": lambda: os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_PROCESS, 0)),
    "processors": lambda: os.sched_setaffinity(os.getppid(), os.sched_getaffinity(os.getppid())),
    "scheduler": lambda: os.sched_setscheduler(os.getppid(), os.SCHED_OTHER, os.sched_param(0)),
}


@pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS)
def test_what_it_asks_for_another_is_refused(call):
    assert "PermissionError" in filtered(call)


def test_calls_by_the_numbers_of_another_interface_are_none():
    def steps():
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.syscall(0x40000000 | 39) == -1
        assert ctypes.get_errno() == errno.ENOSYS

    assert filtered(steps) == ""


def test_a_filter_cannot_be_taken_off_by_what_the_process_starts():
    program = f"import resource; resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE)"

    def steps():
        done = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=False)
        assert b"PermissionError" in done.stderr

    assert filtered(steps) == ""
