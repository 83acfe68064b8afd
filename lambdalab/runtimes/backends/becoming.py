"""What the supervisor's forked child does until it is the command: it confines itself, and executes it.

A sandbox without a process namespace has a holder, the process that the supervisor forked: it forks the one that
becomes the command, adopts every orphan below it, ends what is left when the command has ended, and ends as it did.
So whatever a function starts stays below its sandbox's first process, daemons too, and none outlives it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import resource
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdalab.runtimes.backends import kernel, landlock, processes, seccomp

MESSAGE = 1 << 20
"""The size of the largest message between region, supervisor and waiting processes."""
FDS = 5
"""Descriptors with a message at most: three of the sandbox's, and one to tell a problem by."""
GATE = b"gate"
"""What comes with the gate's descriptor, before any problem."""
_ABOVE = 10
"""Descriptors from here on are out of the way of those that a command is given by number."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start and how to confine it.

    `limits` are (resource, soft and hard value) pairs of `setrlimit`; `readable` and `writable` are Landlock's
    path rules, None for no Landlock; `cgroups` are `cgroup.procs` files to join. `plain` gives up the
    capabilities that root has; `filtered` leaves it no system call that is for other processes. `held` puts a holder
    above it; `processes` is how many processes and threads may live below that, 0 where something else counts them.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: str = "/"
    limits: Sequence[tuple[int, int]] = ()
    readable: Sequence[str] | None = None
    writable: Sequence[str] = ()
    cgroups: Sequence[str] = ()
    plain: bool = False
    filtered: bool = False
    held: bool = False
    processes: int = 0


def become(command: Command, fds: Sequence[int], tell: int) -> None:
    """In the forked child: confine this process and become the command. Never returns."""
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        for path in command.cgroups:
            _join(path)
        if command.held:
            _hold()
        os.setsid()
        tell = _give(fds, tell)
        kernel.no_new_privileges()
        if command.plain:
            kernel.drop_capabilities()
        if command.readable is not None:
            landlock.confine(command.readable, command.writable)
        if command.filtered:
            gate = seccomp.confine(gated=command.processes > 0)
            if gate >= 0:
                with socket.socket(fileno=os.dup(tell)) as line:
                    socket.send_fds(line, [GATE], [gate])
        # Only now: what this copy has open until it becomes the command may be more than the command may open.
        for kind, wanted in command.limits:
            hard = resource.getrlimit(kind)[1]
            value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(kind, (value, value))
        os.chdir(command.directory)
        os.execve(command.argv[0], list(command.argv), dict(command.environment))  # noqa: S606 - no shell is meant
    except OSError as problem:
        os.write(tell, f"{problem.errno or errno.EINVAL} {problem}".encode())
    finally:
        os._exit(127)


def _hold() -> None:
    """Stay as the holder of the process that this returns in: adopt its orphans, and end as it ends, with them."""
    kernel.become_subreaper()
    first = os.fork()
    if first == 0:
        return
    try:
        _let_go_of_everything()
        while True:
            ended, status = os.waitpid(-1, 0)
            if ended == first:
                break
        processes.end_all_below()
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number != signal.SIGKILL:
                signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        os._exit(os.WEXITSTATUS(status))
    finally:
        os._exit(127)


def _let_go_of_everything() -> None:
    """What a copy keeps open would not end with the others'; signals are for those that it holds."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            os.close(int(name))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _give(fds: Sequence[int], tell: int) -> int:
    """Put the descriptors where the command expects them; returns where `tell` is then."""
    null = os.open(os.devnull, os.O_RDONLY)
    if len(fds) == 1:
        places = [(null, 0), (fds[0], 1), (fds[0], 2)]
    else:
        log, line, extensions = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for fd in fds)
        tell = fcntl.fcntl(tell, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
        places = [(line, 0), (log, 1), (log, 2), (line, 3), (extensions, 4)]
    for source, target in places:
        os.dup2(source, target)
    return tell


def wait_to_become(line: socket.socket, cgroups: Sequence[str]) -> None:
    """In a preforked child: join the groups, wait for the command, become it. Never returns."""
    signal.set_wakeup_fd(-1)
    problem: OSError | None = None
    try:
        for path in cgroups:
            _join(path)
    except OSError as refused:
        problem = refused
    try:
        data, fds, _, _ = socket.recv_fds(line, MESSAGE, FDS)
        if not data:
            os._exit(0)
        tell, *given = fds
        os.set_inheritable(tell, False)
        if problem is not None:
            os.write(tell, f"{problem.errno} {problem}".encode())
            os._exit(127)
        become(Command(**json.loads(data)), given, tell)
    finally:
        os._exit(127)


def _join(procs_file: str) -> None:
    fd = os.open(procs_file, os.O_WRONLY)
    os.write(fd, b"0")
    os.close(fd)
