"""The gate: who starts processes and threads below it is counted, and the one too many is refused."""

import os
import select
import signal
import socket
import threading

import pytest

from lambdalab.runtimes.backends import kernel, processes, seccomp
from lambdalab.runtimes.backends.gate import Gate

if not seccomp.gates():
    pytest.skip("this kernel has no gates", allow_module_level=True)


def below(steps):
    """Start a process behind a gate and run `steps`; its gate's descriptor, and the pid of what holds it.

    The tests' own process may have other children.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0 and os.fork() != 0:
        ours.close()
        theirs.close()
        os.wait()
        os._exit(0)
    if pid == 0:
        try:
            kernel.no_new_privileges()
            listener = seccomp.confine(gated=True)
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            steps(theirs)
        except BaseException as problem:
            theirs.sendall(f"{type(problem).__name__}: {problem}".encode())
        finally:
            os._exit(0)
    theirs.close()
    _, (listener,), _, _ = socket.recv_fds(ours, 1, 1)
    return listener, pid, ours


def answered(steps, limit):
    """What the steps say behind a gate of so many, and the pauses that the gate asked for."""
    listener, pid, said = below(steps)
    gate, pauses = Gate(listener, pid, limit), []
    try:
        poll = select.poll()
        for fd in (listener, said.fileno()):
            poll.register(fd, select.POLLIN)
        while said.fileno() not in (events := dict(poll.poll(10_000))):
            assert events, "nothing more is heard of it"
            pauses.append(gate.answer())
        return said.recv(4096).decode(), pauses
    finally:
        processes.signal_all(processes.tree(pid), signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(listener)
        said.close()


def test_as_many_as_are_allowed_pass():
    def steps(told):
        for _ in range(100):
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
        told.sendall(b"all")

    said, pauses = answered(steps, 1024)
    assert said == "all"
    assert pauses == [0.0] * 100, "nobody waits for less than a crowd"


def test_the_one_too_many_is_told_so_and_waits_for_it():
    def steps(told):
        made = 0
        try:
            while made < 200:
                if os.fork() == 0:
                    told.close()
                    signal.pause()
                made += 1
        except BlockingIOError:  # EAGAIN
            told.sendall(str(made).encode())
        signal.pause()

    made, pauses = answered(steps, 80)
    assert made == "79", "with the one that forks they are as many as are allowed"
    assert pauses[-1] > pauses[-2] > pauses[0] == 0.0


def test_a_crowd_runs_when_nothing_else_wants_to():
    def steps(told):
        for _ in range(70):
            if os.fork() == 0:
                told.close()
                signal.pause()
        told.sendall(str(os.sched_getscheduler(0)).encode())
        signal.pause()

    assert answered(steps, 1024)[0] == str(os.SCHED_IDLE)
